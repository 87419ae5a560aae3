/**
 * Which upstream ("slot") do a site's connections go through? nginx pools kept connections by slot and address alone. So two
 * identities (over TLS: what was verified and shown; over plain HTTP: the site itself) that share an address never share a slot, and a place that an identity left stays closed to every other until no connection
 * of it can be left. A site that finds no slot keeps no connections: slower, and never wrong. Pure: time comes in.
 */

/** One address that a site connects to, and as whom: two places of equal identity may share connections. */
export type Place = {
  /** "ADDRESS:PORT". */
  readonly at: string;
  /** All that makes a connection what it is: verification, name, client certificate. */
  readonly identity: string;
};

/** Keeps no connections. */
export const NO_SLOT = -1;

type Held = {
  readonly identity: string;
  /** Sites that use it, or whose leaving nginx has not confirmed. */
  readonly users: Set<string>;
  /** With no users: when another identity may have it. */
  freeAtMs: number;
};
type Tenancy = { slot: number; readonly keys: ReadonlySet<string> };

export class Slots {
  readonly #slots: number;
  readonly #connectionMsMax: number;
  readonly #zeroFirst: boolean;
  /** "SLOT ADDRESS:PORT" → who has it. */
  readonly #held = new Map<string, Held>();
  readonly #tenancies = new Map<string, Tenancy>();
  /** Places that a site left, and at which turn, until nginx confirms that no worker uses them any more. */
  readonly #leaving = new Map<string, Map<string, number>>();
  #turn = 0;

  /**
   * `connectionMsMax`: no connection that was opened this long ago is used again. `zeroFirst`: slot 0 is the cheapest one, for the first
   * that comes to an address; whoever comes later looks elsewhere, so that the first has never to move.
   */
  constructor(options: {
    readonly slots: number;
    readonly connectionMsMax: number;
    readonly zeroFirst?: boolean;
  }) {
    this.#zeroFirst = options.zeroFirst ?? false;
    this.#slots = options.slots;
    this.#connectionMsMax = options.connectionMsMax;
  }

  /** The slot for all of a site's places; the one that it has, while that is right. No places: the site needs none. */
  place(siteId: string, places: readonly Place[], nowMs: number): number {
    this.#turn += 1;
    const before = this.#tenancies.get(siteId);
    const slot = places.length === 0 ? NO_SLOT : this.#slotFor(siteId, places, nowMs);
    const keys = new Set(slot === NO_SLOT ? [] : places.map(({ at }) => keyOf(slot, at)));
    for (const key of before?.keys ?? []) if (!keys.has(key)) this.#startLeaving(siteId, key);
    if (slot === NO_SLOT) this.#tenancies.delete(siteId);
    else this.#tenancies.set(siteId, { slot, keys });
    for (const { at, identity } of slot === NO_SLOT ? [] : places) {
      const key = keyOf(slot, at);
      let held = this.#held.get(key);
      if (held === undefined || held.identity !== identity) {
        held = { identity, users: new Set(), freeAtMs: 0 };
        this.#held.set(key, held);
      }
      held.users.add(siteId);
      this.#leaving.get(siteId)?.delete(key);
    }
    return slot;
  }

  /** Names what stands now: pass it to `confirmed` once nginx has it. */
  get turn(): number {
    return this.#turn;
  }

  /** Every worker of nginx has the site as it stood at `turn`, or newer: from here the connections that it left grow old. */
  confirmed(siteId: string, turn: number, nowMs: number): void {
    const leaving = this.#leaving.get(siteId);
    for (const [key, leftAt] of leaving ?? []) {
      if (leftAt > turn) continue;
      leaving?.delete(key);
      const held = this.#held.get(key);
      held?.users.delete(siteId);
      if (held !== undefined && held.users.size === 0) held.freeAtMs = nowMs + this.#connectionMsMax;
    }
    if (leaving?.size === 0) this.#leaving.delete(siteId);
  }

  /** Forgets places that nobody uses and that hold no connection any more, so that memory follows the sites. */
  sweep(nowMs: number): void {
    for (const [key, held] of this.#held) {
      if (held.users.size === 0 && held.freeAtMs <= nowMs) this.#held.delete(key);
    }
  }

  get size(): number {
    return this.#held.size;
  }

  #startLeaving(siteId: string, key: string): void {
    const leaving = this.#leaving.get(siteId) ?? new Map<string, number>();
    leaving.set(key, this.#turn);
    this.#leaving.set(siteId, leaving);
  }

  #slotFor(siteId: string, places: readonly Place[], nowMs: number): number {
    const identities = new Map<string, string>();
    for (const { at, identity } of places) {
      // Two identities at one address within one site: no slot can tell them apart.
      if ((identities.get(at) ?? identity) !== identity) return NO_SLOT;
      identities.set(at, identity);
    }
    const fits = (slot: number): boolean =>
      places.every(({ at, identity }) => {
        const held = this.#held.get(keyOf(slot, at));
        return (
          held === undefined ||
          held.identity === identity ||
          (held.users.size === 0 && held.freeAtMs <= nowMs)
        );
      });
    const own = this.#tenancies.get(siteId)?.slot;
    if (own !== undefined && fits(own)) return own;
    if (this.#zeroFirst && fits(0)) return 0;
    const first = spread(siteId) % this.#slots;
    for (let n = 0; n < this.#slots; n++) {
      const slot = (first + n) % this.#slots;
      if (fits(slot)) return slot;
    }
    return NO_SLOT;
  }
}

/** The identity of a TLS connection as text. Names and ids hold no space. */
export function tlsIdentity(parts: {
  readonly verify: "strict" | "off";
  readonly name: string;
  /** What tells client certificates apart, "" for none. */
  readonly client: string;
}): string {
  return `${parts.verify} ${parts.name} ${parts.client}`;
}

const keyOf = (slot: number, at: string): string => `${slot} ${at}`;

/** FNV-1a, so that sites begin in different slots. */
function spread(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}
