/**
 * A control plane for tests of this room and of the pages above it: real database, ledger, sites, mail and sockets. The desk
 * is a stand-in that records what it was asked and answers from a table, so that these tests end at the seam; the scenarios in
 * test/scenarios run on the real one.
 */
import { createHash, createHmac, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../node/free-port.ts";
import { createLocalBus } from "../bus/bus.ts";
import type { Role } from "../contract/desk-states.ts";
import { Fault } from "../contract/fault.ts";
import type { TransparencyView } from "../contract/http.ts";
import type { CaseId, ReportId } from "../contract/ids.ts";
import type { Settings } from "../contract/settings.ts";
import type { ActorContext, Desk, MailboxView, ReportInput } from "../desk/desk.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { beginTestLog } from "../ledger/testing.ts";
import { openMail } from "../mail/open-mail.ts";
import { openCertificates } from "../sites/certificates-open.ts";
import { openSites } from "../sites/open-sites.ts";
import type { Sites } from "../sites/sites.ts";
import type { Db } from "../store/db.ts";
import { createControl, type Control } from "./control.ts";

export const KNOWN_CODE = "1234567890123456";

export type DeskStandIn = Desk & {
  readonly received: ReportInput[];
  readonly asked: { readonly what: string; readonly actor: ActorContext | null; readonly input: unknown }[];
  vaultReady: boolean;
  /** Thrown by the next receiveReport. */
  failNext: Error | null;
};

const mailbox: MailboxView = {
  receivedAt: "2026-11-22T10:00:00.000Z",
  caseNumber: "2026-000012",
  state: "in-review",
  harm: "doxxing",
  sha256: "ab".repeat(32),
  messages: [{ at: "2026-11-22T11:00:00.000Z", from: "desk", text: "We are looking at it." }],
  outcome: null,
};

export function deskStandIn(): DeskStandIn {
  const received: ReportInput[] = [];
  const asked: DeskStandIn["asked"] = [];
  const noSuch = (): never => {
    throw new Fault("state.not-found", "There is no such thing");
  };
  const note = (what: string, actor: ActorContext | null, input: unknown): never => {
    asked.push({ what, actor, input });
    throw new Fault("state.conflict", "The stand-in decides nothing");
  };
  const desk: DeskStandIn = {
    received,
    asked,
    vaultReady: true,
    failNext: null,
    async receiveReport(input) {
      if (desk.failNext) {
        const error = desk.failNext;
        desk.failNext = null;
        throw error;
      }
      received.push(input);
      const sha256 = createHash("sha256").update(input.original).digest("hex");
      return {
        reportId: `rept_${"0".repeat(26)}` as ReportId,
        code: KNOWN_CODE,
        caseNumber: "2026-000012",
        sha256,
      };
    },
    mailbox: async (code) => (code === KNOWN_CODE ? mailbox : noSuch()),
    mailboxWrite: async (code, text) =>
      code === KNOWN_CODE
        ? { ...mailbox, messages: [...mailbox.messages, { at: mailbox.receivedAt, from: "reporter", text }] }
        : noSuch(),
    reporterAppeal: async (code) => (code === KNOWN_CODE ? mailbox : noSuch()),
    vault: async () => ({ ready: desk.vaultReady, fingerprint: desk.vaultReady ? "aa:bb" : null }),
    setVaultKey: async () => ({ fingerprint: "aa:bb" }),
    cases: async (actor) => {
      asked.push({ what: "cases", actor, input: null });
      return { items: [], total: 0 };
    },
    case: async (actor, caseId: CaseId) => note("case", actor, caseId),
    capture: async (actor, _case, input) => note("capture", actor, input),
    assess: async (actor, _case, input) => note("assess", actor, input),
    propose: async (actor, _case, input) => note("propose", actor, input),
    brake: async (actor, _case, input) => note("brake", actor, input),
    declareConflict: async (actor, _case, input) => note("declareConflict", actor, input),
    refuse: async (actor, _case, input) => note("refuse", actor, input),
    proposeLift: async (actor, _measure, input) => note("proposeLift", actor, input),
    act: async (actor, _decision, input) => note("act", actor, input),
    measure: async () => noSuch(),
    refer: async (actor, _case, input) => note("refer", actor, input),
    appeals: async () => ({ items: [], total: 0 }),
    decideAppeal: async (actor, _appeal, input) => note("decideAppeal", actor, input),
    requestOpening: async (actor, _case, input) => note("requestOpening", actor, input),
    actOnOpening: async (actor, _opening, input) => note("actOnOpening", actor, input),
    sealedForOpening: async (actor, openingId) => note("sealedForOpening", actor, openingId),
    statement: async () => noSuch(),
    customerAppeal: async () => noSuch(),
    exportFor: async () => noSuch(),
    transparency: async ({ from, until }): Promise<TransparencyView> => ({
      from,
      until,
      reports: 3,
      sources: 2,
      cases: 1,
      byLevel: { LOW: 0, MODERATE: 0, ELEVATED: 0, HIGH: 1, IMMINENT: 0 },
      measures: [{ kind: "withhold", scope: "url", count: 1 }],
      refusals: 0,
      brakes: { pulled: 0, ratified: 0, lapsed: 0 },
      appeals: { made: 2, granted: 1, refused: 0 },
      referrals: { made: 0, delivered: 0 },
      openings: { requested: 2, approved: 1, refused: 0, handedOut: 1 },
      returnsHeld: 0,
      brigades: 0,
      log: { origin: "log.test/parapet", vkey: "-", size: 1 },
    }),
    publicRecord: async () => null,
    waitingForSecond: async () => 0,
    queueByLevel: async () => [],
    advance: async () => ({ moved: 0 }),
    close: async () => undefined,
  };
  return desk;
}

export type TestControl = {
  readonly control: Control;
  readonly desk: DeskStandIn;
  readonly db: Db;
  readonly ledger: Ledger;
  readonly sites: Sites;
  readonly settings: Settings;
  /** What people type: also the origin that changes must come from. */
  readonly url: string;
  readonly dataDir: string;
  /** A small real origin that sites can be protected with. */
  readonly originUrl: string;
  readonly alarms: { readonly code: string; readonly what: string }[];
  close(): Promise<void>;
};

export async function startControl(): Promise<TestControl> {
  const log = await beginTestLog();
  const { db } = log.testDb;
  const dataDir = mkdtempSync(join(tmpdir(), "parapet-control-"));
  const port = await freePort();
  const url = `http://localhost:${port}`;
  const settings = {
    dataDir,
    controlListen: `127.0.0.1:${port}`,
    publicUrl: url,
    edgeListen: "127.0.0.1:0",
    edgeListenTls: "",
    edgeWorkers: 1,
    databaseUrl: "",
    operatorName: "Riverside Shield",
    operatorUrl: "https://shield.example",
    logOrigin: "log.test/parapet",
    smtpUrl: "",
    mailFrom: "desk@shield.example",
    originPrivateRanges: ["127.0.0.0/8"],
    acmeDirectory: "",
    acmeEmail: "",
    acmeCaFile: "",
    acmeExternalAccount: null,
    dnsUpdate: null,
    dnsServers: [],
    edgeAddresses: [],
    previewDomain: "",
    countryDatabase: "",
    asnDatabase: "",
    crawlerRanges: "",
    defaultLimit: null,
    bodyBytesMax: 1024 * 1024,
  } as unknown as Settings;
  const origin = createHttpServer((request, response) => response.end(`a page at ${request.url}`));
  await new Promise<void>((resolve) => origin.listen(0, "127.0.0.1", resolve));
  const alarms: { code: string; what: string }[] = [];
  const random = (bytes: number): Uint8Array => new Uint8Array(randomBytes(bytes));
  const onAlarm = (code: string, what: string): void => {
    alarms.push({ code, what });
  };
  const bus = createLocalBus({ onError: () => undefined });
  const ledger = await log.open();
  const sites = await openSites({ db, bus, settings, now: Date.now, random, onAlarm });
  const certificates = await openCertificates({
    db,
    bus,
    sites,
    settings,
    sealingKey: random(32),
    now: Date.now,
    random,
    onAlarm,
  });
  const mail = await openMail({ db, settings, now: Date.now, random, onAlarm });
  const desk = deskStandIn();
  const control = await createControl({
    db,
    desk,
    sites,
    certificates,
    siteLog: async () => [],
    ledger,
    mail,
    settings,
    now: Date.now,
    random,
    onAlarm: ({ code, what }) => onAlarm(code, what),
    alarms: () => alarms.map((alarm) => ({ at: "2026-11-22T10:00:00.000Z", ...alarm })),
    onChange: () => undefined,
    consoleDir: join(dataDir, "console"),
    secret: random(32),
  });
  await control.listen();
  return {
    control,
    desk,
    db,
    ledger,
    sites,
    settings,
    url,
    dataDir,
    originUrl: `http://127.0.0.1:${(origin.address() as AddressInfo).port}/`,
    alarms,
    async close() {
      await control.close();
      origin.closeAllConnections();
      origin.close();
      await mail.close();
      await certificates.close();
      await sites.close();
      await ledger.close();
      await bus.close();
      await log.close();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

/** A person's browser, as far as cookies and Origin go. */
export type Browser = {
  get(path: string): Promise<Response>;
  send(method: string, path: string, body: unknown, headers?: Record<string, string>): Promise<Response>;
  readonly cookies: Map<string, string>;
};

export function browserOf(url: string): Browser {
  const cookies = new Map<string, string>();
  const go = async (path: string, init: RequestInit): Promise<Response> => {
    const headers = new Headers(init.headers);
    if (cookies.size > 0)
      headers.set("cookie", [...cookies].map(([name, value]) => `${name}=${value}`).join("; "));
    const response = await fetch(url + path, { ...init, headers, redirect: "manual" });
    for (const line of response.headers.getSetCookie()) {
      const [pair = ""] = line.split(";");
      const at = pair.indexOf("=");
      const value = pair.slice(at + 1);
      if (value === "" || /max-age=0/i.test(line)) cookies.delete(pair.slice(0, at));
      else cookies.set(pair.slice(0, at), value);
    }
    return response;
  };
  return {
    cookies,
    get: (path) => go(path, {}),
    send: (method, path, body, headers = {}) =>
      go(path, {
        method,
        headers: { "content-type": "application/json", origin: url, ...headers },
        body: JSON.stringify(body),
      }),
  };
}

export const PASSWORD = "correct horse battery";

/** Invites a person and walks through the whole enrolment: link, password, authenticator. */
export async function enrol(
  server: Pick<TestControl, "control" | "url">,
  person: {
    readonly name: string;
    readonly email: string;
    readonly roles: readonly Role[];
    readonly account?: string;
  },
): Promise<{ readonly browser: Browser; readonly secret: string; readonly backupCodes: readonly string[] }> {
  const { signInLink } = await server.control.invite(person);
  const browser = await enterWith(server, signInLink);
  await expectOk(browser.send("POST", "/api/auth/enrol/password", { password: PASSWORD }));
  const enabled = await expectOk(browser.send("POST", "/api/auth/two-factor/enable", { password: PASSWORD }));
  const { totpURI, backupCodes } = (await enabled.json()) as { totpURI: string; backupCodes: string[] };
  const secret = new URL(totpURI).searchParams.get("secret") ?? "";
  await expectOk(
    browser.send("POST", "/api/auth/two-factor/verify-totp", { code: totp(secret, Date.now()) }),
  );
  return { browser, secret, backupCodes };
}

/** Trades a link for a session, by the same call that the page's button makes. */
export async function enterWith(
  server: Pick<TestControl, "control" | "url">,
  link: string,
): Promise<Browser> {
  const browser = browserOf(server.url);
  const token = new URL(link).searchParams.get("token") ?? "";
  for (const cookie of await server.control.enter(token, "test")) {
    const [pair = ""] = cookie.split(";");
    const at = pair.indexOf("=");
    browser.cookies.set(pair.slice(0, at), pair.slice(at + 1));
  }
  return browser;
}

export async function expectOk(response: Promise<Response>): Promise<Response> {
  const answer = await response;
  if (!answer.ok) throw new Error(`${answer.url} answered ${answer.status}: ${await answer.text()}`);
  return answer;
}

/** RFC 6238 with SHA-1, 6 digits, 30 seconds. `secret` is base32 (RFC 4648 §6). */
export function totp(secret: string, nowMs: number): string {
  let bits = "";
  for (const char of secret.replace(/=+$/, "").toUpperCase()) {
    bits += "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(char).toString(2).padStart(5, "0");
  }
  const key = Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(nowMs / 30_000)));
  const mac = createHmac("sha1", key).update(counter).digest();
  const offset = (mac[19] ?? 0) & 15;
  return String((mac.readUInt32BE(offset) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}
