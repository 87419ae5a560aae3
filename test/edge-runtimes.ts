/** The request path's decisions under LuaJIT, for tests that hold it to the same answers as Node. `buildEdge` has to have run. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export type Vector = { readonly name: string; readonly args: readonly unknown[]; readonly expect?: unknown };

export const EDGE_VECTORS = fileURLToPath(new URL("./vectors/edge/", import.meta.url));
export const EDGE_OUT = fileURLToPath(new URL("../build/edge", import.meta.url));

export function underLuaJit(vectors: readonly Vector[]): unknown[] {
  const output = execFileSync("luajit", [join(EDGE_VECTORS, "run.lua")], {
    input: vectors.map((vector) => `${JSON.stringify({ name: vector.name, args: vector.args })}\n`).join(""),
    env: { ...process.env, LUA_PATH: `${EDGE_OUT}/?.lua;;` },
    maxBuffer: 256 * 1024 * 1024,
  });
  const results = output.toString("utf8").trimEnd().split("\n");
  assert.equal(results.length, vectors.length, "LuaJIT answered every vector");
  return results.map((line) => JSON.parse(line) as unknown);
}
