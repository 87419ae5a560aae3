/**
 * The scenes of the story, in order (design §1). Each does what its people would do, through the doors they would use, asserts
 * what must be true, and returns one or two sentences for the reader. A scene that cannot hold throws.
 */
import { strict as assert } from "node:assert";
import type { CaseId, SiteId } from "../../contract/ids.ts";
import type { CaseView, DecisionView, MeasureProposal, SiteView } from "../../contract/http.ts";
import { verifyLog } from "../verify.ts";
import { callLocal } from "../local-client.ts";
import { flood, untilStatus, visit } from "./edge-visitor.ts";
import { findMarkers, searchFolder } from "./leaks.ts";
import { startForum } from "./outside.ts";
import type { StaffMember } from "./staff.ts";
import type { Stage } from "./stage.ts";

export type Plot = {
  readonly stage: Stage;
  inForceMs: number | null;
  liftMs: number | null;
  reporterLeaks: number | null;
  ledgerVerified: boolean;
  noor: StaffMember;
  ilse: StaffMember;
  tomas: StaffMember;
  reportCode: string;
  caseId: CaseId;
  siteId: SiteId;
  brake: DecisionView | null;
  statementPath: string;
};

export type Scene = { readonly name: string; readonly play: (plot: Plot) => Promise<readonly string[]> };

const FORUM = "lantern-board.example";
const OWNER = "owner@lantern-board.example";
const HOST = "abuse@small-host.example";
const THREAD = "evening-walk";
const HOUR_MS = 3_600_000;

const caseOf = (plot: Plot, who: StaffMember = plot.noor): Promise<CaseView> =>
  who.call("GET /cases/{caseId}", { params: { caseId: plot.caseId } });

