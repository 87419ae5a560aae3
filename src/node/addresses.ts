/**
 * Where each origin's name leads right now. A name is resolved when a policy brings it and again when its record's time is over, a little
 * early by chance, so that thousands of names do not ask at once. A failed look-up keeps the last addresses, since an origin does
 * not vanish because a resolver does. Addresses that the edge may not connect to are left out, at every resolution anew, and
 * reported: a customer's DNS must not open the operator's network, and must not keep a measure from being enforced either, so a
 * name that leads nowhere usable makes the origin count as down and nothing else.
 */
import type { OriginServer } from "../contract/origin-pool.ts";
import { isAddress } from "../contract/public-address.ts";
import { ADDRESSES_MAX, isOwnListener, literal, whyAddressRefused } from "./origin-address.ts";
import type { Resolve } from "../names/resolver.ts";

type Server = Pick<OriginServer, "host" | "port">;

const AT_ONCE_MAX = 16;
const TTL_SECONDS_MIN = 5;
const TTL_SECONDS_MAX = 3600;
const RETRY_SECONDS_MAX = 60;
/** Up to this part of a record's time is given up, by chance. */
const JITTER = 0.1;
const TICK_MS = 500;

export type AddressesOptions = {
  readonly resolve: Resolve;
  readonly originPrivateRanges: readonly string[];
  /** "HOST:PORT" of this edge. */
  readonly listen: string;
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number;
  /** A sentence about addresses that were left out. */
  readonly onRefused: (why: string) => void;
  /** Sites whose origins have other addresses now. */
  readonly onChange: (owners: ReadonlySet<string>) => void;
};

type Name = {
  readonly host: string;
  readonly ports: Set<number>;
  readonly owners: Set<string>;
  dueAtMs: number;
  failures: number;
  asking: Promise<boolean> | null;
};

export class Addresses {
  readonly #options: AddressesOptions;
  readonly #names = new Map<string, Name>();
  /** "host:port" → literals for nginx. */
  readonly #known = new Map<string, readonly string[]>();
  readonly #wanted = new Map<string, readonly Server[]>();
  #running = 0;
  readonly #waiting: (() => void)[] = [];
  #timer: NodeJS.Timeout | null = null;

  constructor(options: AddressesOptions) {
    this.#options = options;
  }

  /** From now on names are resolved when their time comes. */
  start(): void {
    this.#timer ??= setInterval(() => this.#askDue(), TICK_MS);
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  /** What is known of the origin; empty if nothing is. */
  of(server: Server): readonly string[] {
    return this.#known.get(keyOf(server)) ?? [];
  }

  /** The servers that a site has now; none lets go of its names, so that memory follows the sites. */
  want(owner: string, servers: readonly Server[]): void {
    const before = this.#wanted.get(owner) ?? [];
    if (servers.length === 0) this.#wanted.delete(owner);
    else this.#wanted.set(owner, servers);
    for (const { host, port } of servers) {
      const name = this.#names.get(host) ?? newName(host);
      this.#names.set(host, name);
      if (!name.ports.has(port) && name.ports.size > 0) name.dueAtMs = 0; // Judged for another port so far.
      name.ports.add(port);
      name.owners.add(owner);
    }
    const kept = new Set(servers.map(({ host }) => host));
    for (const { host } of before) {
      const name = this.#names.get(host);
      if (kept.has(host) || name === undefined) continue;
      name.owners.delete(owner);
      if (name.owners.size > 0) continue;
      this.#names.delete(host);
      for (const port of name.ports) this.#known.delete(keyOf({ host, port }));
    }
  }

  /** Takes over addresses from an earlier run, judged anew. They hold until the name is resolved. */
  remember(server: Server, addresses: readonly string[]): void {
    const usable = this.#usable(
      server,
      addresses.map((address) => address.replace(/^\[|\]$/g, "")),
    );
    if (usable.length > 0) this.#known.set(keyOf(server), usable);
  }

  /** Resolves when everything is known that can be of this owner's servers. Others of the same name are told by `onChange`. */
  async resolveFresh(owner: string): Promise<void> {
    const fresh = (this.#wanted.get(owner) ?? []).filter((server) => !this.#known.has(keyOf(server)));
    const others = new Set<string>();
    for (const { host } of fresh) {
      if (!(await this.#ask(host))) continue;
      for (const one of this.#names.get(host)?.owners ?? []) if (one !== owner) others.add(one);
    }
    if (others.size > 0) this.#options.onChange(others);
  }

  /** Resolves every name once, as far as it can be. */
  async resolveAll(): Promise<void> {
    await Promise.all([...this.#names.keys()].map((host) => this.#ask(host)));
  }

  #askDue(): void {
    const now = this.#options.now();
    for (const name of this.#names.values()) {
      if (this.#running >= AT_ONCE_MAX) return;
      if (name.asking !== null || name.dueAtMs > now) continue;
      void this.#ask(name.host).then((changed) => {
        if (changed) this.#options.onChange(name.owners);
      });
    }
  }

  /** True when addresses changed. */
  #ask(host: string): Promise<boolean> {
    const name = this.#names.get(host);
    if (name === undefined) return Promise.resolve(false);
    name.asking ??= this.#askNow(name).finally(() => {
      name.asking = null;
    });
    return name.asking;
  }

  async #askNow(name: Name): Promise<boolean> {
    while (this.#running >= AT_ONCE_MAX) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#running += 1;
    try {
      const { addresses, ttlSeconds } = isAddress(name.host)
        ? { addresses: [name.host], ttlSeconds: TTL_SECONDS_MAX }
        : await this.#options.resolve(name.host);
      name.failures = 0;
      this.#putOff(name, Math.min(TTL_SECONDS_MAX, Math.max(TTL_SECONDS_MIN, ttlSeconds)));
      if (this.#names.get(name.host) !== name) return false;
      let changed = false;
      for (const port of name.ports) {
        const server = { host: name.host, port };
        const usable = this.#usable(server, addresses);
        if (this.of(server).join() !== usable.join()) changed = true;
        this.#known.set(keyOf(server), usable);
      }
      return changed;
    } catch {
      // The last addresses stay.
      name.failures += 1;
      this.#putOff(name, Math.min(RETRY_SECONDS_MAX, TTL_SECONDS_MIN * 2 ** Math.min(name.failures - 1, 10)));
      return false;
    } finally {
      this.#running -= 1;
      this.#waiting.shift()?.();
    }
  }

  #putOff(name: Name, seconds: number): void {
    name.dueAtMs = this.#options.now() + seconds * 1000 * (1 - JITTER * Math.random());
  }

  #usable(server: Server, found: readonly string[]): readonly string[] {
    const usable: string[] = [];
    for (const address of [...new Set(found)].sort()) {
      const why = isOwnListener(address, server.port, this.#options.listen)
        ? `The origin's address ${address}:${server.port} is this edge itself`
        : whyAddressRefused(address, this.#options.originPrivateRanges);
      if (why === null) usable.push(literal(address));
      else this.#options.onRefused(`${server.host}: ${why}`);
    }
    return usable.slice(0, ADDRESSES_MAX);
  }
}

function newName(host: string): Name {
  return { host, ports: new Set(), owners: new Set(), dueAtMs: 0, failures: 0, asking: null };
}

function keyOf(server: Server): string {
  return `${server.host}:${server.port}`;
}
