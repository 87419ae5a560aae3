/**
 * The public pages: routes, their order of checks, and their errors. No page sets or reads a cookie, except that a one-time link
 * hands its session on to /api. Nothing a visitor sends is written to a log, an alarm or an error: an unknown failure shows an id,
 * and only positions in our own source go to the operator. Wrong codes cost the same time as right ones, and are counted.
 */
import { Hono } from "hono";
import { readBody } from "../api/bounds.ts";
import type { PublicPages } from "../api/control.ts";
import { problemOf } from "../api/problem.ts";
import { createRate } from "../api/rate.ts";
import { Fault } from "../contract/fault.ts";
import { parseForm } from "./form.ts";
import { codeOf, mailboxDoor, mailboxPage, MESSAGE_CHARS_MAX } from "./mailbox-page.ts";
import { entryPage, logFile, logFileMissing, logPage } from "./log-page.ts";
import { placeOf, SECURITY_HEADERS, type Place } from "./page.ts";
import { appealPage, countsPage, enterPage, errorPage, landingPage, securityTxt } from "./plain-pages.ts";
import {
  identityOf,
  readReport,
  REPORT_BYTES_MAX,
  reportPage,
  thanksPage,
  type Typed,
} from "./report-page.ts";
import { statementPage } from "./statement-page.ts";
import { languageOf } from "./words.ts";

type Env = { Bindings: { readonly client: string } };

const FORM_BYTES_MAX = 64 * 1024;
const WINDOW_MS = 10 * 60_000;
const KEYS_MAX = 20_000;
/** Generous, as a refuge, a newsroom or a Tor exit is one address with many people behind it. */
const REPORTS_PER_CLIENT_MAX = 30;
/** Sixteen digits cannot be guessed at any such rate; the bound is on what guessing costs us, and is loose for the same reason. */
const WRONG_CODES_PER_CLIENT_MAX = 100;
/** No answer about a code or a token leaves sooner than this, right or wrong. */
const SECRET_FLOOR_MS = 400;
/** Where "leave this page quickly" leads: a page that nobody has to explain having open. */
const ELSEWHERE = { en: "https://en.wikipedia.org/wiki/Main_Page", fr: "https://fr.wikipedia.org/" } as const;
const BEGINNING = "1970-01-01T00:00:00.000Z";
const TOKEN = /^[A-Za-z0-9_-]{16,128}$/;

