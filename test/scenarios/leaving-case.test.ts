/**
 * Leaving while a case is open, and coming back: the case goes with the name, so that the brake and measures reach what is served, and nobody
 * who leaves or comes back can tell from it that there is a case.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { CaseId, SiteId, UserId } from "../../src/contract/ids.ts";
import { enrol, expectOk, type Browser } from "../../src/api/testing.ts";
import type { CaseView, DecisionView } from "../../src/contract/http.ts";
import { addAccountMember, conflictOf } from "../../src/store/desk-conflicts.ts";
import {
  ALICE,
  BRUNO,
  CLARA,
  ESCALATION,
  faultOf,
  imminentCase,
  openBench,
  proposal,
  type Bench,
} from "../laws/desk-bench.ts";
import { FORUM, openWebStage } from "./web-stage.ts";

const reason = "I read the lines and agree.";
const reasonWider = "The whole site is built for this and moves its pages every hour.";

type Back = { readonly siteId: SiteId; readonly state: string; readonly heldBecause: readonly string[] };

async function comeBack(bench: Bench, account = "coast"): Promise<Back> {
  const { originUrl } = await bench.services.sites.view(bench.siteId);
  return await bench.services.sites.protect({
    hostname: bench.hostname,
    originUrl,
    account,
    accountEmail: `${account}@owner.example`,
  });
}

const siteOfCase = async (bench: Bench, caseId: CaseId): Promise<SiteId> =>
  (await bench.desk.case(ALICE, caseId)).narrowest.subject.siteId;

const servedAt = (bench: Bench): unknown => bench.standing.map((record) => record.subject);

test("the brake reaches the site that comes back while its case is open, and two officers ratify it", async (t) => {
  const bench = await openBench(t);
  const { caseId } = await imminentCase(bench);
  await bench.services.sites.leave(bench.siteId);
  assert.equal(
    await faultOf(() => bench.desk.brake(ALICE, caseId, proposal(bench))),
    "input.invalid",
    "nothing is served under the name: there is nothing to withhold",
  );
  const back = await comeBack(bench);
  assert.deepEqual([back.state, back.heldBecause], ["active", []]);
  // The officer's page is from before the leaving and names a site that serves nothing now.
  const braked = await bench.desk.brake(ALICE, caseId, proposal(bench));
  const path = "/thread/7";
  const subject = { siteId: back.siteId, hostname: bench.hostname, path };
  await bench.until(() => bench.standing.length === 1);
  assert.deepEqual(servedAt(bench), [subject]);
  await bench.desk.act(BRUNO, braked.decisionId, { action: "ratify", reason });
  await bench.until(() => bench.standing[0]?.brake === false);
  assert.deepEqual(servedAt(bench), [subject]);
  assert.deepEqual(bench.refused, []);

  const again = await bench.report({ harm: "doxxing", quoted: "Here is where she lives." });
  assert.equal(again.caseId, caseId, "a new report belongs to the same case");
  const { timeline } = await bench.desk.case(ALICE, caseId);
  assert.equal(timeline.filter(({ what }) => /the case went with the name/.test(what)).length, 1);
});

test("the queue follows a name by itself, and evidence and conflicts of interest go with the case", async (t) => {
  const bench = await openBench(t);
  const { caseId } = await imminentCase(bench);
  const [account] = await bench.t.db.query<{ id: never }>(
    `select account_id as id from site where site_id = $1`,
    [bench.siteId],
  );
  const carl = "user-carl" as UserId;
  await bench.t.db.transaction((tx) =>
    addAccountMember(tx, { accountId: account?.id as never, userId: carl }),
  );
  bench.setPage("/thread/7", `<p>${ESCALATION}</p>`);
  await bench.desk.capture(ALICE, caseId, { url: `https://${bench.hostname}/thread/7` });
  await bench.services.sites.leave(bench.siteId);
  const other = await comeBack(bench, "neighbour");
  assert.deepEqual([other.state, other.heldBecause], ["active", []]);
  await bench.until(async () => (await siteOfCase(bench, caseId)) === other.siteId);
  const seen = await bench.desk.case(ALICE, caseId);
  assert.equal(seen.evidence.length, 1);
  assert.notEqual(await conflictOf(bench.t.db, { caseId, userId: carl }), null);
  await bench.desk.capture(ALICE, caseId, { url: `https://${bench.hostname}/thread/7` });
});

test("another account that takes the name while the case is open: the brake reaches what it serves", async (t) => {
  const bench = await openBench(t);
  const { caseId } = await imminentCase(bench);
  // Two pages of one case: a first measure stands when the name goes.
  const wide = await bench.desk.propose(
    ALICE,
    caseId,
    proposal(bench, { scope: "site", subject: { siteId: bench.siteId }, reasonWider }),
  );
  const narrow = await bench.desk.propose(ALICE, caseId, proposal(bench));
  await bench.services.sites.leave(bench.siteId);
  const other = await comeBack(bench, "neighbour");
  assert.equal(other.state, "active");
  assert.equal(
    await faultOf(() => bench.desk.act(BRUNO, wide.decisionId, { action: "confirm", reason })),
    "input.invalid",
    "what was proposed about one account's whole site is not done to another's",
  );
  await bench.desk.act(BRUNO, narrow.decisionId, { action: "confirm", reason });
  await bench.until(() => bench.standing.length === 1);
  assert.deepEqual(servedAt(bench), [{ siteId: other.siteId, hostname: bench.hostname, path: "/thread/7" }]);
  await bench.until(async () => (await bench.services.mail.deliver()).waiting === 0);
  await bench.until(() => bench.mails.length === 1);
  assert.match(bench.mails[0]?.to ?? "", /neighbour@owner\.example/);
});

test("what was proposed about the whole site reaches the site that the same account comes back with", async (t) => {
  const bench = await openBench(t);
  const { caseId } = await imminentCase(bench);
  const wide = await bench.desk.propose(
    ALICE,
    caseId,
    proposal(bench, { scope: "site", subject: { siteId: bench.siteId }, reasonWider }),
  );
  await bench.services.sites.leave(bench.siteId);
  const back = await comeBack(bench);
  await bench.desk.act(BRUNO, wide.decisionId, { action: "confirm", reason });
  await bench.until(() => bench.standing.length === 1);
  assert.deepEqual(servedAt(bench), [{ siteId: back.siteId }]);
});

test("a name that moves to another site of the account takes its case along", async (t) => {
  const bench = await openBench(t);
  const { sites } = bench.services;
  const { caseId } = await imminentCase(bench);
  await sites.hostnames.add(bench.siteId, { hostname: "spare.example", vouch: true });
  await sites.hostnames.remove(bench.siteId, bench.hostname);
  const second = await comeBack(bench);
  assert.notEqual(second.siteId, bench.siteId);
  const subject = { siteId: second.siteId, hostname: bench.hostname, path: "/thread/7" };
  await bench.desk.brake(ALICE, caseId, proposal(bench, { subject }));
  await bench.until(() => bench.standing.length === 1);
  assert.deepEqual(servedAt(bench), [subject]);

  // And back, with the brake standing: the name is held for a person.
  await sites.hostnames.remove(second.siteId, bench.hostname).catch(() => undefined);
  await sites.leave(second.siteId);
  assert.equal((await comeBack(bench)).state, "held");
});

test("a site that leaves between the decision and its receipt is held when it comes back", async (t) => {
  for (const act of ["brake", "measure"] as const) {
    const bench = await openBench(t);
    const { caseId } = await imminentCase(bench);
    if (act === "brake") await bench.desk.brake(ALICE, caseId, proposal(bench));
    else {
      const made = await bench.desk.propose(ALICE, caseId, proposal(bench));
      await bench.desk.act(BRUNO, made.decisionId, { action: "confirm", reason });
    }
    // Nothing was carried on: the measure waits for its receipt.
    await bench.services.sites.leave(bench.siteId);
    const back = await comeBack(bench);
    assert.equal(back.state, "held", act);
    await bench.until(async () => (await siteOfCase(bench, caseId)) === back.siteId);
    // A person lets it go on, and the officers decide about what is served then.
    await bench.services.sites.release(back.siteId, { by: "officer", reason: "The page was taken down" });
    const subject = { siteId: back.siteId, hostname: bench.hostname, path: "/thread/7" };
    const made = await bench.desk.propose(ALICE, caseId, proposal(bench, { subject }));
    await bench.desk.act(CLARA, made.decisionId, { action: "confirm", reason });
    await bench.until(() => bench.standing.some(({ subject: { siteId } }) => siteId === back.siteId));
  }
});

test("leaving and coming back look the same with a case and without one", async (t) => {
  const shown: unknown[] = [];
  for (const reported of [false, true]) {
    const bench = await openBench(t);
    if (reported) await imminentCase(bench);
    const left = await bench.services.sites.leave(bench.siteId);
    const back = await comeBack(bench);
    if (reported) await bench.until(async () => (await bench.desk.cases(ALICE)).items.length === 1);
    const after = await bench.services.sites.view(back.siteId);
    assert.notEqual(back.siteId, bench.siteId);
    shown.push([
      left.state,
      left.version,
      back.state,
      after.state,
      after.version,
      after.heldBecause,
      after.measures,
    ]);
    assert.deepEqual(bench.mails, []);
  }
  assert.deepEqual(shown[0], shown[1]);
});

test("a statement tells its account of its own measures, and not of those on the site that has the name now", async (t) => {
  const bench = await openBench(t);
  const { caseId } = await imminentCase(bench);
  await bench.desk.brake(ALICE, caseId, proposal(bench));
  await bench.until(() => bench.standing.length === 1);
  await bench.until(async () => {
    await bench.services.mail.deliver();
    return bench.mails.length === 1;
  });
  await bench.services.sites.leave(bench.siteId);
  const other = await comeBack(bench, "neighbour");
  assert.equal(other.state, "held");
  await bench.services.sites.release(other.siteId, { by: "officer", reason: "Somebody else, by phone" });
  const subject = { siteId: other.siteId, hostname: bench.hostname, path: "/thread/7" };
  const made = await bench.desk.propose(ALICE, caseId, proposal(bench, { subject }));
  await bench.desk.act(BRUNO, made.decisionId, { action: "confirm", reason });
  await bench.until(async () => {
    await bench.services.mail.deliver();
    return bench.mails.some(({ to }) => to === "neighbour@owner.example");
  });
  for (const { to, source } of bench.mails) {
    const token = /statement\/([A-Za-z0-9_-]{43})/.exec(source.replaceAll(/=\r?\n/g, ""))?.[1] ?? "";
    const { measures } = await bench.desk.statement(token);
    const own = to === "neighbour@owner.example" ? other.siteId : bench.siteId;
    assert.deepEqual(
      measures.map(({ record }) => record.subject.siteId),
      [own],
      to,
    );
  }
});

test("over HTTP: an owner leaves and adds the site again while a case is open, and the brake of one officer stands", async (t) => {
  const stage = await openWebStage({ vault: false });
  t.after(() => stage.close());
  const enter = async (name: string, role: "officer" | "customer", account?: string): Promise<Browser> => {
    const email = `${name}@people.example`;
    const person = { name, email, roles: [role], ...(account === undefined ? {} : { account }) };
    return (await enrol(stage, person)).browser;
  };
  const json = async <T>(answer: Promise<Response>): Promise<T> =>
    (await expectOk(answer)).json() as Promise<T>;
  const owner = await enter("olga", "customer", "forum");
  const alice = await enter("alice", "officer");
  const url = `https://${FORUM}/thread/7`;
  await stage.desk.receiveReport({
    harm: "threat-to-life",
    channel: "api",
    url,
    statement: "Somebody posted where I live.",
    quoted: ESCALATION,
    identity: null,
    language: "en",
    original: new TextEncoder().encode(url),
    originalContentType: "text/plain",
  });
  const { items } = await json<{ items: { caseId: CaseId; level: string }[] }>(alice.get("/api/v1/cases"));
  const [{ caseId, level }] = items as [{ caseId: CaseId; level: string }];
  assert.equal(level, "IMMINENT");

  const old = (await stage.sites.find(stage.db, FORUM))?.siteId;
  const { originUrl } = await stage.sites.view(old as SiteId);
  await expectOk(owner.send("POST", `/api/v1/sites/${old}/leave`, { confirm: FORUM }));
  assert.equal(await stage.sites.find(stage.db, FORUM), null);
  const back = await json<{ siteId: SiteId; state: string; heldBecause: string[] }>(
    owner.send("POST", "/api/v1/sites", { hostname: FORUM, originUrl, account: "forum" }),
  );
  assert.deepEqual([back.state, back.heldBecause], ["active", []]);
  // The proof of the name, which has its own scenario (ownership.test.ts).
  await stage.db.query(`update hostname set proven_at = now(), proven_by = 'dns-txt' where site_id = $1`, [
    back.siteId,
  ]);
  const seen = await json<CaseView>(alice.get(`/api/v1/cases/${caseId}`));
  const braked = await json<DecisionView>(
    alice.send("POST", `/api/v1/cases/${caseId}/brakes`, {
      kind: "withhold",
      scope: "url",
      subject: seen.narrowest.subject,
      clause: "life-threat",
      facts: "A page calls for violence against a private person and names a time.",
      territory: ["*"],
      endsAt: null,
      reviewAt: null,
      reasonWider: null,
      reason: "The quoted lines name a target, a place and a time.",
    }),
  );
  assert.equal(braked.measure?.record.subject.siteId, back.siteId);
  while ((await stage.desk.measure(braked.measure?.measureId as never)).state !== "in_force") {
    await stage.desk.advance();
  }
  assert.equal((await stage.sites.view(back.siteId)).measures, 1);
  assert.equal((await expectOk(owner.get(`/api/v1/sites/${back.siteId}`))).status, 200);
});
