/**
 * Each text once, however many samples hold it: a number stands for it, and it is let go with its last holder. Most values of good traffic repeat, so this is
 * what keeps thousands of samples of a thousand sites in a few dozen megabytes. `bytes` is an estimate of everything held.
 */
const TEXT_OVERHEAD_BYTES = 96;

export class Texts {
  readonly #ids = new Map<string, number>();
  readonly #texts: string[] = [];
  readonly #holders: number[] = [];
  readonly #free: number[] = [];
  bytes = 0;

  get size(): number {
    return this.#ids.size;
  }

  /** The number of a text, held once more. */
  hold(text: string): number {
    let id = this.#ids.get(text);
    if (id === undefined) {
      id = this.#free.pop() ?? this.#texts.length;
      this.#ids.set(text, id);
      this.#texts[id] = text;
      this.#holders[id] = 0;
      this.bytes += text.length + TEXT_OVERHEAD_BYTES;
    }
    this.#holders[id] = (this.#holders[id] ?? 0) + 1;
    return id;
  }

  release(id: number): void {
    const left = (this.#holders[id] ?? 0) - 1;
    this.#holders[id] = left;
    if (left > 0) return;
    const text = this.#texts[id]!;
    this.#ids.delete(text);
    this.#texts[id] = "";
    this.#free.push(id);
    this.bytes -= text.length + TEXT_OVERHEAD_BYTES;
  }

  /** -1 when nobody holds it. */
  find(text: string): number {
    return this.#ids.get(text) ?? -1;
  }

  text(id: number): string {
    return this.#texts[id] ?? "";
  }
}
