/**
 * Where each origin's name leads right now. Names are resolved when a policy comes and every half minute after; a failed
 * look-up keeps the last addresses, since an origin does not vanish because a resolver does. Addresses that the edge may not
 * connect to are left out and reported: a customer's DNS must not open the operator's network, and must not keep a measure from
 * being enforced either, so a name that leads nowhere usable makes the origin count as down and nothing else.
 */
import type { OriginServer } from "../contract/origin-pool.ts";
import {
  ADDRESSES_MAX,
  isAddress,
  isOwnListener,
  literal,
  whyAddressRefused,
  type Lookup,
} from "./origin-address.ts";

type Server = Pick<OriginServer, "host" | "port">;

const AT_ONCE_MAX = 8;

export type AddressesOptions = {
  readonly lookup: Lookup;
  readonly originPrivateRanges: readonly string[];
  /** "HOST:PORT" of this edge. */
  readonly listen: string;
  /** A sentence about addresses that were left out. */
  readonly onRefused: (why: string) => void;
};

export class Addresses {
  #options: AddressesOptions;
  /** "host:port" → literals for nginx. */
  #known = new Map<string, readonly string[]>();
  #running = 0;
  #waiting: (() => void)[] = [];

  constructor(options: AddressesOptions) {
    this.#options = options;
  }

  /** What is known of the origin; empty if nothing is. */
  of(origin: Server): readonly string[] {
    return this.#known.get(keyOf(origin)) ?? [];
  }

  /** Takes over addresses from an earlier run, judged anew. They hold until the name is resolved. */
  remember(origin: Server, addresses: readonly string[]): void {
    const usable = this.#usable(
      origin,
      addresses.map((address) => address.replace(/^\[|\]$/g, "")),
    );
    if (usable.length > 0) this.#known.set(keyOf(origin), usable);
  }

  /** Resolves the origin. True when its addresses changed. */
  async refresh(origin: Server): Promise<boolean> {
    let found: readonly string[];
    if (isAddress(origin.host)) found = [origin.host];
    else {
      await this.#turn();
      try {
        found = await this.#options.lookup(origin.host);
      } catch {
        return false; // The last addresses stay.
      } finally {
        this.#running -= 1;
        this.#waiting.shift()?.();
      }
    }
    const usable = this.#usable(origin, found);
    const before = this.of(origin);
    this.#known.set(keyOf(origin), usable);
    return before.join() !== usable.join();
  }

  /** Forgets all but these origins, so that memory follows the sites. */
  keepOnly(origins: Iterable<Server>): void {
    const wanted = new Set([...origins].map(keyOf));
    for (const key of this.#known.keys()) if (!wanted.has(key)) this.#known.delete(key);
  }

  #usable(origin: Server, found: readonly string[]): readonly string[] {
    const usable: string[] = [];
    for (const address of [...new Set(found)].sort()) {
      const why = isOwnListener(address, origin.port, this.#options.listen)
        ? `The origin's address ${address}:${origin.port} is this edge itself`
        : whyAddressRefused(address, this.#options.originPrivateRanges);
      if (why === null) usable.push(literal(address));
      else this.#options.onRefused(`${origin.host}: ${why}`);
    }
    return usable.slice(0, ADDRESSES_MAX);
  }

  async #turn(): Promise<void> {
    while (this.#running >= AT_ONCE_MAX) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#running += 1;
  }
}

function keyOf(origin: Server): string {
  return `${origin.host}:${origin.port}`;
}
