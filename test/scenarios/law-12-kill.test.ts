import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import type { CaseView, MeasureProposal } from "../../src/contract/http.ts";
import { verifyLog } from "../../src/cli/verify.ts";
import { untilStatus, visit } from "../../src/cli/story/edge-visitor.ts";
import { StaffMember } from "../../src/cli/story/staff.ts";
import { call, launch, makeFolder, until } from "./launched.ts";

// Design law 12 on the whole product: what an officer was told is done survives kill -9 at any moment after, and what was
// cut off before the answer either happened whole or not at all. Real processes, real nginx, a real log.

const READY = "Ctrl-C stops everything.";
/** Milliseconds after the second officer's click at which the power goes; null: only once the answer is there. */
const MOMENTS: readonly (number | null)[] = [null, 0, 4, 12, 30, 80];

test("kill -9 between a decision and its enforcement: it is enforced once, logged once, and the log verifies", async (t) => {
  const folder = await makeFolder();
  t.after(() => folder.remove());
  const originOf = async (round: number): Promise<string> => {
    const words = ["gardens", "radios", "boats", "bread", "maps", "songs"][round] ?? "";
    const server = createServer((_request, response) =>
      response.end(
        `<title>${words}</title><p>All about ${words}. 12 Example Lane, that is where Mara Sample lives.`,
      ),
    );
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    t.after(() => server.close());
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  };
  const start = (): ReturnType<typeof launch> => launch(["up", "--data", folder.dataDir], { ready: READY });

  let up = await start();
  const vkeyOf = async (): Promise<string> => {
    const { output } = await call(["status", "--json", "--data", folder.dataDir]);
    return (JSON.parse(output) as { log: { vkey: string } }).log.vkey;
  };
  const vkey = await vkeyOf();
  const hire = async (name: string): Promise<StaffMember> => {
    const { output } = await call([
      "officer",
      "add",
      name,
      "--email",
      `${name.toLowerCase()}@desk.example`,
      "--data",
      folder.dataDir,
    ]);
    const link = /http\S+token=\S+/.exec(output)?.[0];
    assert.ok(link, output);
    const member = new StaffMember({
      name,
      email: `${name.toLowerCase()}@desk.example`,
      url: folder.url,
      password: `a long password of ${name}`,
      onBytes: () => undefined,
    });
    await member.enrol(link);
    return member;
  };
  const noor = await hire("Noor");
  const ilse = await hire("Ilse");

  for (const [round, moment] of MOMENTS.entries()) {
    const hostname = `forum-${round}.example`;
    const protect = await call([
      "protect",
      hostname,
      "--origin",
      await originOf(round),
      "--data",
      folder.dataDir,
    ]);
    assert.equal(protect.code, 0, protect.output);
    const sent = await fetch(`${folder.url}/report`, {
      method: "POST",
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: new URLSearchParams({
        harm: "doxxing",
        url: `http://${hostname}/t/1`,
        statement: "This is where I live.",
        quoted: "12 Example Lane, that is where Mara Sample lives.",
      }),
    });
    assert.equal(sent.status, 200);
    const seen = await until("the case is in the queue", async () => {
      const row = (await noor.call("GET /cases")).items.find((item) => item.subject.hostname === hostname);
      return row ? noor.call("GET /cases/{caseId}", { params: { caseId: row.caseId } }) : null;
    });
    const proposal: MeasureProposal = {
      kind: "withhold",
      scope: "site",
      subject: { siteId: seen.subject.siteId },
      clause: "doxxing-with-danger",
      facts: "The home of a private person is published here beside a threat.",
      territory: ["*"],
      endsAt: null,
      reviewAt: new Date(Date.now() + 48 * 3_600_000).toISOString(),
      reasonWider: "The same text stands on every page of this site.",
      reason: "Seen in the report and on the page.",
    };
    const { decisionId } = await noor.call("POST /cases/{caseId}/proposals", {
      params: { caseId: seen.caseId },
      body: proposal,
    });
    const confirming = ilse
      .call("POST /decisions/{decisionId}/{action}", {
        params: { decisionId, action: "confirm" },
        body: { reason: "Read it; agreed." },
      })
      .then(
        () => true,
        () => false,
      );
    if (moment === null) assert.equal(await confirming, true);
    else await new Promise((resolve) => setTimeout(resolve, moment));
    up.child.kill("SIGKILL");
    await up.gone;
    const told = await confirming;

    up = await start();
    for (const member of [noor, ilse]) await member.signIn();
    const look = (): Promise<CaseView> =>
      noor.call("GET /cases/{caseId}", { params: { caseId: seen.caseId } });
    const state = (await look()).decisions.find((decision) => decision.decisionId === decisionId)?.state;
    if (told) assert.equal(state, "confirmed", "what was acknowledged is there");
    else assert.ok(state === "confirmed" || state === "proposed", `half a decision: ${state}`);
    if (state === "proposed") {
      assert.equal(
        (await visit(folder.edge, { hostname })).status,
        200,
        "what was not decided is not enforced",
      );
      continue;
    }
    await untilStatus(folder.edge, { hostname, status: 451, since: performance.now() });
    const settled = await until("the measure is in force", async () => {
      const decision = (await look()).decisions.find((item) => item.decisionId === decisionId);
      return decision?.measure?.state === "in_force" ? decision : null;
    });
    assert.ok(settled.logIndex !== null);
  }

  const verdict = await verifyLog(`${folder.url}/log`, { vkey });
  assert.deepEqual(verdict.problems, []);
  const rows = (await noor.call("GET /cases")).items;
  const confirmed = await Promise.all(
    rows.map((row) => noor.call("GET /cases/{caseId}", { params: { caseId: row.caseId } })),
  );
  const decisions = confirmed
    .flatMap((view) => view.decisions)
    .filter((decision) => decision.state === "confirmed");
  assert.ok(decisions.length >= 1);
  assert.equal(verdict.kinds["decision"], decisions.length, "one entry a decision");
  up.child.kill("SIGINT");
  assert.equal(await up.gone, 0);
});
