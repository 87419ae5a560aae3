/**
 * Checks of origins, made by each node by itself, for sites that ask for them. Each address of a server is asked as a visitor's request would be: its
 * Host, its TLS name and verification, its client certificate, its signature. `fall` failures in a row take an address down, `rise` successes
 * bring it back; what changed is told once. Checks are spread by chance over their interval, and only so many run at once: with more to
 * do than that, checks come later and never pile up.
 */
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import type { HealthCheck } from "../contract/origin-pool.ts";
import type { OriginState } from "../contract/origin-health.ts";

/** One address of one server of one site, and how it is asked. */
export type HealthTarget = {
  readonly siteId: string;
  /** A literal, IPv6 in brackets. */
  readonly address: string;
  readonly port: number;
  readonly check: HealthCheck;
  readonly scheme: "http" | "https";
  readonly host: string;
  readonly tlsName: string;
  readonly verify: "strict" | "off";
  readonly client: { readonly chainPem: string; readonly keyPem: string } | null;
  /** Fields of a signed request, made anew for each check. */
  readonly signed: (() => Readonly<Record<string, string>>) | null;
};

export type AddressHealth = {
  readonly state: OriginState;
  readonly sinceMs: number;
  readonly why: string | null;
};

export type HealthOptions = {
  /** PEM of the authorities that strict origins are verified against. */
  readonly originCaPem: string;
  readonly now: () => number;
  /** Sites of which an address went down, came back, or was first found up. */
  readonly onChange: (sites: ReadonlySet<string>) => void;
  readonly random?: () => number;
};

type Watch = {
  target: HealthTarget;
  dueAtMs: number;
  /** Asked right now, or in line for it. */
  busy: boolean;
  gone: boolean;
  state: OriginState;
  sinceMs: number;
  why: string | null;
  /** In a row, of the kind that `state` is not. */
  streak: number;
};

const AT_ONCE_MAX = 64;
const TICK_MS = 250;
/** Part of an interval by which a check may come earlier or later. */
const JITTER = 0.1;

