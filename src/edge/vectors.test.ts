/**
 * The request path's decisions under Node and under LuaJIT with the same vectors: both must give what the vector says. Pages
 * are too long for vectors: there both runtimes must give the same bytes. The numbers of vectors, files and modules are asserted, so that
 * the test cannot pass by running nothing.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { buildEdge } from "../cli/build-edge.ts";
import { MEASURE_KINDS, SCOPES } from "../contract/measure.ts";
import { REASON_STATUS } from "../contract/verdict.ts";
import { EDGE_OUT, EDGE_VECTORS, underLuaJit, type Vector } from "../../test/edge-runtimes.ts";
import { decide } from "./vectors.ts";

test("every vector holds under Node and under LuaJIT", async () => {
  const { files: modules } = await buildEdge({ outDir: EDGE_OUT });
  const names = readdirSync(EDGE_VECTORS).filter((name) => name.endsWith(".json"));
  const vectors = names.flatMap(
    (name) => JSON.parse(readFileSync(join(EDGE_VECTORS, name), "utf8")) as Vector[],
  );
  const inLua = underLuaJit(vectors);
  for (const [i, vector] of vectors.entries()) {
    const what = `${vector.name}(${JSON.stringify(vector.args)})`;
    assert.deepEqual(decide(vector.name, vector.args), vector.expect, `Node: ${what}`);
    assert.deepEqual(inLua[i], vector.expect, `LuaJIT: ${what}`);
  }
  assert.equal(names.length, 14, "vector files");
  assert.ok(vectors.length >= 320, `only ${vectors.length} vectors`);
  assert.ok(modules >= 25, `only ${modules} modules were compiled`);
});

test("the challenge is the same bytes from both, and its pieces judge anything alike", () => {
  const asked: Vector[] = [];
  for (const language of ["en", "fr"]) {
    asked.push({ name: "challengeProblem", args: [language, "0123abcd", "1.2.3.4.x"] });
    for (const stage of ["first", "early", "failed"]) {
      for (const sends of [true, false])
        asked.push({ name: "challengePage", args: [language, stage, sends, 15] });
    }
  }
  const unit = fc.constantFrom(...'01.wt-_Aa9~%2Ff+&=/?:@\\"<a');
  for (const text of fc.sample(fc.string({ unit, maxLength: 70 }), { numRuns: 300, seed: 4 })) {
    for (const name of ["challenge", "clearance", "safeTarget", "isNonce", "isNeverChallenged"])
      asked.push({ name, args: [text] });
    asked.push({ name: "formField", args: [`token=${text}&target=${text}`, "target"] });
  }
  const inLua = underLuaJit(asked);
  for (const [i, one] of asked.entries()) {
    assert.deepEqual(inLua[i], decide(one.name, one.args), `${one.name}(${JSON.stringify(one.args)})`);
  }
});

test("pages are the same bytes from both, in both languages, and load nothing from anywhere", () => {
  const reasons = Object.keys(REASON_STATUS).filter((code) => !code.startsWith("measure."));
  const pages: Vector[] = [];
  for (const language of ["en", "fr"]) {
    for (const reason of reasons) {
      pages.push({ name: "renderError", args: [reason, language, "0123abcd"] });
      pages.push({ name: "errorProblem", args: [reason, language, "0123abcd"] });
    }
    for (const kind of MEASURE_KINDS) {
      for (const scope of SCOPES) {
        const args = [record(kind, scope), language, "0123abcd"];
        pages.push({ name: "renderNotice", args });
        pages.push({ name: "noticeProblem", args });
        pages.push({ name: "renderWarning", args: [...args, "?a=1&parapet-continue=1.x"] });
      }
    }
  }
  const inLua = underLuaJit(pages);
  for (const [i, page] of pages.entries()) {
    const text = decide(page.name, page.args);
    assert.equal(text, inLua[i], `${page.name} ${JSON.stringify(page.args).slice(0, 100)}`);
    assert.ok(typeof text === "string");
    if (page.name.endsWith("roblem")) JSON.parse(text);
    else {
      assert.ok(text.includes('name="viewport"') && text.includes("<h1>") && text.includes("0123abcd"));
      assert.ok(!/<script|<img|<link|src=|url\(|@import/i.test(text), "nothing is loaded");
      assert.ok(!text.includes("<b>bold</b>"), "facts are text");
    }
  }
  assert.equal(pages.length, 2 * (reasons.length * 2 + MEASURE_KINDS.length * SCOPES.length * 3));
});

test("whatever a client sends, both runtimes read it alike", () => {
  const names = [
    "normaliseHost",
    "canonicalPath",
    "canonicalQuery",
    "escapeHtml",
    "jsonString",
    "chooseLanguage",
    "prefersJson",
    "nominatedFields",
    "contentLength",
    "splitPass",
    "queryOf",
    "pathShape",
    "queryShape",
    "isKey",
  ];
  const alphabet = [
    "/",
    ".",
    "%",
    "2",
    "e",
    "F",
    "?",
    "#",
    "&",
    "=",
    ",",
    ";",
    ":",
    "q",
    "0",
    "fr",
    "é",
    "😀",
    " ",
    "\t",
    '"',
  ];
  const text = fc.oneof(
    fc.string({ maxLength: 60 }),
    fc.array(fc.constantFrom(...alphabet), { maxLength: 40 }).map((parts) => parts.join("")),
  );
  const samples = fc.sample(fc.tuple(fc.constantFrom(...names), text), { numRuns: 4000, seed: 20261122 });
  const vectors = samples.map(([name, arg]) => ({ name, args: [arg] }));
  const inLua = underLuaJit(vectors);
  for (const [i, vector] of vectors.entries()) {
    assert.deepEqual(
      inLua[i],
      decide(vector.name, vector.args),
      `${vector.name}(${JSON.stringify(vector.args)})`,
    );
  }
});

function record(kind: string, scope: string): object {
  return {
    kind,
    scope,
    caseNumber: "2026-000012",
    subject: { siteId: "site_x", hostname: "forum.example", path: "/secret" },
    clause: "doxxing-with-danger",
    facts: 'A home address, posted beside a threat. <b>bold</b> & "quoted"',
    territory: ["*"],
    startsAt: "2026-11-22T19:30:05.123Z",
    endsAt: kind === "warn" ? null : "2026-12-22T19:30:05.123Z",
    reviewAt: kind === "warn" ? "2026-12-01T00:00:00.000Z" : null,
    appealBy: ["customer", "reporter"],
    appealUrl: "https://parapet.example/appeals/1",
    blockedByUrl: "https://parapet.example/",
    operatorName: "Example & Operator",
    brake: kind === "withhold",
  };
}
