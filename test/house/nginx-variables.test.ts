/**
 * Each variable of ours in nginx.conf is declared once. nginx takes a second declaration without a word and the last one counts, so that a value that somebody
 * relies on would be another's. Read from the golden file, which is what the renderer writes.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const CONF = new URL("../vectors/edge/nginx.conf", import.meta.url);
/** `set $x value;`, `map SOURCE $x {` and its kin, at the beginning of a line. Sources may stand in quotes and hold spaces. */
const DECLARES =
  /^\s*(?:set\s+\$(\w+)\s|(?:map|geo|split_clients)\s+(?:(?:"[^"]*"|'[^']*'|[^\s{"']+)\s+)?\$(\w+)\s*\{)/gm;

const declaredIn = (conf: string): string[] =>
  [...conf.matchAll(DECLARES)].map(([, set, mapped]) => set ?? mapped ?? "");
const twiceIn = (names: readonly string[]): string[] =>
  names.filter((name, index) => names.indexOf(name) !== index);

test("no variable of nginx.conf is declared twice", () => {
  const names = declaredIn(readFileSync(CONF, "utf8"));
  assert.ok(names.length > 20, `only ${names.length} declarations were seen`);
  for (const name of ["p_site", "p_request", "p_connection", "p_tls_key"])
    assert.ok(names.includes(name), name);
  assert.deepEqual(twiceIn(names), []);
});

test("a second declaration is seen, however it is written", () => {
  const first = 'map "" $p_x { default ""; }\n';
  for (const second of [
    "  set $p_x 1;",
    'map "a b" $p_x { }',
    "map $uri $p_x {",
    "geo $p_x {",
    "split_clients $a$b $p_x {",
  ])
    assert.deepEqual(twiceIn(declaredIn(`${first}${second}\n`)), ["p_x"], second);
  assert.deepEqual(twiceIn(declaredIn(`${first}# set $p_x 1;\nadd_header A $p_x;\n`)), []);
});