export class Health {
  readonly #options: HealthOptions;
  readonly #watches = new Map<string, Watch>();
  readonly #keysOf = new Map<string, readonly string[]>();
  readonly #line: Watch[] = [];
  #running = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(options: HealthOptions) {
    this.#options = options;
  }

  start(): void {
    this.#timer ??= setInterval(() => this.#checkDue(), TICK_MS);
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    for (const watch of this.#watches.values()) watch.gone = true;
    this.#watches.clear();
    this.#line.length = 0;
  }

  /** All targets of a site. What is known of an address stays as long as it is asked the same way. */
  watch(siteId: string, targets: readonly HealthTarget[]): void {
    const keys = targets.map(keyOf);
    for (const key of this.#keysOf.get(siteId) ?? []) {
      if (keys.includes(key)) continue;
      const watch = this.#watches.get(key);
      if (watch !== undefined) watch.gone = true;
      this.#watches.delete(key);
    }
    if (keys.length === 0) this.#keysOf.delete(siteId);
    else this.#keysOf.set(siteId, keys);
    const now = this.#options.now();
    for (const [i, target] of targets.entries()) {
      const known = this.#watches.get(keys[i]!);
      if (known !== undefined) known.target = target;
      else this.#watches.set(keys[i]!, newWatch(target, now + this.#spread(target)));
    }
  }

  of(target: Pick<HealthTarget, "siteId" | "address" | "port">): AddressHealth | null {
    const watch = this.#watches.get(keyOf(target));
    return watch === undefined ? null : { state: watch.state, sinceMs: watch.sinceMs, why: watch.why };
  }

  /** The first check of an address comes within two seconds, or within its interval if many are watched. */
  #spread(target: HealthTarget): number {
    const withinMs = this.#watches.size > AT_ONCE_MAX ? target.check.intervalSeconds * 1000 : 2000;
    return withinMs * this.#random();
  }

  #random(): number {
    return (this.#options.random ?? Math.random)();
  }

  /** Those whose time came stand in line, the longest due first: however many there are, each has its turn. */
  #checkDue(): void {
    const now = this.#options.now();
    const due: Watch[] = [];
    for (const watch of this.#watches.values()) {
      if (watch.busy || watch.dueAtMs > now) continue;
      watch.busy = true;
      due.push(watch);
    }
    this.#line.push(...due.toSorted((a, b) => a.dueAtMs - b.dueAtMs));
    this.#goOn();
  }

  #goOn(): void {
    while (this.#running < AT_ONCE_MAX) {
      const watch = this.#line.shift();
      if (watch === undefined) return;
      if (!watch.gone) void this.#check(watch);
    }
  }

  async #check(watch: Watch): Promise<void> {
    this.#running += 1;
    const why = await askOnce(watch.target, this.#options.originCaPem);
    this.#running -= 1;
    watch.busy = false;
    const now = this.#options.now();
    const { check, siteId } = watch.target;
    watch.dueAtMs = now + check.intervalSeconds * 1000 * (1 + JITTER * (2 * this.#random() - 1));
    if (!watch.gone && judge(watch, why, now)) this.#options.onChange(new Set([siteId]));
    this.#goOn();
  }
}

/** Takes one result in. True when the state changed. */
export function judge(
  watch: Pick<Watch, "state" | "sinceMs" | "why" | "streak"> & {
    readonly target: Pick<HealthTarget, "check">;
  },
  why: string | null,
  nowMs: number,
): boolean {
  const { rise, fall } = watch.target.check;
  const found: OriginState = why === null ? "up" : "down";
  if (found === watch.state) {
    watch.streak = 0;
    watch.why = why;
    return false;
  }
  watch.streak += 1;
  // The first success says enough of what was never checked.
  const needed = found === "down" ? fall : watch.state === "unchecked" ? 1 : rise;
  if (watch.streak < needed) return false;
  watch.state = found;
  watch.sinceMs = nowMs;
  watch.why = why;
  watch.streak = 0;
  return true;
}

/** Null when the answer is healthy, else why not. Never throws. */
export function askOnce(target: HealthTarget, originCaPem: string): Promise<string | null> {
  const { check, address, port } = target;
  return new Promise((resolve) => {
    const done = (why: string | null): void => {
      clearTimeout(timer);
      asking.destroy();
      resolve(why);
    };
    const asking = (target.scheme === "https" ? httpsRequest : httpRequest)({
      host: address.replace(/^\[|\]$/g, ""),
      port,
      path: check.path,
      method: "GET",
      agent: false,
      headers: {
        host: target.host,
        "user-agent": "Parapet health check",
        ...target.signed?.(),
      },
      ...(target.scheme === "https"
        ? {
            // SNI takes names alone (RFC 6066 §3); verification is by name, as nginx does it.
            servername: target.tlsName,
            rejectUnauthorized: target.verify === "strict",
            ca: originCaPem,
            ...(target.client === null ? {} : { cert: target.client.chainPem, key: target.client.keyPem }),
          }
        : {}),
    });
    const timer = setTimeout(
      () => done(`No answer from ${address}:${port} within ${check.timeoutSeconds} s`),
      check.timeoutSeconds * 1000,
    );
    asking.on("response", (answer) => {
      answer.on("error", () => undefined);
      const status = answer.statusCode ?? 0;
      const healthy = status >= check.statusMin && status <= check.statusMax;
      done(
        healthy
          ? null
          : `${address}:${port} answered ${status} to ${check.path}, not ${check.statusMin} to ${check.statusMax}`,
      );
    });
    asking.on("error", (error: Error & { code?: string }) =>
      done(`Cannot ask ${address}:${port} (${error.code ?? error.message})`),
    );
    asking.end();
  });
}

function newWatch(target: HealthTarget, dueAtMs: number): Watch {
  return {
    target,
    dueAtMs,
    busy: false,
    gone: false,
    state: "unchecked",
    sinceMs: 0,
    why: null,
    streak: 0,
  };
}

function keyOf({ siteId, address, port }: Pick<HealthTarget, "siteId" | "address" | "port">): string {
  return `${siteId} ${address}:${port}`;
}
