/**
 * The customer's side in whole, over HTTP and on the real desk: two officers sign in with their second factors, one proposes, the
 * same one cannot confirm, the other does, and the notice's link shows the statement of reasons, takes an objection and gives the export.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { CaseView, DecisionView, MeView } from "../../src/contract/http.ts";
import { enrol, type Browser, type TestControl } from "../../src/api/testing.ts";
import { FORUM, openWebStage, type WebStage } from "./web-stage.ts";

let stage: WebStage;
before(async () => {
  stage = await openWebStage();
});
after(() => stage.close());

async function json<T>(response: Promise<Response>, status = 200): Promise<T> {
  const answer = await response;
  const text = await answer.text();
  assert.equal(answer.status, status, text);
  return JSON.parse(text) as T;
}

test("From a report to the customer's statement, with two people signed in over HTTP", async () => {
  const rig = stage as unknown as TestControl;
  const people: Browser[] = [];
  for (const name of ["alice", "bruno"]) {
    const { browser } = await enrol(rig, { name, email: `${name}@desk.example`, roles: ["officer"] });
    assert.equal((await json<MeView>(browser.get("/api/v1/me"))).mayDecide, true);
    people.push(browser);
  }
  const [alice, bruno] = people as [Browser, Browser];
  const report = { harm: "doxxing", url: `https://${FORUM}/t/9`, statement: "They posted where I live." };
  const thanks = await fetch(`${stage.url}/report`, { method: "POST", body: new URLSearchParams(report) });
  assert.equal(thanks.status, 200);
  const queue = await json<{ items: { caseId: string }[] }>(alice.get("/api/v1/cases"));
  const caseId = queue.items[0]?.caseId ?? "";
  const found = await json<CaseView>(alice.get(`/api/v1/cases/${caseId}`));
  const reviewAt = new Date(Date.now() + 7 * 86_400_000).toISOString();
  const proposed = await json<DecisionView>(
    alice.send("POST", `/api/v1/cases/${caseId}/proposals`, {
      kind: "withhold",
      ...found.narrowest,
      clause: "doxxing-with-danger",
      facts: "A private home is named beside a call to go there.",
      territory: ["*"],
      endsAt: null,
      reviewAt,
      reasonWider: "A warning would leave the address readable.",
      reason: "The page names a home.",
    }),
  );
  const at = `/api/v1/decisions/${proposed.decisionId}/confirm`;
  const own = await json<{ code: string }>(alice.send("POST", at, { reason: "I agree with myself." }), 403);
  assert.equal(own.code, "auth.two-humans");
  const confirmed = await json<DecisionView>(bruno.send("POST", at, { reason: "I read it and agree." }));
  assert.equal(confirmed.state, "confirmed");

  let link: string | undefined;
  const deadline = Date.now() + 10_000;
  while (link === undefined && Date.now() < deadline) {
    await stage.desk.advance();
    const mails = await stage.db.query<{ body: string }>(
      `select body from mail_out where recipient = 'owner@forum.example' and body is not null`,
    );
    link = mails.flatMap(({ body }) => /https?:\/\/\S+\/statement\/[A-Za-z0-9_-]+/.exec(body) ?? [])[0];
  }
  assert.ok(link !== undefined, "the customer's notice carries a link");
  const page = await fetch(`${link}?lang=fr`);
  const text = await page.text();
  assert.equal(page.status, 200, text);
  assert.match(text, /A private home is named beside a call to go there\./);
  assert.ok(!text.includes(report.statement), "a report's words are not the customer's to read");
  assert.ok(!text.includes("alice") && !text.includes("bruno"), "nor are the officers' names");
  const exported = await json<object>(fetch(`${link}/export`));
  assert.ok(JSON.stringify(exported).includes(FORUM));
  const objection = new URLSearchParams({ appeal: "The address is a shop, <not> a home." });
  const appealed = await fetch(link, { method: "POST", body: objection });
  assert.equal(appealed.status, 200);
  assert.match(await appealed.text(), /&lt;not&gt; a home/);
  const wrong = `${link.slice(0, -4)}AAAA`;
  assert.equal((await fetch(wrong)).status, 404);
  assert.equal((await json<{ total: number }>(alice.get("/api/v1/appeals"))).total, 1);
});
