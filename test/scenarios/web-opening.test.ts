/**
 * A sealed identity from the report form to the officer's terminal, over HTTP and on the real desk: one officer asks, the same one
 * cannot approve, another does, the file is refused until the log holds it, and then opens with two shares. In between every
 * answer is searched for the reporter.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, test } from "node:test";
import { enrol, enterWith, type Browser, type TestControl } from "../../src/api/testing.ts";
import { openVaultFile } from "../../src/cli/vault-open.ts";
import type { CaseView, OpeningView, TransparencyView } from "../../src/contract/http.ts";
import { createVault } from "../../src/desk/vault.ts";
import { FORUM, openWebStage, type WebStage } from "./web-stage.ts";

let stage: WebStage;
before(async () => {
  stage = await openWebStage({ vault: false });
});
after(() => stage.close());

const SECRETS = ["Wanda", "Zimtstern", "wanda@reporter"];
let searched = 0;

/** The answer's text, which holds nothing of the reporter, whatever its status. */
async function clean(response: Promise<Response>, status = 200): Promise<string> {
  const answer = await response;
  const text = await answer.text();
  assert.equal(answer.status, status, text);
  for (const secret of SECRETS) assert.ok(!text.includes(secret), `${answer.url} tells ${secret}`);
  searched += 1;
  return text;
}
const json = async <T>(response: Promise<Response>, status = 200): Promise<T> =>
  JSON.parse(await clean(response, status)) as T;

test("From the report form to the officers' terminal, and never in the clear before", async () => {
  const rig = stage as unknown as TestControl;
  const vault = await createVault((bytes) => new Uint8Array(randomBytes(bytes)));
  await stage.desk.setVaultKey(vault.publicKey);
  const people: Browser[] = [];
  for (const name of ["alice", "bruno", "clara"]) {
    const { browser } = await enrol(rig, { name, email: `${name}@desk.example`, roles: ["officer"] });
    people.push(browser);
  }
  const [alice, bruno, clara] = people as [Browser, Browser, Browser];
  const { signInLink } = await rig.control.invite({
    name: "dora",
    email: "dora@desk.example",
    roles: ["officer"],
  });
  const withoutFactor = await enterWith(rig, signInLink);

  const thanks = await clean(
    fetch(`${stage.url}/report`, {
      method: "POST",
      body: new URLSearchParams({
        harm: "doxxing",
        url: `https://${FORUM}/t/9`,
        statement: "They posted where I live.",
        name: "Wanda Zimtstern",
        email: "wanda@reporter.example",
      }),
    }),
  );
  const code = /<p class="code">([\s\S]*?)<\/p>/.exec(thanks)?.[1]?.replace(/\D/g, "") ?? "";
  assert.match(code, /^\d{16}$/);
  const queue = await json<{ items: { caseId: string }[] }>(alice.get("/api/v1/cases"));
  const caseAt = `/api/v1/cases/${queue.items[0]?.caseId ?? ""}`;
  const found = await json<CaseView>(alice.get(caseAt));
  const report = found.reportList[0];
  assert.equal(report?.identitySealed, true);
  assert.deepEqual(found.mayAskOpening, { ok: true, why: null });

  const asking = {
    reportId: report.reportId,
    ground: "danger-to-reporter",
    purpose: "Warn her before the evening that is named.",
  };
  const short = await json<{ fields: Record<string, string> }>(
    alice.send("POST", `${caseAt}/openings`, { ...asking, purpose: "Because." }),
    422,
  );
  assert.match(short.fields["purpose"] ?? "", /at least 20 characters/);
  await clean(alice.send("POST", `${caseAt}/openings`, { ...asking, ground: "curiosity" }), 422);
  await clean(withoutFactor.send("POST", `${caseAt}/openings`, asking), 403);
  const opening = await json<OpeningView>(alice.send("POST", `${caseAt}/openings`, asking));
  const at = `/api/v1/openings/${opening.openingId}`;
  const reason = "I read the thread: tonight is named.";
  const own = await json<{ code: string }>(alice.send("POST", `${at}/approve`, { reason }), 403);
  assert.equal(own.code, "auth.two-humans");
  await clean(alice.get(`${at}/sealed`), 409);
  const approved = await json<OpeningView>(bruno.send("POST", `${at}/approve`, { reason }));
  assert.equal(approved.state, "approved");
  await clean(bruno.send("POST", `${at}/close`, { reason }), 403);

  const deadline = Date.now() + 10_000;
  for (;;) {
    const { openings } = await json<CaseView>(alice.get(caseAt));
    if (openings[0]?.sealed.ok === true) break;
    // Before its entry is published there is nothing to fetch.
    if (openings[0]?.logIndex === null) await clean(alice.get(`${at}/sealed`), 503);
    assert.ok(Date.now() < deadline, "the log holds the opening in time");
    await stage.desk.advance();
  }
  await clean(clara.get(`${at}/sealed`), 403);
  await clean(withoutFactor.get(`${at}/sealed`), 403);
  const file = await clean(alice.get(`${at}/sealed`));
  const opened = await openVaultFile(file, [vault.shares[1], vault.shares[2]]);
  assert.equal(opened.identity.name, "Wanda Zimtstern");
  assert.equal(opened.identity.email, "wanda@reporter.example");
  assert.equal(opened.originalSha256, report.sha256);

  const entry = await clean(fetch(`${stage.url}/log/entry/${opened.logIndex}`));
  assert.match(entry, /danger-to-reporter/);
  assert.ok(!entry.includes(asking.purpose) && !entry.includes("alice"));
  const counts = await json<TransparencyView>(fetch(`${stage.url}/api/v1/transparency`));
  assert.deepEqual(counts.openings, { requested: 1, approved: 1, refused: 0, handedOut: 1 });
  const mailbox = await clean(
    fetch(`${stage.url}/mailbox`, { method: "POST", body: new URLSearchParams({ code }) }),
  );
  assert.match(mailbox, /handed out to be opened on/);
  const afterwards = await json<CaseView>(bruno.get(caseAt));
  assert.equal(afterwards.openings[0]?.handedOut, 1);
  assert.ok(searched > 15, `only ${searched} answers were searched`);
});