export const publicPages: PublicPages = ({ services, problems, enter }) => {
  const { desk, ledger, settings, now } = services;
  const publicOrigin = new URL(settings.publicUrl).origin;
  const limit = { windowMs: WINDOW_MS, keysMax: KEYS_MAX, now };
  const reports = createRate({ ...limit, max: REPORTS_PER_CLIENT_MAX });
  const secrets = createRate({ ...limit, max: WRONG_CODES_PER_CLIENT_MAX });
  const app = new Hono<Env>();

  const placeFor = (request: Request): Place => {
    const url = new URL(request.url);
    const language = languageOf(url, request.headers.get("accept-language"));
    const before = url.searchParams.get("before");
    const path =
      before !== null && /^\d{1,15}$/.test(before) ? `${url.pathname}?before=${before}` : url.pathname;
    return placeOf({ language, operatorName: settings.operatorName, path });
  };

  /** Reads a form that came from our own pages. The bytes come back too: a report is kept as it arrived. */
  const formOf = async (
    request: Request,
    bytesMax: number,
  ): Promise<{ typed: Typed; original: Uint8Array; contentType: string }> => {
    const { words } = placeFor(request);
    if (!fromHere(request, publicOrigin)) throw new Fault("auth.forbidden", words.errorElsewhere);
    const contentType = request.headers.get("content-type") ?? "";
    if (contentType.split(";")[0]?.trim().toLowerCase() !== "application/x-www-form-urlencoded") {
      throw new Fault("input.invalid", words.errorForm);
    }
    const original = await readBody(request, bytesMax);
    const parsed = parseForm(original);
    if (!parsed.ok) throw new Fault("input.invalid", words.errorForm);
    return { typed: parsed.value, original, contentType: contentType.slice(0, 200) };
  };

  /** Runs what depends on a secret that a stranger may be guessing: counted unless it was right, and never faster than the floor. */
  const guessed = async <T>(client: string, work: () => Promise<T>): Promise<T> => {
    secrets.take(client);
    const floor = new Promise((resolve) => setTimeout(resolve, SECRET_FLOOR_MS));
    try {
      const value = await work();
      secrets.giveBack(client);
      return value;
    } catch (error) {
      // Only a wrong guess counts: what else fails after the code was right is not the reporter's doing.
      if (!(error instanceof Fault && error.code === "state.not-found")) secrets.giveBack(client);
      throw error;
    } finally {
      await floor;
    }
  };

  app.get("/", (c) => landingPage(placeFor(c.req.raw)));

  app.get("/report", async (c) => {
    const { ready } = await desk.vault();
    return reportPage(placeFor(c.req.raw), { typed: new Map(), errors: {}, notice: null, vaultReady: ready });
  });

  app.post("/report", async (c) => {
    const place = placeFor(c.req.raw);
    const { words } = place;
    const { typed, original, contentType } = await formOf(c.req.raw, REPORT_BYTES_MAX);
    const { ready } = await desk.vault();
    const again = (state: {
      errors?: Readonly<Record<string, string>>;
      notice?: string;
      status: number;
      headers?: Readonly<Record<string, string>>;
    }): Promise<Response> =>
      reportPage(place, { typed, vaultReady: ready, errors: {}, notice: null, ...state });
    if (!ready && identityOf(typed)) return again({ notice: words.identityRefused, status: 409 });
    const read = readReport(typed, words);
    if (!read.ok) return again({ errors: read.errors, status: 422 });
    try {
      reports.take(c.env.client);
      const answer = await desk.receiveReport({
        ...read.report,
        channel: "form",
        original,
        originalContentType: contentType,
        language: place.language,
      });
      return await thanksPage(place, answer);
    } catch (error) {
      // What a reporter typed is not lost to our failure: the form comes back with it, whatever happened.
      const { problem, status, headers } = problemOf(error, problems);
      const notOurs = error instanceof Fault && error.code === "state.not-found";
      const why = notOurs
        ? words.problems
        : error instanceof Fault
          ? faultIn(place, error)
          : words.errorInside(problem.instance ?? "");
      const url = notOurs ? words.errorNotOurs : error instanceof Fault ? error.fields?.["url"] : undefined;
      const wait = headers["retry-after"];
      return again({
        notice: why,
        status,
        ...(url === undefined ? {} : { errors: { url } }),
        ...(wait === undefined ? {} : { headers: { "retry-after": wait } }),
      });
    }
  });

  app.get("/mailbox", (c) => mailboxDoor(placeFor(c.req.raw)));

  app.post("/mailbox", async (c) => {
    const place = placeFor(c.req.raw);
    const { words } = place;
    const { typed } = await formOf(c.req.raw, FORM_BYTES_MAX);
    const code = codeOf(typed.get("code") ?? "");
    const does = typed.get("do") ?? "open";
    const name = does === "appeal" ? "appeal" : "text";
    const text = (typed.get(name) ?? "").trim();
    try {
      return await guessed(c.env.client, async () => {
        if (code === null) throw new Fault("state.not-found", words.errorCode);
        if (does !== "write" && does !== "appeal") {
          return mailboxPage(place, { view: await desk.mailbox(code), code });
        }
        const why =
          text === ""
            ? words.errorNothing
            : text.length > MESSAGE_CHARS_MAX
              ? words.errorTooLong(MESSAGE_CHARS_MAX)
              : null;
        if (why !== null) {
          return mailboxPage(place, {
            view: await desk.mailbox(code),
            code,
            error: { name, why, typed: text },
          });
        }
        const write = does === "write" ? desk.mailboxWrite(code, text) : desk.reporterAppeal(code, text);
        try {
          const view = await write;
          return await mailboxPage(place, {
            view,
            code,
            done: does === "write" ? words.written : words.appealed,
          });
        } catch (error) {
          if (!(error instanceof Fault) || error.code === "state.not-found") throw error;
          // A refusal comes back with what was typed.
          const view = await desk.mailbox(code);
          return mailboxPage(place, { view, code, error: { name, why: faultIn(place, error), typed: text } });
        }
      });
    } catch (error) {
      if (error instanceof Fault && error.code === "state.not-found") {
        return mailboxDoor(place, { error: words.errorCode, status: 404 });
      }
      if (error instanceof Fault && error.code === "limit.rate") {
        const seconds = String(Math.ceil((error.retryAfterMs ?? 60_000) / 1000));
        return mailboxDoor(place, {
          error: faultIn(place, error),
          status: 429,
          headers: { "retry-after": seconds },
        });
      }
      throw error;
    }
  });

  app.get("/appeal", (c) => appealPage(placeFor(c.req.raw)));
  app.post("/appeal", async (c) => {
    const place = placeFor(c.req.raw);
    const { typed } = await formOf(c.req.raw, FORM_BYTES_MAX);
    const link = (typed.get("link") ?? "").trim();
    const token = /(?:^|\/statement\/)([A-Za-z0-9_-]{16,128})(?:\?.*)?$/.exec(link)?.[1];
    if (token === undefined) return appealPage(place, { typed: link.slice(0, 300) });
    return new Response(null, {
      status: 303,
      headers: { ...SECURITY_HEADERS, location: place.to(`/statement/${token}`) },
    });
  });

  app.get("/statement/:token", async (c) => {
    const token = tokenOf(c.req.param("token"), placeFor(c.req.raw));
    return guessed(c.env.client, async () =>
      statementPage(placeFor(c.req.raw), { view: await desk.statement(token), token, now: now() }),
    );
  });

  app.post("/statement/:token", async (c) => {
    const place = placeFor(c.req.raw);
    const { words } = place;
    const token = tokenOf(c.req.param("token"), place);
    const { typed } = await formOf(c.req.raw, FORM_BYTES_MAX);
    const text = (typed.get("appeal") ?? "").trim();
    return guessed(c.env.client, async () => {
      const why =
        text === ""
          ? words.errorNothing
          : text.length > MESSAGE_CHARS_MAX
            ? words.errorTooLong(MESSAGE_CHARS_MAX)
            : null;
      if (why === null) {
        const view = await desk.customerAppeal(token, text);
        return statementPage(place, { view, token, now: now(), done: words.appealed });
      }
      return statementPage(place, {
        view: await desk.statement(token),
        token,
        now: now(),
        error: { why, typed: text },
      });
    });
  });

  app.get("/statement/:token/export", async (c) => {
    const token = tokenOf(c.req.param("token"), placeFor(c.req.raw));
    const text = await guessed(c.env.client, () => desk.exportFor(token));
    return new Response(text, {
      headers: {
        ...SECURITY_HEADERS,
        "content-type": "application/json",
        "content-disposition": 'attachment; filename="parapet-export.json"',
      },
    });
  });

  app.get("/log", (c) => {
    const before = c.req.query("before");
    const index = before !== undefined && /^\d{1,15}$/.test(before) ? Number(before) : null;
    return logPage(placeFor(c.req.raw), { ledger, before: index });
  });
  app.get("/log/checkpoint", async () => (await logFile(ledger, "checkpoint")) ?? logFileMissing());
  app.get(
    "/log/tile/*",
    async (c) => (await logFile(ledger, c.req.path.slice("/log/".length))) ?? logFileMissing(),
  );
  app.get("/log/entry/:index", async (c) => {
    const place = placeFor(c.req.raw);
    const index = /^(?:0|[1-9]\d{0,14})$/.test(c.req.param("index")) ? Number(c.req.param("index")) : -1;
    const entry = index < 0 ? null : await ledger.entry(index);
    if (!entry) throw new Fault("state.not-found", place.words.notFound);
    return entryPage(place, { entry, record: await desk.publicRecord(index) });
  });

  const counts = () => desk.transparency({ from: BEGINNING, until: new Date(now()).toISOString() });
  app.get("/transparency", async (c) => countsPage(placeFor(c.req.raw), await counts()));
  app.get("/transparency.json", async (c) =>
    c.json(await counts(), 200, { "cache-control": "no-store", "access-control-allow-origin": "*" }),
  );

  app.get("/enter", (c) => {
    const place = placeFor(c.req.raw);
    const token = c.req.query("token") ?? "";
    if (!TOKEN.test(token)) throw new Fault("input.invalid", place.words.enterMissing);
    return enterPage(place, token);
  });
  app.post("/enter", async (c) => {
    const { typed } = await formOf(c.req.raw, FORM_BYTES_MAX);
    const cookies = await enter(typed.get("token") ?? "", c.env.client);
    const headers = new Headers({ ...SECURITY_HEADERS, location: "/console/" });
    for (const cookie of cookies) headers.append("set-cookie", cookie);
    return new Response(null, { status: 303, headers });
  });

  app.get("/leave", (c) => {
    const { language } = placeFor(c.req.raw);
    return new Response(null, {
      status: 303,
      headers: {
        ...SECURITY_HEADERS,
        "clear-site-data": '"cache", "storage"',
        location: ELSEWHERE[language],
      },
    });
  });

  app.get("/.well-known/security.txt", () => securityTxt(settings, now()));
  app.get(
    "/healthz",
    () => new Response("ok\n", { headers: { "content-type": "text/plain", "cache-control": "no-store" } }),
  );

  app.notFound((c) => {
    const place = placeFor(c.req.raw);
    return errorPage(place, { status: 404, title: place.words.notFoundTitle, why: place.words.notFound });
  });

  app.onError((error, c) => {
    const place = placeFor(c.req.raw);
    const { problem, status, headers } = problemOf(error, problems);
    const why =
      error instanceof Fault ? faultIn(place, error) : place.words.errorInside(problem.instance ?? "");
    const wait = headers["retry-after"];
    return errorPage(place, {
      status,
      title: status === 404 ? place.words.notFoundTitle : place.words.errorTitle,
      why,
      ...(wait === undefined ? {} : { headers: { "retry-after": wait } }),
    });
  });

  return { fetch: async (request, client) => app.fetch(request, { client }) };
};