/** Looks at the case until `holds` is true of it. */
async function caseWhen(plot: Plot, holds: (seen: CaseView) => boolean): Promise<CaseView> {
  const deadline = performance.now() + 10_000;
  for (;;) {
    const seen = await caseOf(plot);
    if (holds(seen)) return seen;
    if (performance.now() > deadline)
      throw new Error("what had to happen in the case did not happen in ten seconds");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function report(
  plot: Plot,
  options: {
    readonly from: string;
    readonly statement: string;
    readonly quoted: string;
    readonly identity?: boolean;
  },
): Promise<string> {
  const [name = "", email = "", phone = ""] = plot.stage.markers;
  const page = await plot.stage.post("/report", {
    from: options.from,
    form: {
      harm: "doxxing",
      url: `http://${FORUM}/t/${THREAD}`,
      statement: options.statement,
      quoted: options.quoted,
      ...(options.identity ? { name, email, phone } : {}),
    },
  });
  assert.equal(page.status, 200, `the report form answered ${page.status}`);
  const code = /\b(\d{4})[\s\u00a0-]*(\d{4})[\s\u00a0-]*(\d{4})[\s\u00a0-]*(\d{4})\b/.exec(
    page.body.replace(/<[^>]+>/g, " "),
  );
  assert.ok(code, "the answer shows a report code of 16 digits");
  return code.slice(1).join("");
}

export const SCENES: readonly Scene[] = [
  {
    name: "A forum asks for protection",
    async play(plot) {
      const startedAt = performance.now();
      const site = await callLocal<SiteView>(plot.stage.instance.settings.dataDir, {
        method: "POST",
        path: "/protect",
        body: {
          hostname: FORUM,
          originUrl: plot.stage.forum.url,
          account: "The Lantern Board",
          accountEmail: OWNER,
        },
      });
      plot.siteId = site.siteId;
      const { ms, answer } = await untilStatus(plot.stage.edge, {
        hostname: FORUM,
        status: 200,
        since: startedAt,
      });
      assert.match(answer.body, /The Lantern Board/);
      return [`${FORUM} is served through the edge ${Math.round(ms)} ms after the call, without a reload.`];
    },
  },
  {
    name: "A flood hits it; its visitors notice nothing",
    async play(plot) {
      const before = plot.stage.forum.requests();
      const storm = flood(plot.stage.edge, { hostname: FORUM, addresses: 20, each: 300 });
      let served = 0;
      const visitors = 40;
      for (let i = 0; i < visitors; i++) {
        const answer = await visit(plot.stage.edge, {
          hostname: FORUM,
          from: `127.0.1.${(i % 8) + 1}`,
          path: "/t/gardens",
        });
        served += answer.status === 200 ? 1 : 0;
      }
      const result = await storm;
      assert.equal(served, visitors, "every visitor is served");
      assert.ok(result.stopped > result.sent / 2, `only ${result.stopped} of ${result.sent} were stopped`);
      const reached = plot.stage.forum.requests() - before - visitors;
      return [
        `20 addresses sent ${result.sent} requests in ${result.seconds.toFixed(1)} s; ${result.stopped} ended at the edge, ${reached} reached the forum. ${served} of ${visitors} visits were served.`,
      ];
    },
  },
  {
    name: "Somebody's home is posted there; they report it, and stay unknown",
    async play(plot) {
      plot.stage.forum.post(
        THREAD,
        "Found where Mara Sample lives: 12 Example Lane, the blue door. Passing it on.",
      );
      plot.reportCode = await report(plot, {
        from: "127.0.2.1",
        statement: "This is where I live. I never gave my address to anybody there. I am afraid to go home.",
        quoted: "Found where Mara Sample lives: 12 Example Lane, the blue door.",
        identity: true,
      });
      await plot.stage.instance.engine.settled();
      const { items } = await plot.noor.call("GET /cases");
      assert.equal(items.length, 1);
      plot.caseId = (items[0] as CaseView).caseId;
      const seen = await caseOf(plot);
      assert.equal(seen.reportList[0]?.identitySealed, true);
      const mailbox = await plot.stage.post("/mailbox", {
        from: "127.0.2.1",
        form: { code: plot.reportCode },
      });
      assert.equal(mailbox.status, 200);
      return [
        "The name, the address and the number are sealed to a key that nobody on the server holds; the reporter has a code of sixteen digits and nothing else.",
        `The desk sees case ${seen.number}, level ${seen.level}, by the rule ${seen.danger.rule}.`,
      ];
    },
  },
  {
    name: "A campaign follows: copies, and some that are false",
    async play(plot) {
      const before = await caseOf(plot);
      const copy =
        "This board publishes the homes of people. Take the whole site down at once! Everybody please send this.";
      for (let i = 0; i < 16; i++) {
        await report(plot, {
          from: `127.0.3.${i + 1}`,
          statement: i % 3 === 0 ? `${copy} Now.` : copy,
          quoted: "",
        });
      }
      await plot.stage.instance.engine.settled();
      const after = await caseOf(plot);
      assert.equal(after.reports, before.reports + 16);
      assert.ok(after.sources <= before.sources + 2, `${after.sources} sources`);
      assert.equal(after.level, before.level, "numbers do not move the level");
      return [
        `${after.reports} reports, but ${after.sources} independent sources${after.brigade ? ", marked as a campaign" : ""}. The level stays ${after.level}: numbers do not move it, evidence does.`,
      ];
    },
  },
  {
    name: "The provider declines to act on the whole site, and says so",
    async play(plot) {
      plot.stage.pass(6 * HOUR_MS);
      const referral = await plot.noor.call("POST /cases/{caseId}/referrals", {
        params: { caseId: plot.caseId },
        body: {
          kind: "host",
          to: HOST,
          note: "A thread on a site that you host publishes a private home. Please have its owner remove it.",
        },
      });
      const refusal = await plot.noor.call("POST /cases/{caseId}/refusals", {
        params: { caseId: plot.caseId },
        body: {
          facts:
            "One thread publishes the home of a private person. The host has been asked to have it removed. The rest of the site is lawful talk, so the site as a whole is not restricted.",
          reason: "The narrowest step that helps is with the host; no threat is stated so far.",
        },
      });
      const alone = await plot.noor.refused("POST /decisions/{decisionId}/{action}", {
        params: { decisionId: refusal.decisionId, action: "confirm" },
        body: { reason: "I agree with myself." },
      });
      assert.ok(alone, "the same officer cannot confirm");
      await plot.ilse.call("POST /decisions/{decisionId}/{action}", {
        params: { decisionId: refusal.decisionId, action: "confirm" },
        body: {
          reason:
            "Read the thread and the host's terms; agreed, to be looked at again when anything new comes.",
        },
      });
      await plot.stage.instance.engine.settled();
      const seen = await caseOf(plot);
      const decided = seen.decisions.find((decision) => decision.decisionId === refusal.decisionId);
      assert.equal(decided?.state, "confirmed");
      assert.ok(decided.logIndex !== null, "the refusal stands in the public log");
      const page = await plot.stage.get(`/log/entry/${decided.logIndex}`);
      assert.equal(page.status, 200);
      assert.equal(seen.referrals.find((item) => item.referralId === referral.referralId)?.state, "sent");
      assert.ok(plot.stage.letters.received().some((mail) => mail.to.includes(HOST)));
      return [
        `${plot.noor.name} proposes, ${plot.ilse.name} confirms; the public log has it as entry ${decided.logIndex}. ${plot.noor.name} alone was told: "${alone}"`,
        "The host has a letter. The reporter finds the reasons in their mailbox.",
      ];
    },
  },
  {
    name: "Within 48 hours the threats escalate; the desk sees it in minutes",
    async play(plot) {
      await plot.noor.call("POST /cases/{caseId}/captures", {
        params: { caseId: plot.caseId },
        body: { url: `http://${FORUM}/t/${THREAD}` },
      });
      plot.stage.present();
      plot.stage.forum.post(
        THREAD,
        "Somebody should kill Mara Sample. She is at 12 Example Lane every evening.",
      );
      plot.stage.forum.post(THREAD, "Tonight at 21:00 then. Who is coming?");
      plot.stage.forum.post(THREAD, "I'm in, I can bring a car and two friends");
      plot.stage.forum.post(THREAD, "Count me in");
      const startedAt = performance.now();
      await report(plot, {
        from: "127.0.2.9",
        statement: "I am a neighbour. They write that they will come to her house tonight.",
        quoted:
          "Somebody should kill Mara Sample. She is at 12 Example Lane every evening.\nTonight at 21:00 then. Who is coming?\nI'm in, I can bring a car and two friends",
      });
      await plot.noor.call("POST /cases/{caseId}/captures", {
        params: { caseId: plot.caseId },
        body: { url: `http://${FORUM}/t/${THREAD}` },
      });
      await plot.stage.instance.engine.settled();
      const seen = await caseOf(plot);
      assert.equal(seen.level, "IMMINENT", `the level is ${seen.level} by ${seen.danger.rule}`);
      const [first] = (await plot.noor.call("GET /cases")).items;
      assert.equal(first?.caseId, plot.caseId, "the most dangerous case is on top");
      return [
        `${Math.round(performance.now() - startedAt)} ms after the neighbour's report the case is IMMINENT: imminent and specific danger to life. Rule: ${seen.danger.rule}.`,
        ...seen.danger.evidence
          .filter((pointer) => pointer.certainty === "seen" && pointer.score >= 2)
          .slice(0, 8)
          .map(
            (pointer) =>
              `  ${pointer.dimension}${pointer.score} line ${pointer.line} "${pointer.quote.slice(0, 70)}" (${pointer.why})`,
          ),
      ];
    },
  },
  {
    name: "One officer pulls the brake",
    async play(plot) {
      const proposal: MeasureProposal = {
        kind: "withhold",
        scope: "site",
        subject: { siteId: plot.siteId },
        clause: "life-threat",
        facts:
          "Members arrange to go to the home of a named private person within hours, with the stated aim of killing. The owner does not answer.",
        territory: ["*"],
        endsAt: null,
        reviewAt: new Date(plot.stage.now() + 48 * HOUR_MS).toISOString(),
        reasonWider:
          "The plan is spread over the board and moves as threads are closed; a single page would not stop it.",
        reason:
          "Named person, place, hour, and people offering to go. There is no time for the ordinary way.",
      };
      const since = performance.now();
      const pulled = plot.noor.call("POST /cases/{caseId}/brakes", {
        params: { caseId: plot.caseId },
        body: proposal,
      });
      const served = await Promise.all([
        pulled,
        untilStatus(plot.stage.edge, { hostname: FORUM, status: 451, since }),
      ]);
      plot.brake = served[0];
      plot.inForceMs = Math.round(served[1].ms);
      const { answer } = served[1];
      assert.match(answer.headers["link"] ?? "", /rel="?blocked-by"?/);
      assert.ok(!answer.body.includes("Example Lane"), "the notice does not repeat the harm");
      const objection = /href="([^"]*\/appeal)"/.exec(answer.body)?.[1];
      assert.ok(objection, "the notice leads to the way to object");
      assert.equal((await plot.stage.get(new URL(objection).pathname)).status, 200, "and that page is there");
      const again = await plot.noor.refused("POST /cases/{caseId}/brakes", {
        params: { caseId: plot.caseId },
        body: proposal,
      });
      assert.ok(again, "a brake is pulled once per case");
      return [
        `${plot.noor.name} withholds the site. ${plot.inForceMs} ms after the click the edge serves the notice (451), with clause, reason and appeal link. It lifts itself after 60 minutes.`,
        `A second pull is refused: "${again}"`,
      ];
    },
  },
  {
    name: "A second officer ratifies, with written reasons",
    async play(plot) {
      const decisionId = plot.brake?.decisionId ?? "";
      const alone = await plot.noor.refused("POST /decisions/{decisionId}/{action}", {
        params: { decisionId, action: "ratify" },
        body: { reason: "I ratify my own brake." },
      });
      assert.ok(alone, "the one who pulled it cannot ratify it");
      await plot.ilse.call("POST /decisions/{decisionId}/{action}", {
        params: { decisionId, action: "ratify" },
        body: {
          reason:
            "Read all four posts in the capture. Person, place, hour and takers are named. Police are being called.",
        },
      });
      const ratified = (seen: CaseView): boolean =>
        seen.decisions.some(
          (item) =>
            item.decisionId === decisionId &&
            item.measure?.state === "in_force" &&
            !item.measure.record.brake,
        );
      const seen = await caseWhen(plot, ratified);
      const decision = seen.decisions.find((item) => item.decisionId === decisionId);
      assert.equal(decision?.state, "confirmed");
      assert.equal(decision.measure?.record.brake, false);
      assert.equal(decision.measure?.state, "in_force");
      const still = await visit(plot.stage.edge, { hostname: FORUM, language: "fr" });
      assert.equal(still.status, 451);
      assert.match(still.body, /lang="fr"/);
      return [
        `${plot.ilse.name} ratifies; in force on ${decision.measure.inForce.acked} of ${decision.measure.inForce.of} edges. The page never left, and speaks French to who asks for it.`,
      ];
    },
  },
  {
    name: "The owner is told why, how to appeal, and takes everything along",
    async play(plot) {
      await plot.stage.instance.engine.settled();
      const mail = plot.stage.letters.received().findLast((item) => item.to.includes(OWNER));
      assert.ok(mail, "the owner got a letter");
      const text = mail.raw.replace(/=\r?\n/g, "").replace(/=3D/g, "=");
      const path = /\/statement\/[\w-]+/.exec(text)?.[0];
      assert.ok(path, "the letter links to the statement of reasons");
      plot.statementPath = path;
      const statement = await plot.stage.get(path);
      assert.equal(statement.status, 200);
      assert.match(statement.body, /life/i);
      const taken = await plot.stage.get(`${path}/export`);
      const settings = JSON.parse(taken.body) as object;
      assert.ok(JSON.stringify(settings).includes(FORUM));
      return [
        `The letter, the statement and the export (${taken.body.length} bytes of settings) are there at the moment of action. Nothing in them tells who reported.`,
      ];
    },
  },
  {
    name: "The police are called, and the contact is on record",
    async play(plot) {
      const referral = await plot.ilse.call("POST /cases/{caseId}/referrals", {
        params: { caseId: plot.caseId },
        body: {
          kind: "police",
          to: "Police control room, number from our own directory",
          note: "Called at once; read the posts aloud; they send a car. They will call back on our duty number.",
        },
      });
      assert.ok(["acknowledged", "sent"].includes(referral.state), referral.state);
      return [
        "A person called; time, place and answer are in the case. No reporter's name was given, as nobody here knows it.",
      ];
    },
  },
  {
    name: "The public log has the decisions, and anybody can verify it",
    async play(plot) {
      const verdict = await verifyLog(`${plot.stage.url}/log`, { vkey: plot.stage.instance.ledger.vkey });
      assert.deepEqual(verdict.problems, []);
      plot.ledgerVerified = verdict.ok;
      assert.ok(verdict.ok);
      return [
        `${verdict.size} entries, one signed checkpoint, every tile and leaf hashed again from the outside: verified.`,
      ];
    },
  },
  {
    name: "The site turns up again under another name",
    async play(plot) {
      const again = await startForum();
      try {
        const site = await callLocal<SiteView>(plot.stage.instance.settings.dataDir, {
          method: "POST",
          path: "/protect",
          body: {
            hostname: "lantern-two.example",
            originUrl: again.url,
            account: "Night Friends",
            accountEmail: "hello@lantern-two.example",
          },
        });
        assert.equal(site.state, "held");
        const answer = await visit(plot.stage.edge, { hostname: "lantern-two.example" });
        assert.equal(answer.status, 421, "a held site is not served");
        return [
          "Another name, another account, another server. It is recognised and waits for a human:",
          ...site.heldBecause.map((line) => `  ${line}`),
        ];
      } finally {
        await again.stop();
      }
    },
  },
  {
    name: "The appeal is decided by somebody who had no part in the decision",
    async play(plot) {
      plot.stage.forum.removeThread(THREAD);
      const sent = await plot.stage.post(plot.statementPath, {
        from: "127.0.4.1",
        form: {
          appeal:
            "The thread is gone, its authors are banned, two moderators read along from now on, and we answered the police.",
        },
      });
      assert.equal(sent.status, 200);
      await plot.stage.instance.engine.settled();
      const appeal = (await plot.tomas.call("GET /appeals")).items.find((item) => item.state === "open");
      assert.ok(appeal, "the appeal is in the queue");
      const body = {
        outcome: "granted" as const,
        reason:
          "The thread is gone, the plan is with the police, and the owner has moderators. The narrowest answer is none.",
      };
      for (const judge of [plot.noor, plot.ilse]) {
        assert.ok(
          await judge.refused("POST /appeals/{appealId}/decision", {
            params: { appealId: appeal.appealId },
            body,
          }),
          `${judge.name} took part and may not decide`,
        );
      }
      const since = performance.now();
      const decided = plot.tomas.call("POST /appeals/{appealId}/decision", {
        params: { appealId: appeal.appealId },
        body,
      });
      const lifted = await Promise.all([
        decided,
        untilStatus(plot.stage.edge, { hostname: FORUM, status: 200, since }),
      ]);
      plot.liftMs = Math.round(lifted[1].ms);
      await plot.stage.instance.engine.settled();
      return [
        `${plot.noor.name} and ${plot.ilse.name} are turned away; ${plot.tomas.name} grants it. The forum is served again ${plot.liftMs} ms after the click.`,
      ];
    },
  },
  {
    name: "The transparency report counts all of it",
    async play(plot) {
      const page = await plot.stage.get("/transparency.json");
      assert.equal(page.status, 200);
      const counts = JSON.parse(page.body) as import("../../contract/http.ts").TransparencyView;
      assert.equal(counts.reports, 18);
      assert.deepEqual(counts.brakes, { pulled: 1, ratified: 1, lapsed: 0 });
      assert.equal(counts.refusals, 1);
      assert.deepEqual(counts.appeals, { made: 1, granted: 1, refused: 0 });
      assert.equal(counts.referrals.made, 2);
      assert.equal(counts.returnsHeld, 1);
      const verdict = await verifyLog(`${plot.stage.url}/log`, { vkey: plot.stage.instance.ledger.vkey });
      assert.deepEqual(verdict.problems, []);
      plot.ledgerVerified = plot.ledgerVerified && verdict.ok;
      return [
        `${counts.reports} reports from ${counts.sources} sources, ${counts.cases} case, 1 refusal, 1 brake ratified, 1 appeal granted, ${counts.referrals.made} referrals, 1 return held; the log stands at ${verdict.size} entries and verifies.`,
      ];
    },
  },
  {
    name: "Nobody learned who reported",
    async play(plot) {
      const { stage } = plot;
      const outside = [
        ...stage.heard,
        ...stage.letters.received().map((mail) => mail.raw),
        JSON.stringify(stage.instance.alarms()),
      ];
      const leaks = outside.filter((text) => findMarkers(text, stage.markers) > 0).length;
      const disk = searchFolder(stage.instance.settings.dataDir, stage.markers);
      plot.reporterLeaks = leaks + disk.hits.length;
      assert.ok(disk.files > 20 && outside.length > 50, "the search saw what it should");
      assert.equal(leaks, 0);
      assert.deepEqual(disk.hits, []);
      return [
        `${outside.length} answers and letters and ${disk.files} files (${Math.round(disk.bytes / 1_048_576)} MiB, the database among them) were searched for the reporter's name, address and number: nothing.`,
      ];
    },
  },
];
