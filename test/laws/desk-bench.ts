/**
 * A whole desk on real parts, for tests: database, ledger, sites, bus, mail to a real SMTP server, an origin, and an edge. The edge
 * is small but honest: it takes a policy from the bus, verifies each receipt against the pinned key, enforces only what passes,
 * and answers; over HTTP it serves the origin, or 451 where a measure stands. Time is a number that tests move.
 */
import { createServer, request, type Server } from "node:http";
import { mkdtempSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SMTPServer } from "smtp-server";
import { createLocalBus, type Bus } from "../../src/bus/bus.ts";
import { readSettings } from "../../src/cli/settings.ts";
import { Fault } from "../../src/contract/fault.ts";
import type { Harm } from "../../src/contract/desk-states.ts";
import type { MeasureProposal } from "../../src/contract/http.ts";
import type { CaseId, NodeId, SiteId, UserId } from "../../src/contract/ids.ts";
import type { MeasureRecord } from "../../src/contract/measure.ts";
import type { NodeHello, SitePolicy } from "../../src/contract/policy.ts";
import type { Settings } from "../../src/contract/settings.ts";
import { ackTopic, helloTopic, POLICY_TOPICS } from "../../src/contract/topics.ts";
import type { ActorContext, Desk, IdentityInput } from "../../src/desk/desk.ts";
import { openDesk } from "../../src/desk/open-desk.ts";
import { createVault } from "../../src/desk/vault.ts";
import { seededRandom } from "../../src/ledger/testing.ts";
import { verifyReceipt } from "../../src/ledger/core/receipt.ts";
import { createLog, openLedger, type LedgerOptions } from "../../src/ledger/open-ledger.ts";
import type { Ledger } from "../../src/ledger/ledger.ts";
import { openMail } from "../../src/mail/open-mail.ts";
import type { Mail } from "../../src/mail/mail.ts";
import { openSites } from "../../src/sites/open-sites.ts";
import type { Sites } from "../../src/sites/sites.ts";
import type { Db } from "../../src/store/db.ts";
import { openTestDb, type TestDb } from "../../src/store/testing.ts";

export const NODE = "node_00000000000000000000000001" as NodeId;
export const ALICE = officer("alice");
export const BRUNO = officer("bruno");
export const CLARA = officer("clara");

export function officer(name: string): ActorContext {
  return { userId: `user-${name}` as UserId, name, roles: ["officer"] };
}

export type Services = {
  readonly db: Db;
  readonly ledger: Ledger;
  readonly sites: Sites;
  readonly mail: Mail;
};

export type Bench = {
  readonly t: TestDb;
  readonly services: Services;
  desk: Desk;
  readonly siteId: SiteId;
  readonly hostname: string;
  readonly vkey: string;
  readonly shares: readonly [string, string, string];
  readonly alarms: { code: string; what: string }[];
  /** Whole mails as the SMTP server got them. */
  readonly mails: { to: string; source: string }[];
  /** What the edge enforces on the site now, newest policy. */
  readonly standing: MeasureRecord[];
  /** Why the edge refused a measure. */
  readonly refused: string[];
  readonly now: () => number;
  readonly settings: Settings;
  tick(ms: number): Promise<void>;
  /** What the origin serves. */
  setPage(path: string, html: string): void;
  report(
    input?: Partial<ReportDraft>,
  ): Promise<{ code: string; caseNumber: string; caseId: CaseId; sha256: string }>;
  /** Advances until `done` holds, with a deadline. */
  until(done: () => Promise<boolean> | boolean): Promise<void>;
  /** Another desk on the same database, as after a restart; `over` replaces services. */
  reopen(over?: Partial<Services>): Promise<Desk>;
  close(): Promise<void>;
};

export type ReportDraft = {
  readonly harm: Harm;
  readonly path: string;
  readonly statement: string;
  readonly quoted: string;
  readonly identity: IdentityInput | null;
  readonly language: "en" | "fr";
};

const HOSTNAME = "forum.example";
export const DAY_MS = 86_400_000;

