/** Law 5: narrowest first. What is wider than the narrowest that answers the harm needs a written reason; what is malformed never passes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { MeasureProposal } from "../../src/contract/http.ts";
import { ALICE, BRUNO, DAY_MS, faultOf, imminentCase, openBench, proposal } from "./desk-bench.ts";

test("wider in scope or harder in kind passes only with a written reason", async (t) => {
  const bench = await openBench(t);
  const { caseId } = await imminentCase(bench);
  const { siteId, hostname } = bench;
  const found = await bench.desk.case(ALICE, caseId);
  assert.deepEqual(found.narrowest, { scope: "url", subject: { siteId, hostname, path: "/thread/7" } });
  const wider: Partial<MeasureProposal>[] = [
    { scope: "path", subject: { siteId, hostname, path: "/thread" } },
    { scope: "hostname", subject: { siteId, hostname } },
    { scope: "site", subject: { siteId } },
    { scope: "account", subject: { siteId } },
  ];
  for (const over of wider) {
    for (const reasonWider of [null, "", " \n"]) {
      const attempt = (): Promise<unknown> =>
        bench.desk.propose(ALICE, caseId, proposal(bench, { ...over, reasonWider }));
      assert.equal(await faultOf(attempt), "desk.not-narrowest", String(over.scope));
      const pull = (): Promise<unknown> =>
        bench.desk.brake(ALICE, caseId, proposal(bench, { ...over, reasonWider }));
      assert.equal(await faultOf(pull), "desk.not-narrowest", `brake ${over.scope}`);
    }
    const reasonWider = "The thread moves from page to page faster than we can follow.";
    const made = await bench.desk.propose(ALICE, caseId, proposal(bench, { ...over, reasonWider }));
    assert.equal(made.reasonWider, reasonWider);
  }
  assert.equal((await bench.desk.propose(ALICE, caseId, proposal(bench))).state, "proposed");
});

test("withdrawing takes more than one unverified report", async (t) => {
  const bench = await openBench(t);
  const { caseId } = await imminentCase(bench);
  const over = {
    kind: "withdraw",
    scope: "site",
    subject: { siteId: bench.siteId },
    reasonWider: "All of it is this.",
  } as const;
  assert.equal(
    await faultOf(() => bench.desk.propose(ALICE, caseId, proposal(bench, over))),
    "desk.level-too-low",
  );
});

test("a calm case is answered by a warning, and anything harder needs its reason", async (t) => {
  const bench = await openBench(t);
  const { caseId } = await bench.report({ quoted: "her real name is known" });
  const kinds = [
    ["warn", "nothing"],
    ["restrict", "desk.not-narrowest"],
    ["withhold", "desk.not-narrowest"],
  ] as const;
  for (const [kind, expected] of kinds) {
    assert.equal(
      await faultOf(() => bench.desk.propose(ALICE, caseId, proposal(bench, { kind }))),
      expected,
      kind,
    );
  }
});

test("a proposal that is malformed in any part is refused with what to do", async (t) => {
  const bench = await openBench(t);
  const { caseId } = await imminentCase(bench);
  const { siteId, hostname } = bench;
  const bad: readonly (readonly [string, Partial<MeasureProposal>])[] = [
    [
      "another site",
      { subject: { siteId: "site_00000000000000000000000000" as never, hostname, path: "/thread/7" } },
    ],
    ["a hostname of somebody else", { subject: { siteId, hostname: "other.example", path: "/thread/7" } }],
    ["a url without path", { subject: { siteId, hostname } }],
    ["a path without slash", { subject: { siteId, hostname, path: "thread" } }],
    ["a path with a fragment", { subject: { siteId, hostname, path: "/a#b" } }],
    ["a site with a path", { scope: "site", subject: { siteId, path: "/x" }, reasonWider: "because" }],
    [
      "a hostname with a path",
      { scope: "hostname", subject: { siteId, hostname, path: "/x" }, reasonWider: "because" },
    ],
    ["neither end nor review", { endsAt: null, reviewAt: null }],
    ["an end in the past", { endsAt: new Date(bench.now() - 1).toISOString() }],
    ["an end in two years", { endsAt: new Date(bench.now() + 731 * DAY_MS).toISOString() }],
    ["an end in words", { endsAt: "tomorrow" }],
    ["no territory", { territory: [] }],
    ["a territory of three letters", { territory: ["FRA"] }],
    ["a territory that no edge can enforce", { territory: ["FR"] }],
    ["everywhere and somewhere", { territory: ["*", "FR"] }],
    ["no facts", { facts: "  " }],
    ["too long facts", { facts: "a".repeat(2001) }],
    ["facts with an address", { facts: "She lives at 12 Harbour Street." }],
    ["facts with the page", { facts: "See https://forum.example/thread/7 for it." }],
    ["no reason", { reason: "" }],
    ["a clause that does not exist", { clause: "i-do-not-like-it" as never }],
    ["a kind that does not exist", { kind: "delete" as never }],
    ["a clause from the prototype", { clause: "constructor" as never }],
  ];
  for (const [what, over] of bad) {
    assert.equal(
      await faultOf(() => bench.desk.propose(ALICE, caseId, proposal(bench, over))),
      "input.invalid",
      what,
    );
  }
  assert.equal(await bench.desk.waitingForSecond(), 0);
});

test("a proposal that aged past its own end cannot be confirmed", async (t) => {
  const bench = await openBench(t);
  const { caseId } = await imminentCase(bench);
  const endsAt = new Date(bench.now() + DAY_MS).toISOString();
  const made = await bench.desk.propose(ALICE, caseId, proposal(bench, { endsAt }));
  await bench.tick(DAY_MS);
  const confirm = (): Promise<unknown> =>
    bench.desk.act(BRUNO, made.decisionId, { action: "confirm", reason: "I agree." });
  assert.equal(await faultOf(confirm), "input.invalid");
  assert.deepEqual(bench.standing, []);
});
