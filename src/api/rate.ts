/**
 * How often one client may try something: a fixed window of counts, in memory, with a bound on the keys. When every key is
 * taken and none has expired, newcomers share one allowance, so that filling the table neither frees the one who fills it nor
 * grows memory (design law 11). Addresses are keys for the length of one window and are written nowhere.
 */
import { isIPv4, isIPv6 } from "node:net";
import { Fault } from "../contract/fault.ts";

export type RateLimit = {
  readonly max: number;
  readonly windowMs: number;
  readonly keysMax: number;
  readonly now: () => number;
};

export type Rate = {
  /** Counts one try of `key`; throws Fault limit.rate when its allowance is spent. */
  take(key: string): void;
  /** Whether `key` has anything left, without counting. */
  check(key: string): void;
  /** Gives one try back: it turned out to be right. */
  giveBack(key: string): void;
  /** Keys held now, for tests. */
  size(): number;
};

const OVERFLOW = "\0overflow";

export function createRate(limit: RateLimit): Rate {
  const windows = new Map<string, { count: number; endsAt: number }>();

  /** A window that ends later than any can was begun before the clock was set back: it counts as over. */
  const runs = (window: { readonly endsAt: number }, now: number): boolean =>
    window.endsAt > now && window.endsAt <= now + limit.windowMs;

  const windowOf = (key: string): { count: number; endsAt: number } => {
    const now = limit.now();
    const known = windows.get(key);
    if (known && runs(known, now)) return known;
    if (known) windows.delete(key);
    if (windows.size >= limit.keysMax) {
      // Windows are all equally long and a Map keeps the order of insertion, so the expired ones come first.
      for (const [old, window] of windows) {
        if (runs(window, now)) break;
        windows.delete(old);
      }
    }
    const kept = windows.size >= limit.keysMax && key !== OVERFLOW ? OVERFLOW : key;
    if (kept !== key) return windowOf(OVERFLOW);
    const fresh = { count: 0, endsAt: now + limit.windowMs };
    windows.set(key, fresh);
    return fresh;
  };

  const refuse = (endsAt: number): never => {
    const retryAfterMs = Math.max(1000, endsAt - limit.now());
    const seconds = Math.ceil(retryAfterMs / 1000);
    const wait = seconds < 90 ? `${seconds} seconds` : `${Math.ceil(seconds / 60)} minutes`;
    throw new Fault("limit.rate", `Too many tries: wait ${wait} and try again`, { retryAfterMs });
  };

  return {
    take(key) {
      const window = windowOf(key);
      if (window.count >= limit.max) refuse(window.endsAt);
      window.count += 1;
    },
    check(key) {
      const window = windowOf(key);
      if (window.count >= limit.max) refuse(window.endsAt);
    },
    giveBack(key) {
      const window = windowOf(key);
      window.count = Math.max(0, window.count - 1);
    },
    size: () => windows.size,
  };
}

/** One client: an IPv4 address, or the /64 of an IPv6 address, as one customer line holds a whole /64 (RFC 6177). */
export function clientKey(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  if (mapped) return mapped[1] ?? address;
  if (!isIPv6(address)) return address;
  const [head = "", tail = ""] = address.toLowerCase().split("%")[0]?.split("::") ?? [];
  const left = head === "" ? [] : head.split(":");
  const right = tail === "" ? [] : tail.split(":");
  const middle = address.includes("::")
    ? Array<string>(Math.max(0, 8 - left.length - right.length)).fill("0")
    : [];
  return [...left, ...middle, ...right]
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ""))
    .join(":");
}

/** What `clientKey` made of an address, as a CIDR range; null when the call came from elsewhere than the network. */
export function clientRange(key: string): string | null {
  if (isIPv4(key)) return `${key}/32`;
  const range = `${key}::`;
  return key.includes(":") && isIPv6(range) ? `${range}/64` : null;
}
