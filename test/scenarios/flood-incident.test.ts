/**
 * One flood from its first request to the last letter about it, on real parts: an instance with its edge, an origin, visitors who behave as browsers do, a flood that
 * speaks as a program does, a mail server, a receiver of webhooks that checks every signature, the command line and the console in a real browser. Nothing is told
 * to the watch: what is asserted here, it found out by itself.
 */
import assert from "node:assert/strict";
import { createHash, createHmac, randomInt } from "node:crypto";
import { once } from "node:events";
import { Agent, createServer, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import type { Page } from "playwright-core";
import { startLetters, type Letters } from "../../src/cli/story/outside.ts";
import { visit, type Answer } from "../../src/cli/story/edge-visitor.ts";
import type {
  BanView,
  CursorPage,
  IncidentRow,
  IncidentView,
  ProtectionView,
} from "../../src/contract/http-protection.ts";
import type { AccountId, SiteId, UserId } from "../../src/contract/ids.ts";
import { CHALLENGE_PATH, CLEARANCE_COOKIE } from "../../src/contract/protection.ts";
import { addOwnerOfAccount } from "../../src/store/site-members.ts";
import { enrolByLink, openSiteStage, picture, stepsOf, type SiteStage } from "./console-site-stage.ts";
import { until } from "./edge-stage.ts";
import { call } from "./launched.ts";

const HOST = "www.mill.example";
/** Long enough for the watch to know the site (12 s), few enough requests that a signature is challenged and not blocked (under 300). */
const CALM_MS = 17_000;
const CALM_EVERY_MS = 75;
const FLOOD_ADDRESSES = 60;
/** Requests of the whole flood, at most; it ends as soon as everything about it has been seen. */
const FLOOD_MAX = 12_000;
const FLOOD_EVERY_MS = 90;

const BROWSERS: readonly Readonly<Record<string, string>>[] = [
  {
    "user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    accept: "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "accept-encoding": "gzip, deflate",
    "upgrade-insecure-requests": "1",
  },
  {
    "upgrade-insecure-requests": "1",
    "user-agent":
      "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    accept: "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
    "accept-encoding": "gzip, deflate",
  },
  {
    accept: "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "user-agent":
      "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 Safari/605.1.15",
    "accept-encoding": "gzip, deflate",
  },
];
/** The flood's own way to write a head. */
const ODD = {
  "accept-charset": "utf-8",
  accept: "*/*",
  "keep-alive": "115",
  "user-agent": "Mozilla/5.0 (X11)",
};
const PATHS = ["/", "/mill.css", "/news", "/wheel.png", "/opening-hours", "/mill.js"];

/** Good visitors: each shape from addresses of its own, pages and the files beside them. */
class Visitors {
  served = 0;
  readonly refused: number[] = [];
  readonly #end = new AbortController();
  readonly #edge: string;
  readonly #done: Promise<void>;
  constructor(edge: string) {
    this.#edge = edge;
    this.#done = this.#run();
  }
  async #run(): Promise<void> {
    const under: Promise<void>[] = [];
    for (let i = 0; !this.#end.signal.aborted; i++) {
      under.push(this.#one(i));
      await new Promise((resolve) => setTimeout(resolve, CALM_EVERY_MS));
    }
    await Promise.all(under);
  }
  async #one(i: number): Promise<void> {
    const browser = Math.floor(i / PATHS.length) % BROWSERS.length;
    const answer = await visit(this.#edge, {
      hostname: HOST,
      path: PATHS[i % PATHS.length] ?? "/",
      from: `127.20.${browser}.${(Math.floor(i / (PATHS.length * BROWSERS.length)) % 12) + 1}`,
      fields: BROWSERS[browser] ?? {},
    }).catch(() => null);
    if (answer?.status === 200) this.served += 1;
    else this.refused.push(answer?.status ?? 0);
  }
  async end(): Promise<void> {
    this.#end.abort();
    await this.#done;
  }
}

/** Many addresses, each at a modest pace; stops when told to, or at its own end. */
class Flood {
  sent = 0;
  #running = true;
  readonly #done: Promise<unknown>;
  constructor(edge: string) {
    this.#done = Promise.all(
      Array.from({ length: FLOOD_ADDRESSES }, async (_, i) => {
        const agent = new Agent({ keepAlive: true, maxSockets: 1 });
        while (this.#running && this.sent < FLOOD_MAX) {
          const n = (this.sent += 1);
          await odd(edge, { path: `/search?q=${n}`, from: `127.66.0.${i + 1}`, agent }).catch(() => null);
          await new Promise((resolve) => setTimeout(resolve, FLOOD_EVERY_MS));
        }
        agent.destroy();
      }),
    );
  }
  async end(): Promise<void> {
    this.#running = false;
    await this.#done;
  }
}

