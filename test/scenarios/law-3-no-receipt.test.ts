/**
 * Law 3, no receipt, no measure: the attempts to make an edge block something that the pinned ledger does not stand behind. Each must
 * leave the page reachable, be refused with a sentence and raise an alarm; and the honest measure at the end must work, so that
 * the table cannot pass by an edge that enforces nothing.
 */
import assert from "node:assert/strict";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { BRAKE_HOLD_MS, type ReceiptedMeasure } from "../../src/contract/measure.ts";
import { makeReceipt, testSigner, vkeyOf } from "../../src/ledger/core/testing.ts";
import { encodeKept, POLICY_FILES } from "../../src/node/kept-files.ts";
import { startNode } from "../../src/node/node.ts";
import { newSiteId, openOrigin, openStage, policyFor, recordFor } from "./edge-stage.ts";

test("no receipt, no measure", async (t) => {
  const origin = await openOrigin();
  const stage = await openStage();
  t.after(async () => {
    await stage.end();
    await origin.end();
  });
  const site = newSiteId();
  const other = newSiteId();
  const base = { siteId: site, hostnames: ["forum.example"] };
  const subject = { siteId: site, hostname: "forum.example", path: "/threads/7" };
  const record = recordFor(site, { subject });
  const honest = makeReceipt(record);
  const brake = recordFor(site, { subject, brake: true });
  const inMs = (ms: number): string => new Date(Date.parse(brake.startsAt) + ms).toISOString();
  const pathOf = (measure: ReceiptedMeasure): string => measure.record.subject.path ?? "/threads/7";
  const [proofHead = "", ...proofRest] = honest.proof.split("\n\n");

  const attempts: Record<string, ReceiptedMeasure> = {
    "an empty proof": { ...honest, proof: "" },
    "no salt": { ...honest, salt: "" },
    "another salt": { ...honest, salt: "00".repeat(32) },
    "an entry of zeros": {
      ...honest,
      entry: Buffer.alloc(Buffer.from(honest.entry, "base64").length).toString("base64"),
    },
    "a proof that is not one": { ...honest, proof: "c2sp.org/tlog-proof@v1\nindex 0\n" },
    "a proof without its checkpoint": { ...honest, proof: `${proofHead}\n\n` },
    "a proof without its hashes": {
      ...honest,
      proof: [proofHead.split("\n").slice(0, 2).join("\n"), ...proofRest].join("\n\n"),
    },
    "another place in the log": { ...honest, proof: honest.proof.replace("index 1", "index 0") },
    "a checkpoint with its signature cut": { ...honest, proof: honest.proof.trimEnd().slice(0, -8) + "\n" },
    "the receipt of another record": { ...makeReceipt(recordFor(site)), record },
    "the receipt of another path": {
      ...honest,
      record: { ...record, subject: { ...subject, path: "/" } },
    },
    "a wider scope than was logged": {
      ...honest,
      record: { ...record, scope: "hostname", subject: { siteId: site, hostname: "forum.example" } },
    },
    "a harder kind than was logged": { ...honest, record: { ...record, kind: "withdraw" } },
    "another clause than was logged": { ...honest, record: { ...record, clause: "phishing" } },
    "other facts than were logged": { ...honest, record: { ...record, facts: "Something else." } },
    "a later end than was logged": { ...honest, record: { ...record, endsAt: "2999-01-01T00:00:00.000Z" } },
    "another site's measure": makeReceipt(recordFor(other, { subject: { ...subject, siteId: other } })),
    "a log with another key": makeReceipt(record, { signer: testSigner("log.test/parapet", 8) }),
    "a log with another name": makeReceipt(record, { signer: testSigner("log.test/other", 7) }),
    "an entry of another kind": makeReceipt(record, { entry: { kind: "lift", refers: 1, seq: 2 } }),
    "an entry that commits to something else": makeReceipt(record, {
      entry: { party: "11".repeat(32) },
    }),
    "an entry with another measure": makeReceipt(record, { entry: { measure: "warn" } }),
    "a brake dressed as a decision": { ...makeReceipt(brake), record: { ...brake, brake: false } },
    "a brake without an end": makeReceipt(brake),
    "a brake longer than an hour": makeReceipt({ ...brake, endsAt: inMs(BRAKE_HOLD_MS + 1) }),
  };

  await t.test("each attempt is refused, said, and changes nothing", async (each) => {
    const first = policyFor(origin.port, base);
    assert.equal((await stage.apply(first)).ok, true);
    for (const [name, measure] of Object.entries(attempts)) {
      await each.test(name, async () => {
        stage.alarms.length = 0;
        const ack = await stage.apply(policyFor(origin.port, { ...base, measures: [measure] }));
        assert.ok(!ack.ok, "the edge took it");
        assert.equal(ack.keptVersion, first.version);
        assert.ok(ack.why.length > 10);
        assert.equal((await stage.send({ host: "forum.example", path: pathOf(measure) })).status, 200);
        assert.ok(stage.alarms.some(({ code }) => code === "edge.policy-refused"));
      });
    }
  });

  await t.test("one honest measure beside a forged one is refused with it, whole", async () => {
    const forged = { ...honest, record: { ...record, scope: "site" as const, subject: { siteId: site } } };
    const ack = await stage.apply(policyFor(origin.port, { ...base, measures: [honest, forged] }));
    assert.equal(ack.ok, false);
    assert.equal((await stage.send({ host: "forum.example", path: "/threads/7" })).status, 200);
  });

  await t.test("a forged policy laid on the disk is set aside at start", async () => {
    await stage.node.stop();
    const forged = policyFor(origin.port, {
      ...base,
      measures: [attempts["a log with another key"] as ReceiptedMeasure],
    });
    writeFileSync(join(stage.dataDir, "edge/policies", `${site}.policy`), encodeKept(POLICY_FILES, forged));
    writeFileSync(
      join(stage.dataDir, "edge/snapshot.jsonl"),
      `${JSON.stringify({ siteId: site, hostnames: ["forum.example"], measures: [{ record }] })}\n`,
    );
    stage.node = await startNode(stage.options);
    assert.notEqual((await stage.send({ host: "forum.example", path: "/threads/7" })).status, 451);
    assert.equal(readdirSync(join(stage.dataDir, "edge/quarantine")).length, 1);
  });

  await t.test("the honest measure is enforced", async () => {
    const ack = await stage.apply(policyFor(origin.port, { ...base, measures: [honest] }));
    assert.equal(ack.ok, true, JSON.stringify(ack));
    assert.equal((await stage.send({ host: "forum.example", path: "/threads/7" })).status, 451);
  });

  await t.test("an edge that pins another key does not enforce it, not even from disk", async () => {
    await stage.node.stop();
    stage.node = await startNode({
      ...stage.options,
      bus: null,
      pinnedVkey: vkeyOf(testSigner("log.test/parapet", 9)),
    });
    assert.notEqual((await stage.send({ host: "forum.example", path: "/threads/7" })).status, 451);
  });
});
