import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { consistencyProof, inclusionProof, leafHash, rootHash } from "./merkle.ts";
import { testTree } from "./testing.ts";
import {
  encodeBundle,
  growTiles,
  hashAtTiles,
  hashesAtLevel,
  parseBundle,
  parseTilePath,
  tilePath,
  tilesForConsistency,
  tilesForProof,
  tilesOfSize,
  type GrownTile,
} from "./tile.ts";

const leavesOf = (n: number): Uint8Array[] =>
  Array.from({ length: n }, (_, i) => leafHash(Buffer.from(`entry ${i}`)));

test("Paths are spelled as tlog-tiles spells them", () => {
  const table = [
    [{ level: 0, index: 1234067, width: 256 }, "tile/0/x001/x234/067"],
    [{ level: 0, index: 0, width: 8 }, "tile/0/000.p/8"],
    [{ level: "entries", index: 999, width: 255 }, "tile/entries/999.p/255"],
    [{ level: "entries", index: 1000, width: 256 }, "tile/entries/x001/000"],
    [{ level: 63, index: 5, width: 1 }, "tile/63/005.p/1"],
  ] as const;
  for (const [tile, path] of table) {
    assert.equal(tilePath(tile), path);
    assert.deepEqual(parseTilePath(path), { ok: true, value: tile });
  }
});

test("Any other spelling of a path is refused", () => {
  const paths = [
    "",
    "tile",
    "tile/0/0",
    "tile/0/00",
    "tile/0/0000",
    "tile/00/000",
    "tile/64/000",
    "tile/-1/000",
    "tile/0/000.p/0",
    "tile/0/000.p/256",
    "tile/0/000.p/08",
    "tile/0/000.p",
    "tile/0/000.p/",
    "tile/0/x000/000",
    "tile/0/001/000",
    "tile/0/x001",
    "/tile/0/000",
    "tile/0/000/",
    "tile/0/000\n",
    "tile/0/../../secret",
    "tile/entries/..",
    "tile/data/000",
    "tile/0/%30%30%30",
    "checkpoint",
    "tile/0/x999/x999/x999/x999/x999/x999/x999/x999/999",
    `tile/0/${"x001/".repeat(5000)}000`,
  ];
  for (const path of paths) assert.equal(parseTilePath(path).ok, false, path);
});

test("Whatever parses as a path is spelled by its tile", () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(..."tile/0123entrsx.p") }), (tail) => {
      const path = `tile/0/${tail}`;
      const parsed = parseTilePath(path);
      if (parsed.ok) assert.equal(tilePath(parsed.value), path);
    }),
  );
});

test("A log of 70,000 has the tiles of the specification's example", () => {
  assert.deepEqual(
    [0, 1, 2, 3].map((level) => hashesAtLevel(70_000, level)),
    [70_000, 273, 1, 0],
  );
  const paths = [...tilesOfSize(70_000)].map(tilePath);
  assert.equal(paths.length, 274 * 2 + 2 + 1);
  for (const path of [
    "tile/0/272",
    "tile/0/273.p/112",
    "tile/entries/273.p/112",
    "tile/1/000",
    "tile/1/001.p/17",
    "tile/2/000.p/1",
  ])
    assert.ok(paths.includes(path), path);
  assert.deepEqual([...tilesOfSize(256)].map(tilePath), ["tile/entries/000", "tile/0/000", "tile/1/000.p/1"]);
  assert.deepEqual([...tilesOfSize(0)], []);
});

test("Growing by any steps gives the same tiles as growing at once", () => {
  const leaves = leavesOf(1400);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 400 }), { maxLength: 5 }), (steps) => {
      let state: { size: number; edge: readonly Uint8Array[] } = { size: 0, edge: [] };
      const seen = new Map<string, GrownTile>();
      for (const step of steps) {
        const next = growTiles(leaves.slice(state.size, state.size + step), state);
        for (const tile of next.tiles) seen.set(`${tile.level}/${tile.index}`, tile);
        state = next;
      }
      const at = hashAtTiles((level, index) => seen.get(`${level}/${index}`)?.bytes);
      assert.deepEqual(rootHash(state.size, at), testTree(leaves.slice(0, state.size)).root);
    }),
    { numRuns: 25 },
  );
});

test("Growing says which tiles changed, and refuses an edge that does not fit", () => {
  const first = growTiles(leavesOf(255), { size: 0, edge: [] });
  assert.deepEqual(
    first.tiles.map((t) => [t.level, t.index, t.bytes.length / 32]),
    [[0, 0, 255]],
  );
  const second = growTiles(leavesOf(1), first);
  assert.deepEqual(
    second.tiles.map((t) => [t.level, t.index, t.bytes.length / 32]),
    [
      [0, 0, 256],
      [1, 0, 1],
    ],
  );
  const third = growTiles(leavesOf(1), second);
  assert.deepEqual(
    third.tiles.map((t) => [t.level, t.index, t.bytes.length / 32]),
    [[0, 1, 1]],
  );
  assert.deepEqual(growTiles([], third).tiles, []);
  assert.throws(() => growTiles(leavesOf(1), { size: 256, edge: first.edge }), /does not fit/);
});

test("Proofs need no other tiles than the ones that are named for them", () => {
  const size = 66_000;
  const grown = growTiles(leavesOf(size), { size: 0, edge: [] });
  const all = new Map(grown.tiles.map((tile) => [`${tile.level}/${tile.index}`, tile.bytes]));
  const only = (tiles: readonly { level: number; index: number }[]) => {
    const allowed = new Set(tiles.map((tile) => `${tile.level}/${tile.index}`));
    return hashAtTiles((l, i) => (allowed.has(`${l}/${i}`) ? all.get(`${l}/${i}`) : undefined));
  };
  for (const n of [1, 2, 255, 256, 257, 511, 512, 600, 65_535, 65_536, 65_537, size]) {
    for (const index of new Set([0, Math.floor(n / 3), Math.floor(n / 2), n - 1])) {
      inclusionProof(index, { size: n, at: only(tilesForProof(index, n)) });
      consistencyProof(index, { size: n, at: only(tilesForConsistency(index, n)) });
      rootHash(n, only(tilesForProof(n - 1, n)));
    }
  }
});

test("Bundles hold 1 to 65,535 bytes an entry, and not a byte more or less", () => {
  const entries = [new Uint8Array(0), new Uint8Array([1, 2]), new Uint8Array(65_535).fill(3)];
  const bytes = encodeBundle(entries);
  assert.deepEqual(parseBundle(bytes, 3), { ok: true, value: entries });
  for (const [broken, count] of [
    [bytes, 2],
    [bytes, 4],
    [bytes.subarray(0, bytes.length - 1), 3],
    [bytes.subarray(0, 1), 1],
    [new Uint8Array([...bytes, 0]), 3],
  ] as const)
    assert.equal(parseBundle(broken, count).ok, false);
  assert.throws(() => encodeBundle([new Uint8Array(65_536)]));
});