/** What a Fault says to a visitor. Those that pages meet are put in the reader's language; others keep their own words. */
function faultIn({ words }: Place, fault: Fault): string {
  if (fault.code === "limit.rate") return words.errorWait(Math.ceil((fault.retryAfterMs ?? 60_000) / 60_000));
  if (fault.code === "input.too-large") return words.errorTooLarge;
  if (fault.code === "limit.full") return words.errorMany;
  if (fault.code === "desk.no-vault") return words.identityRefused;
  if (fault.code === "state.not-found") return words.notFound;
  return fault.detail;
}

function tokenOf(token: string, { words }: Place): string {
  if (!TOKEN.test(token)) throw new Fault("state.not-found", words.notFound);
  return token;
}

/**
 * Whether a form was sent from our own pages. With "Referrer-Policy: no-referrer" a browser sends "Origin: null" even to
 * ourselves (Fetch §3.1), so null counts as ours unless Sec-Fetch-Site says otherwise; programs send neither.
 */
function fromHere(request: Request, publicOrigin: string): boolean {
  const origin = request.headers.get("origin");
  const site = request.headers.get("sec-fetch-site");
  if (site !== null && site !== "same-origin" && site !== "none") return false;
  return origin === null || origin === "null" || origin === publicOrigin || site === "same-origin";
}
