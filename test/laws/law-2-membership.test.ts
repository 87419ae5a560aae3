/** Law 2: customers do not choose who decides about them, neither by inviting officers nor by letting one go. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test, type TestContext } from "node:test";
import { putSiteMember, removeSiteMember } from "../../src/api/members.ts";
import { siteRoleOf, mustHaveSiteRole } from "../../src/api/site-access.ts";
import type { Role } from "../../src/contract/desk-states.ts";
import { insertPerson } from "../../src/store/people.ts";
import { ALICE, BRUNO, CLARA, faultOf, imminentCase, openBench, proposal, type Bench } from "./desk-bench.ts";

const reason = "I read the lines and agree.";
type Caller = Parameters<typeof putSiteMember>[0];

async function callerOf(bench: Bench, who: { userId: string; name: string }, roles: Role[]): Promise<Caller> {
  return {
    services: { ...bench.services, settings: bench.settings, now: bench.now, random: randomBytes },
    signIn: { issueLink: () => Promise.resolve("https://link.example") },
    visitor: { person: { ...who, roles, secondFactor: true }, strong: true, factor: "passkey" },
  } as unknown as Caller;
}

async function people(t: TestContext): Promise<{ bench: Bench; owner: Caller; operator: Caller }> {
  const bench = await openBench(t);
  for (const { userId, name } of [ALICE, BRUNO, CLARA]) {
    const email = `${name.toLowerCase()}@operator.example`;
    await bench.t.db.transaction((tx) =>
      insertPerson(tx, { userId, name, email, roles: ["officer"], at: new Date(bench.now()) }),
    );
  }
  const owner = await callerOf(bench, { userId: "user_owner", name: "Owner" }, ["customer"]);
  const operator = await callerOf(bench, { userId: "user_operator", name: "Operator" }, ["operator"]);
  return { bench, owner, operator };
}

test("an invitation of officers by the owner makes none of them too near, even when they look at the site", async (t) => {
  const { bench, owner } = await people(t);
  const { caseId } = await imminentCase(bench);
  const brake = await bench.desk.brake(ALICE, caseId, proposal(bench));
  for (const who of [ALICE, BRUNO, CLARA]) {
    const email = `${who.name.toLowerCase()}@operator.example`;
    await putSiteMember(owner, bench.siteId, { email, role: "owner" });
    const call = await callerOf(bench, who, ["officer", "customer"]);
    assert.equal(await siteRoleOf(call, bench.siteId), null, "and gives them nothing on the site");
    assert.equal(await faultOf(() => mustHaveSiteRole(call, bench.siteId, "viewer")), "state.not-found");
  }
  await bench.desk.act(BRUNO, brake.decisionId, { action: "ratify", reason });
  await bench.until(() => bench.standing.length === 1);
});

test("an officer who belongs to a site by the operator's word may not decide, nor after the owner let them go", async (t) => {
  const { bench, owner, operator } = await people(t);
  const { caseId } = await imminentCase(bench);
  await putSiteMember(operator, bench.siteId, { email: "bruno@operator.example", role: "viewer" });
  const made = await bench.desk.propose(ALICE, caseId, proposal(bench));
  const confirm = (who: typeof ALICE): Promise<unknown> =>
    bench.desk.act(who, made.decisionId, { action: "confirm", reason });
  assert.equal(await faultOf(() => confirm(BRUNO)), "auth.conflict-of-interest");
  await removeSiteMember(owner, bench.siteId, BRUNO.userId);
  assert.equal(await faultOf(() => confirm(BRUNO)), "auth.conflict-of-interest");
  await confirm(CLARA);
});

test("invitations fill nobody's mailbox", async (t) => {
  const { bench, owner } = await people(t);
  for (let n = 0; n < 10; n++) {
    await putSiteMember(owner, bench.siteId, {
      email: "stranger@elsewhere.example",
      role: n % 2 === 0 ? "viewer" : "editor",
    });
  }
  const rows = await bench.t.db.query(
    "select 1 from mail_out where recipient = 'stranger@elsewhere.example'",
  );
  assert.equal(rows.length, 3);
});