const odd = (
  edge: string,
  of: { readonly path: string; readonly from: string; readonly agent?: Agent; readonly cookie?: string },
): Promise<Answer> =>
  visit(edge, {
    hostname: HOST,
    path: of.path,
    from: of.from,
    ...(of.agent === undefined ? {} : { agent: of.agent }),
    fields: of.cookie === undefined ? ODD : { ...ODD, cookie: of.cookie },
  });

/** What the challenge's page computes (edge/proof-of-work.ts). */
function proofOf(token: string): string {
  const block = Buffer.from(`parapet-proof-1\n${token}`.padEnd(64, "\n"));
  const bits = Number(token.split(".")[2]);
  for (let i = randomInt(2 ** 47); ; i++) {
    const nonce = [...i.toString(16).padStart(12, "0")]
      .map((digit) => String.fromCharCode(0x61 + Number.parseInt(digit, 16)))
      .join("");
    if (createHash("sha256").update(block).update(nonce).digest().readUInt32BE(0) < 2 ** (32 - bits))
      return nonce;
  }
}

type Hook = { readonly id: string; readonly type: string; readonly body: string };
type Receiver = {
  readonly url: string;
  secret: string;
  readonly taken: Hook[];
  readonly wrong: string[];
  readonly server: Server;
};

/** Checks what comes as standardwebhooks.com says, with nothing of the sender's own code. */
async function openReceiver(): Promise<Receiver> {
  const taken: Hook[] = [];
  const wrong: string[] = [];
  const server = createServer((asked, response) => {
    let body = "";
    asked.setEncoding("utf8").on("data", (part: string) => (body += part));
    asked.on("end", () => {
      const [id, timestamp, signature] = ["webhook-id", "webhook-timestamp", "webhook-signature"].map(
        (name) => String(asked.headers[name]),
      ) as [string, string, string];
      const key = Buffer.from(receiver.secret.slice("whsec_".length), "base64");
      const right = `v1,${createHmac("sha256", key).update(`${id}.${timestamp}.${body}`).digest("base64")}`;
      const isFresh = Math.abs(Date.now() / 1000 - Number(timestamp)) < 300;
      if (signature !== right || !isFresh) wrong.push(`${id}: ${signature}`);
      else taken.push({ id, type: (JSON.parse(body) as { type: string }).type, body });
      response.writeHead(204).end();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/parapet`;
  const receiver: Receiver = { url, secret: "", taken, wrong, server };
  return receiver;
}

/** Quoted-printable undone (RFC 2045 §6.7), or base64; the subject is looked for in the text of the mail alone. */
function textOf(raw: string): string {
  const [head = "", ...rest] = raw.split("\r\n\r\n");
  const body = rest.join("\r\n\r\n");
  if (/^content-transfer-encoding: base64/im.test(head)) return Buffer.from(body, "base64").toString("utf8");
  const bytes = body
    .replaceAll(/=\r\n/g, "")
    .replaceAll(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return /^content-transfer-encoding: quoted-printable/im.test(head)
    ? Buffer.from(bytes, "latin1").toString("utf8")
    : body;
}

async function read<T>(page: Page, path: string): Promise<T> {
  return page.evaluate(async (asked) => {
    const answer = await fetch(`/api/v1${asked}`);
    if (!answer.ok) throw new Error(`${asked}: ${await answer.text()}`);
    return (await answer.json()) as unknown;
  }, path) as Promise<T>;
}

test("a flood from its first request to the last letter about it", async (t) => {
  const letters: Letters = await startLetters();
  t.after(() => letters.stop());
  const receiver = await openReceiver();
  t.after(() => receiver.server.close());
  const stage: SiteStage = await openSiteStage({ smtpUrl: letters.url });
  t.after(() => stage.end());
  const { instance } = stage;
  const edge = instance.node.address;
  let page!: Page;
  let siteId!: SiteId;
  let incidentId = "";
  let visitors: Visitors | undefined;
  let flood: Flood | undefined;
  t.after(() => Promise.all([visitors?.end(), flood?.end()]));
  const step = stepsOf(t, { page: () => page, shows: "body", failed: "flood-failed" });
  const cli = async (...args: string[]): Promise<string> => {
    const { code, output } = await call([...args, "--data", stage.dataDir]);
    assert.equal(code, 0, output);
    return output;
  };
  const incident = (): Promise<IncidentView> => read(page, `/sites/${siteId}/incidents/${incidentId}`);

  await step("a site, its owner, and where its owner wants to hear of floods", async () => {
    page = await stage.person();
    const link = await instance.control.operatorSignInLink();
    assert.ok(link !== null);
    await enrolByLink(page, link);
    const originUrl = `http://127.0.0.1:${stage.origin.port}`;
    ({ siteId } = await instance.sites.protect({ hostname: HOST, originUrl, account: "The Mill" }));
    const [row] = await instance.db.query<{ accountId: AccountId; userId: UserId }>(
      `select site.account_id as "accountId", "user"."id" as "userId" from site, "user" where site.site_id = $1`,
      [siteId],
    );
    assert.ok(row);
    await instance.db.transaction((tx) => addOwnerOfAccount(tx, { ...row, at: new Date() }));
    const { secret } = await instance.sites.protection.notifications.change(siteId, {
      mail: [row.userId],
      surges: false,
      webhook: { url: receiver.url, newSecret: false },
    });
    assert.ok(secret !== null);
    receiver.secret = secret;
    await stage.untilVisit(HOST, { path: "/" }, ({ status }) => status === 200);
  });

  await step("calm days: visitors come, and nothing is held against anybody", async () => {
    visitors = new Visitors(edge);
    await new Promise((resolve) => setTimeout(resolve, CALM_MS)); // The watch has to see so many seconds: this is what is tested, no waiting for something.
    assert.deepEqual(visitors.refused, []);
    assert.equal((await read<CursorPage<IncidentRow>>(page, `/sites/${siteId}/incidents`)).total, 0);
  });

  await step("a flood is met by itself, and becomes an incident in words", async () => {
    flood = new Flood(edge);
    await until(async () => {
      const { items } = await read<CursorPage<IncidentRow>>(page, `/sites/${siteId}/incidents?state=active`);
      incidentId = items[0]?.incidentId ?? "";
      return items[0]?.mitigatedAt != null;
    }, 30_000);
    const view = await incident();
    assert.equal(view.kind, "flood");
    const [signature] = view.signatures;
    assert.ok(signature !== undefined && view.words !== null);
    assert.ok(signature.words.en.length > 10 && signature.words.fr !== signature.words.en);
    t.diagnostic(`${signature.action}: ${signature.words.en} / ${signature.words.fr}`);
    t.diagnostic(`met after ${Date.parse(view.mitigatedAt ?? "") - Date.parse(view.beganAt)} ms`);
    const shown = await read<ProtectionView>(page, `/sites/${siteId}/protection`);
    assert.ok(shown.mitigations.length > 0);
  });

  await step("who is held up by it and proves to be a browser is let in, and counted", async () => {
    const from = "127.66.9.9";
    let token: string | undefined;
    await until(async () => {
      const answer = await odd(edge, { path: "/search?q=wheel", from });
      token = /name="token" value="([A-Za-z0-9_.-]{10,60})"/.exec(answer.body)?.[1];
      return answer.status === 403 && token !== undefined;
    }, 20_000);
    assert.ok(token);
    const cookie = await bring(edge, { token, from });
    const letIn = await odd(edge, { path: "/search?q=wheel", from, cookie });
    assert.equal(letIn.status, 200);
    await until(async () => (await incident()).challengesPassed > 0, 20_000);
  });

  await step(
    "its owner hears of it once by mail in both languages, and once by a signed message",
    async () => {
      await until(() => receiver.taken.length > 0 && letters.received().some(isAbout), 20_000);
      assert.deepEqual(
        receiver.taken.map(({ type }) => type),
        ["flood.began"],
      );
      const mail = textOf(letters.received().find(isAbout)?.raw ?? "");
      assert.match(mail, /A flood on www\.mill\.example began at/);
      assert.match(mail, /Sur www\.mill\.example, une inondation de requêtes a commencé/);
      assert.ok(mail.includes(incidentId));
    },
  );

  await step(
    "when it is over the mitigation is lifted, the incident ends and that is told once, too",
    async () => {
      await flood?.end();
      const endedMs = Date.now();
      await until(async () => (await incident()).state === "ended", 75_000);
      const after = Date.now() - endedMs;
      t.diagnostic(`${flood?.sent} requests; over ${(after / 1000).toFixed(1)} s after the last`);
      assert.ok(after <= 60_000, `${after} ms`);
      const view = await incident();
      assert.ok(view.signatures.every(({ liftedAt }) => liftedAt !== null));
      assert.deepEqual((await read<ProtectionView>(page, `/sites/${siteId}/protection`)).mitigations, []);
      assert.equal(
        (await odd(edge, { path: "/", from: "127.66.10.10" })).status,
        200,
        "nobody is asked any more",
      );
      await visitors?.end();
      const good = visitors?.served ?? 0;
      const refused = visitors?.refused.length ?? 0;
      t.diagnostic(
        `visitors: ${good} served, ${refused} refused; ${JSON.stringify({ ...view, series: 0, reports: 0, signatures: 0 })}`,
      );
      assert.ok(refused <= 0.01 * (good + refused), `${refused} of ${good + refused} visits were refused`);
      assert.ok(
        view.peakPerSecond > 5 * view.usualPerSecond,
        `${view.peakPerSecond} of ${view.usualPerSecond}`,
      );
      assert.ok(view.challenged > 0 && view.challengesPassed >= 1);
      assert.ok(view.passed < view.requests && view.originErrors === 0 && view.sentBytes > 0);
      await until(() => receiver.taken.length >= 2 && letters.received().filter(isAbout).length >= 2, 20_000);
      assert.deepEqual(
        receiver.taken.map(({ type }) => type),
        ["flood.began", "flood.ended"],
      );
      assert.equal(new Set(receiver.taken.map(({ id }) => id)).size, 2);
      assert.deepEqual(receiver.wrong, []);
      assert.equal(letters.received().filter(isAbout).length, 2);
      assert.ok(receiver.taken[1]?.body.includes(incidentId));
    },
  );

  await step("the command line tells of it, bans, finds and lifts, and switches under attack", async () => {
    const list = await cli("incidents", HOST);
    assert.match(list, new RegExp(`^${incidentId} .* flood .* until`, "m"));
    assert.match(await cli("incidents", "show", incidentId), /challenged [\d,]+ \(\d+ passed\)/);
    const banned = "127.44.0.7";
    await cli("ban", banned, "--site", HOST, "--for", "1h", "--reason", "tries passwords");
    const statusOf = async (): Promise<number> =>
      (await visit(edge, { hostname: HOST, from: banned })).status;
    await until(async () => (await statusOf()) === 403, 20_000);
    assert.match(
      await cli("ban", "list", "--search", banned),
      /127\.44\.0\.7 on www\.mill\.example.*tries passwords/,
    );
    assert.doesNotMatch(await cli("ban", "list", "--search", "127.44.0.8"), /tries passwords/);
    const found = await read<CursorPage<BanView>>(page, `/sites/${siteId}/bans?q=passwords&state=in-force`);
    assert.deepEqual(
      found.items.map(({ value }) => value),
      [banned],
    );
    assert.match(await cli("ban", "lift", banned), /lifted by/);
    await until(async () => (await statusOf()) === 200, 20_000);
    await cli("attack", "on", HOST, "--path", "/login*", "--for", "1h");
    const login = async (): Promise<number> => (await visit(edge, { hostname: HOST, path: "/login" })).status;
    await until(async () => (await login()) === 403, 20_000);
    assert.equal((await visit(edge, { hostname: HOST, path: "/news" })).status, 200);
    await cli("attack", "off", HOST);
    await until(async () => (await login()) === 200, 20_000);
  });

  await step("the incident's page at a desk and on a telephone, in English and French", async () => {
    let looked = 0;
    for (const [language, width] of [
      ["en", 1280],
      ["en", 390],
      ["fr", 1280],
      ["fr", 390],
    ] as const) {
      await page.setViewportSize({ width, height: 860 });
      await page.evaluate((chosen) => localStorage.setItem("parapet-language", chosen), language);
      await page.goto(`${stage.url}/console/sites/${siteId}/incidents/${incidentId}`);
      await page.locator("main h1").waitFor();
      const words = (await incident()).words?.[language] ?? "";
      await page.getByText(words, { exact: false }).first().waitFor();
      assert.equal(await page.evaluate(() => document.documentElement.lang), language);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(wide <= 0, `${wide} px wider than its window`);
      assert.equal(await page.locator("main [role=alert]").count(), 0);
      await picture(page, `flood-incident-${language}-${width}`);
      looked += 1;
    }
    assert.equal(looked, 4);
  });

  assert.deepEqual(stage.breaches, []);

  function isAbout({ raw }: { readonly raw: string }): boolean {
    return incidentId !== "" && textOf(raw).includes(incidentId);
  }
});

/** Brings a proof as the page does, and answers with the clearance as a cookie. */
async function bring(edge: string, of: { readonly token: string; readonly from: string }): Promise<string> {
  const body = new URLSearchParams({ token: of.token, nonce: proofOf(of.token) }).toString();
  const [host, port] = edge.split(":");
  const headers = {
    host: HOST,
    ...ODD,
    "content-type": "application/x-www-form-urlencoded",
    "content-length": Buffer.byteLength(body),
  };
  return new Promise((resolve, reject) => {
    const asking = request(
      { host, port, localAddress: of.from, path: CHALLENGE_PATH, method: "POST", headers, agent: false },
      (answer) => {
        answer.resume();
        const set = (answer.headers["set-cookie"] ?? []).find((one) => one.includes(CLEARANCE_COOKIE));
        if (set === undefined) reject(new Error(`no clearance: ${answer.statusCode}`));
        else resolve(set.split(";")[0] ?? "");
      },
    );
    asking.setTimeout(10_000, () => asking.destroy(new Error("The edge took too long")));
    asking.on("error", reject);
    asking.end(body);
  });
}
