/**
 * Writes small MMDB files (MaxMind DB file format specification 2.0) for tests: an IPv6 tree of 24-bit records in which IPv4 lies below ::/96,
 * and entries of maps, texts and whole numbers. Networks must not overlap.
 */
export type MmdbValue = string | number | { readonly [key: string]: MmdbValue } | readonly MmdbValue[];
export type MmdbEntry = { readonly network: string; readonly value: MmdbValue };

const MARKER = Buffer.from("\xab\xcd\xefMaxMind.com", "latin1");
const EMPTY = -1;
const TYPES = { text: 2, uint16: 5, uint32: 6, map: 7, uint64: 9, array: 11 } as const;

type Node = [number, number];
/** In the tree while it grows: EMPTY, a node's number, or an entry's number below EMPTY. */
const entryMark = (index: number): number => -2 - index;

export function writeMmdb(type: string, entries: readonly MmdbEntry[]): Buffer {
  const nodes: Node[] = [[EMPTY, EMPTY]];
  const offsets: number[] = [];
  const data: Buffer[] = [];
  let bytes = 0;
  for (const [index, { network, value }] of entries.entries()) {
    const encoded = encode(value);
    offsets.push(bytes);
    data.push(encoded);
    bytes += encoded.length;
    insert(nodes, bitsOf(network), entryMark(index));
  }
  const tree = Buffer.alloc(nodes.length * 6);
  const recordOf = (mark: number): number => {
    if (mark === EMPTY) return nodes.length;
    return mark >= 0 ? mark : nodes.length + 16 + (offsets[-2 - mark] ?? 0);
  };
  for (const [i, [left, right]] of nodes.entries()) {
    tree.writeUIntBE(recordOf(left), i * 6, 3);
    tree.writeUIntBE(recordOf(right), i * 6 + 3, 3);
  }
  const metadata = map([
    ["binary_format_major_version", whole(2, TYPES.uint16)],
    ["binary_format_minor_version", whole(0, TYPES.uint16)],
    ["build_epoch", whole(1_700_000_000, TYPES.uint64)],
    ["database_type", encode(type)],
    ["description", map([["en", encode("For tests")]])],
    ["ip_version", whole(6, TYPES.uint16)],
    ["languages", encode(["en"])],
    ["node_count", whole(nodes.length, TYPES.uint32)],
    ["record_size", whole(24, TYPES.uint16)],
  ]);
  return Buffer.concat([tree, Buffer.alloc(16), ...data, MARKER, metadata]);
}

function insert(nodes: Node[], bits: readonly (0 | 1)[], mark: number): void {
  let at = 0;
  for (const [depth, bit] of bits.entries()) {
    const node = nodes[at];
    if (node === undefined) throw new Error("The tree has a hole.");
    if (depth === bits.length - 1) {
      if (node[bit] !== EMPTY) throw new Error("Two networks overlap.");
      node[bit] = mark;
      return;
    }
    if (node[bit] < EMPTY) throw new Error("Two networks overlap.");
    if (node[bit] === EMPTY) node[bit] = nodes.push([EMPTY, EMPTY]) - 1;
    at = node[bit];
  }
}

/** "127.1.0.0/16" or "2001:db8::/32" (written out or with one "::") as bits of an IPv6 prefix. */
function bitsOf(network: string): (0 | 1)[] {
  const [address = "", length = ""] = network.split("/");
  const isV4 = !address.includes(":");
  const bytes = isV4 ? [...Array<number>(12).fill(0), ...address.split(".").map(Number)] : v6Bytes(address);
  const bits = bytes.flatMap((byte) => Array.from({ length: 8 }, (_, i) => ((byte >> (7 - i)) & 1) as 0 | 1));
  return bits.slice(0, Number(length) + (isV4 ? 96 : 0));
}

function v6Bytes(address: string): number[] {
  const [left = "", right = ""] = address.split("::");
  const groups = (text: string): number[] =>
    text === "" ? [] : text.split(":").map((group) => Number.parseInt(group, 16));
  const [before, after] = [groups(left), groups(right)];
  const all = [...before, ...Array<number>(8 - before.length - after.length).fill(0), ...after];
  return all.flatMap((group) => [group >> 8, group & 255]);
}

function encode(value: MmdbValue): Buffer {
  if (typeof value === "string") {
    const bytes = Buffer.from(value, "utf8");
    return Buffer.concat([control(TYPES.text, bytes.length), bytes]);
  }
  if (typeof value === "number") return whole(value, TYPES.uint32);
  if (Array.isArray(value)) {
    return Buffer.concat([
      control(TYPES.array, value.length),
      ...(value as readonly MmdbValue[]).map(encode),
    ]);
  }
  return map(Object.entries(value).map(([key, inner]) => [key, encode(inner as MmdbValue)]));
}

function map(entries: readonly (readonly [string, Buffer])[]): Buffer {
  return Buffer.concat([
    control(TYPES.map, entries.length),
    ...entries.flatMap(([key, value]) => [encode(key), value]),
  ]);
}

function whole(value: number, type: number): Buffer {
  const bytes = Buffer.from(value === 0 ? "" : hexOf(value), "hex");
  return Buffer.concat([control(type, bytes.length), bytes]);
}

function hexOf(value: number): string {
  const hex = value.toString(16);
  return hex.length % 2 === 0 ? hex : `0${hex}`;
}

/** Type and size in front of a value; types above 7 have a byte of their own, sizes from 29 to 284 one more. */
function control(type: number, size: number): Buffer {
  if (size > 284) throw new Error("The value is too long for a test.");
  const [short, rest] = size < 29 ? [size, []] : [29, [size - 29]];
  return Buffer.from(type > 7 ? [short, type - 7, ...rest] : [(type << 5) | short, ...rest]);
}
