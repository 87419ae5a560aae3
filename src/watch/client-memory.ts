/**
 * Whether a client was seen here before, of all sites together: two Bloom filters that take turns. The younger takes what comes, both are asked; when the
 * younger is full or old it becomes the elder, and the elder is forgotten. Two megabytes, however many addresses somebody invents: at worst
 * a client is taken for known (under 2 %) or forgotten early.
 */
const BITS = 1 << 23;
const HASHES = 4;
const FULL = 900_000;
const TURN_MS = 24 * 3_600_000;

export class ClientMemory {
  #younger = new Uint32Array(BITS >> 5);
  #elder = new Uint32Array(BITS >> 5);
  #held = 0;
  #turnedAtMs = 0;

  isKnown(siteId: string, address: string): boolean {
    const [a, b] = hashes(siteId, address);
    return has(this.#younger, a, b) || has(this.#elder, a, b);
  }

  remember(siteId: string, { address, nowMs }: { readonly address: string; readonly nowMs: number }): void {
    if (this.#turnedAtMs === 0) this.#turnedAtMs = nowMs;
    const [a, b] = hashes(siteId, address);
    if (has(this.#younger, a, b)) return;
    if (this.#held >= FULL || nowMs - this.#turnedAtMs > TURN_MS) {
      const forgotten = this.#elder;
      this.#elder = this.#younger;
      this.#younger = forgotten.fill(0);
      this.#held = 0;
      this.#turnedAtMs = nowMs;
    }
    for (let i = 0; i < HASHES; i++) {
      const bit = (a + Math.imul(i, b)) & (BITS - 1);
      this.#younger[bit >> 5] = this.#younger[bit >> 5]! | (1 << (bit & 31));
    }
    this.#held += 1;
  }
}

function has(filter: Uint32Array, a: number, b: number): boolean {
  for (let i = 0; i < HASHES; i++) {
    const bit = (a + Math.imul(i, b)) & (BITS - 1);
    if ((filter[bit >> 5]! & (1 << (bit & 31))) === 0) return false;
  }
  return true;
}

/** Two hashes for double hashing (Kirsch and Mitzenmacher 2006), FNV-1a with a last mix. */
function hashes(siteId: string, address: string): [number, number] {
  let h = 0x811c9dc5;
  for (let i = 0; i < siteId.length; i++) h = Math.imul(h ^ siteId.charCodeAt(i), 0x01000193);
  for (let i = 0; i < address.length; i++) h = Math.imul(h ^ address.charCodeAt(i), 0x01000193);
  return [mix(h), mix(h ^ 0x9e3779b9) | 1];
}

/** The finalizer of MurmurHash3. */
function mix(hash: number): number {
  let h = hash ^ (hash >>> 16);
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return h ^ (h >>> 16);
}