/** `edge: false` starts without any edge. Closes itself after `test`, passed or failed. */
export async function openBench(
  test: { after(work: () => Promise<void>): void },
  options: {
    readonly vault?: boolean;
    readonly smtp?: boolean;
    readonly edge?: boolean;
    readonly seed?: number;
  } = {},
): Promise<Bench> {
  const t = await openTestDb();
  const home = mkdtempSync(join(tmpdir(), "parapet-bench-"));
  let nowMs = Date.now();
  const now = (): number => nowMs;
  const random = seededRandom(options.seed ?? 1);
  const alarms: { code: string; what: string }[] = [];
  const onAlarm = (code: string, what: string): void => void alarms.push({ code, what });
  const pages = new Map<string, string>([["/", "<title>Forum</title><p>Boats and weather.</p>"]]);
  const standing: MeasureRecord[] = [];
  const refused: string[] = [];

  const origin = createServer((asked, answer) => {
    const page = pages.get(asked.url ?? "/");
    answer.writeHead(page === undefined ? 404 : 200, { "content-type": "text/html; charset=utf-8" });
    answer.end(page ?? "<p>Nothing here</p>");
  });
  const originPort = await listen(origin);
  const edge = createServer((asked, answer) => {
    const hit = standing.find((record) => enforced(record, asked.headers.host ?? "", asked.url ?? "/"));
    if (hit !== undefined) return void answer.writeHead(451).end("withheld");
    const forward = request(
      { host: "127.0.0.1", port: originPort, path: asked.url, headers: asked.headers },
      (from) => {
        answer.writeHead(from.statusCode ?? 502, from.headers);
        from.pipe(answer);
      },
    );
    forward.on("error", () => answer.writeHead(502).end());
    forward.end();
  });
  const edgePort = await listen(edge);
  const mails: { to: string; source: string }[] = [];
  const smtp = new SMTPServer({
    authOptional: true,
    disabledCommands: ["STARTTLS", "AUTH"],
    onData(stream, session, done) {
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("end", () => {
        const to = session.envelope.rcptTo.map((recipient) => recipient.address).join(" ");
        mails.push({ to, source: Buffer.concat(chunks).toString("utf8") });
        done();
      });
    },
  });
  const smtpPort = await new Promise<number>((resolve) => {
    const server = smtp.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
  });

  const settings: Settings = {
    ...readSettings({ dataDir: t.dataDir }),
    dataDir: t.dataDir,
    controlListen: "127.0.0.1:0",
    publicUrl: "https://desk.example",
    edgeListen: `127.0.0.1:${edgePort}`,
    edgeListenTls: "",
    edgeWorkers: 1,
    databaseUrl: "",
    operatorName: "Example Edge",
    operatorUrl: "https://operator.example",
    logOrigin: "log.example/parapet",
    demoListen: "127.0.0.1:0",
    smtpUrl: options.smtp === false ? "" : `smtp://127.0.0.1:${smtpPort}`,
    mailFrom: "desk@operator.example",
    originPrivateRanges: ["127.0.0.0/8"],
    defaultLimit: null,
    bodyBytesMax: 1_000_000,
  };

  const failures: unknown[] = [];
  const bus: Bus = createLocalBus({ onError: (error) => failures.push(error) });
  const ledgerOptions: LedgerOptions = {
    db: t.db,
    dir: join(home, "log"),
    origin: settings.logOrigin,
    keyFile: join(home, "log.key"),
    now,
    random,
  };
  const { vkey } = await createLog(ledgerOptions);
  const ledger = await openLedger(ledgerOptions);
  const hello = async (): Promise<void> => {
    if (options.edge === false) return;
    const said: NodeHello = {
      nodeId: NODE,
      name: "edge-1",
      startedAtMs: nowMs,
      seenAtMs: nowMs,
      nginxVersion: "bench",
      workers: 1,
      sites: 1,
      pinnedVkey: vkey,
    };
    await bus.publish(helloTopic(NODE), said, { keep: true });
  };
  bus.subscribe(POLICY_TOPICS, async ({ value }) => {
    if (options.edge === false) return;
    const policy = value as SitePolicy;
    standing.length = 0;
    for (const measure of policy.measures) {
      const verdict = verifyReceipt(measure, { vkey });
      if (verdict.ok) standing.push(measure.record);
      else refused.push(verdict.why);
    }
    await bus.publish(
      ackTopic(NODE, policy.siteId),
      { nodeId: NODE, siteId: policy.siteId, version: policy.version, atMs: nowMs, ok: true, workers: 1 },
      { keep: true },
    );
  });
  await hello();
  const sites = await openSites({ db: t.db, bus, settings, now, random, onAlarm });
  const mail = await openMail({ db: t.db, settings, now, random, onAlarm });
  const services: Services = { db: t.db, ledger, sites, mail };
  const site = await sites.protect({
    hostname: HOSTNAME,
    originUrl: `http://127.0.0.1:${originPort}`,
    account: "coast",
    accountEmail: "owner@forum.example",
  });
  await sites.publish();

  const reopen = async (over: Partial<Services> = {}): Promise<Desk> =>
    await openDesk({
      ...services,
      ...over,
      settings,
      now,
      random,
      onAlarm,
      edgeAddress: `127.0.0.1:${edgePort}`,
    });
  const desk = await reopen();
  const vault = await createVault(random);
  if (options.vault !== false) await desk.setVaultKey(vault.publicKey);

  const bench: Bench = {
    t,
    services,
    desk,
    siteId: site.siteId,
    hostname: HOSTNAME,
    vkey,
    shares: vault.shares,
    alarms,
    mails,
    standing,
    refused,
    now,
    settings,
    reopen,
    async tick(ms) {
      nowMs += ms;
      await hello();
    },
    setPage: (path, html) => void pages.set(path, html),
    async report(draft = {}) {
      const full: ReportDraft = {
        harm: "doxxing",
        path: "/thread/7",
        statement: "Somebody posted where I live.",
        quoted: "",
        identity: null,
        language: "en",
        ...draft,
      };
      const url = `https://${HOSTNAME}${full.path}`;
      const original = new TextEncoder().encode(JSON.stringify({ ...full, url }));
      const { path: _path, ...rest } = full;
      const made = await bench.desk.receiveReport({
        ...rest,
        channel: "api",
        url,
        original,
        originalContentType: "application/json",
      });
      const rows = await t.db.query<{ id: CaseId }>(`select case_id as id from desk_case where number = $1`, [
        made.caseNumber,
      ]);
      const caseId = rows[0]?.id;
      if (caseId === undefined) throw new Error("the report's case is missing");
      return { code: made.code, caseNumber: made.caseNumber, sha256: made.sha256, caseId };
    },
    async until(done) {
      const deadline = Date.now() + 20_000;
      for (;;) {
        await bench.desk.advance();
        if (await done()) return;
        if (Date.now() > deadline) throw new Error(`not reached in time; alarms: ${JSON.stringify(alarms)}`);
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
    async close() {
      await bench.desk.close();
      await mail.close();
      await sites.close();
      await ledger.close();
      await bus.close();
      await new Promise<void>((resolve) => smtp.close(() => resolve()));
      for (const server of [origin, edge]) {
        server.closeAllConnections();
        server.close();
      }
      await t.close();
      rmSync(home, { recursive: true, force: true });
      if (failures.length > 0) throw new Error(`a subscriber failed: ${String(failures[0])}`);
    },
  };
  test.after(bench.close);
  return bench;
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

function enforced(record: MeasureRecord, host: string, url: string): boolean {
  if (record.kind !== "withhold" && record.kind !== "withdraw") return false;
  const { hostname, path } = record.subject;
  if (hostname !== undefined && host !== hostname) return false;
  if (path === undefined) return true;
  return record.scope === "url" ? url === path : url === path || url.startsWith(`${path}/`);
}

/** A quote that the detector rates IMMINENT: named target, address, time, takers. */
export const ESCALATION = [
  "Erika Musterfrau lives at 12 Harbour Street, the white door",
  "someone should shoot her, tonight at 21:00",
  "who is coming with me? bring a knife",
  "I'm in, on my way",
].join("\n");

export function proposal(bench: Bench, over: Partial<MeasureProposal> = {}): MeasureProposal {
  return {
    kind: "withhold",
    scope: "url",
    subject: { siteId: bench.siteId, hostname: HOSTNAME, path: "/thread/7" },
    clause: "life-threat",
    facts: "A page calls for violence against a private person and names a time.",
    territory: ["*"],
    endsAt: null,
    reviewAt: new Date(bench.now() + 7 * DAY_MS).toISOString(),
    reasonWider: null,
    reason: "The quoted lines name a target, a place and a time.",
    ...over,
  };
}

/** A case at IMMINENT, by one report that quotes an escalation. */
export async function imminentCase(bench: Bench): Promise<{ caseId: CaseId; code: string }> {
  const { caseId, code } = await bench.report({ harm: "threat-to-life", quoted: ESCALATION });
  return { caseId, code };
}

/** The code of the Fault that `work` fails with, or "nothing" when it goes through. */
export async function faultOf(work: () => Promise<unknown>): Promise<string> {
  try {
    await work();
    return "nothing";
  } catch (error) {
    if (error instanceof Fault) return error.code;
    throw error;
  }
}
