/**
 * A real browser meets the challenge: held up and let through to the page that was asked for, over http and TLS, in French, on a phone's screen, with JavaScript off,
 * and with cookies refused. PARAPET_SHOTS=FOLDER keeps what the screen showed.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import {
  chromium,
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  type Page,
} from "playwright-core";
import { PROTECTION_DEFAULT } from "../../src/contract/protection.ts";
import { certificateFor, giveCertificate, newIssuer } from "./tls-stage.ts";
import { openOrigin, openStage, policyFor, until, type Origin, type Stage } from "./edge-stage.ts";

const HOST = "forum.example";
const ARGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
const PHONE = { viewport: { width: 390, height: 844 } };
const DEADLINE = { timeout: 40_000 };
const UNDER_ATTACK = { ...PROTECTION_DEFAULT, underAttack: { on: true, paths: [], endsAt: null } };
const SHOTS = process.env["PARAPET_SHOTS"] ?? "";

let stage: Stage;
let origin: Origin;
let browser: Browser;

before(async () => {
  origin = await openOrigin((asked, answer) => {
    answer.setHeader("content-type", "text/html; charset=utf-8");
    answer.end(`<!doctype html><title>Forum</title><h1>Behind the wall</h1><p>${asked.url ?? ""}</p>
      <form method="post" action="/send"><input name="text" value="a &amp; b"><button>Send</button></form>`);
  });
  stage = await openStage();
  const policy = policyFor(origin.port, { protection: UNDER_ATTACK });
  assert.equal((await stage.apply(policy)).ok, true);
  browser = await chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: [...ARGS, `--host-resolver-rules=MAP ${HOST}:80 ${stage.node.address}`],
  });
});
after(async () => {
  await browser.close();
  await stage.end();
  await origin.end();
});

async function withPage<T>(
  options: BrowserContextOptions,
  use: (page: Page, context: BrowserContext) => Promise<T>,
): Promise<T> {
  const context = await browser.newContext(options);
  try {
    return await use(await context.newPage(), context);
  } finally {
    await context.close();
  }
}

async function shoot(page: Page, name: string): Promise<void> {
  if (SHOTS !== "") await page.screenshot({ path: join(SHOTS, `${name}.png`), fullPage: true });
}

test("a browser is held up, computes, and opens the page that was asked for", () =>
  withPage({}, async (page) => {
    const errors: string[] = [];
    page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
    const first = await page.goto(`http://${HOST}/threads?page=2&x=a%20b`);
    assert.equal(first?.status(), 403);
    await page.getByText("Behind the wall").waitFor(DEADLINE);
    assert.equal(new URL(page.url()).search, "?page=2&x=a%20b");
    assert.equal(errors.filter((text) => !text.includes("403")).join("\n"), "");
    const again = await page.goto(`http://${HOST}/other`);
    assert.equal(again?.status(), 200);
    const [cookie] = await page.context().cookies();
    assert.equal(cookie?.httpOnly, true);
    assert.equal(cookie?.sameSite, "Lax");
  }));

test("the page shows how far it is, in the visitor's language, on a phone, in light and dark", async () => {
  for (const [locale, colorScheme] of [
    ["en-GB", "light"],
    ["fr-FR", "dark"],
  ] as const) {
    await withPage({ ...PHONE, locale, colorScheme }, async (page) => {
      // So that the work goes on for as long as the test looks.
      await page.addInitScript("Object.defineProperty(Math, 'pow', { value: () => 1e9 });");
      await page.addInitScript(
        "window.Worker = function () { var self = this; this.terminate = function () {}; this.postMessage = function () { setInterval(function () { self.onmessage({ data: { hashes: 9e7, nonce: '' } }); }, 300); }; };",
      );
      await page.goto(`http://${HOST}/`);
      const bar = page.getByRole("progressbar");
      await bar.waitFor(DEADLINE);
      assert.equal(await page.locator("html").getAttribute("lang"), locale.slice(0, 2));
      await page.getByText(/ \d+ seconds\.| \d+ secondes environ\./).waitFor(DEADLINE);
      await until(async () => Number(await bar.getAttribute("aria-valuenow")) > 0);
      const width = await page.evaluate("document.documentElement.scrollWidth");
      assert.ok((width as number) <= 390, `${String(width)} px wide`);
      await shoot(page, `working-${locale}`);
    });
  }
});

test("where workers are refused the page computes by itself", () =>
  withPage({}, async (page) => {
    await page.addInitScript("window.Worker = function () { throw new Error('refused'); };");
    await page.goto(`http://${HOST}/threads`);
    await page.getByText("Behind the wall").waitFor(DEADLINE);
  }));

test("without scripts a visitor waits, presses the button and gets the page; too early is told", () =>
  withPage({ ...PHONE, javaScriptEnabled: false }, async (page) => {
    await page.goto(`http://${HOST}/threads?page=3`);
    await shoot(page, "no-script");
    const began = Date.now();
    await page.getByRole("button", { name: "Continue" }).click();
    await page.getByText("a little early").waitFor(DEADLINE);
    await shoot(page, "no-script-early");
    const deadline = Date.now() + 60_000;
    while ((await page.getByText("Behind the wall").count()) === 0) {
      assert.ok(Date.now() < deadline, "the button never led on");
      await new Promise((resolve) => setTimeout(resolve, 2500));
      await page.getByRole("button", { name: "Continue" }).click();
      await page.waitForLoadState();
    }
    assert.ok(Date.now() - began >= 9000, "it took as long as it says");
    assert.equal(page.url(), `http://${HOST}/threads?page=3`);
  }));

test("a browser that keeps no cookie is told so, once, and does not go in circles", () =>
  withPage({}, async (page, context) => {
    let shown = 0;
    await page.route("**/*", async (route) => {
      if (route.request().isNavigationRequest()) shown += 1;
      await context.clearCookies();
      await route.continue();
    });
    await page.goto(`http://${HOST}/`);
    await page.getByText("does not keep this site's cookie").waitFor(DEADLINE);
    assert.equal(await page.getByText("If it does not work").isVisible(), true);
    assert.equal(shown, 1);
    await shoot(page, "no-cookie");
  }));

test("over TLS the cookie is for TLS alone, and the same page works", async () => {
  const issuer = newIssuer();
  const secure = await openStage({ listenTls: "127.0.0.1:0" });
  const tlsBrowser = await chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: [...ARGS, `--host-resolver-rules=MAP ${HOST}:443 ${secure.node.tlsAddress ?? ""}`],
  });
  try {
    const policy = policyFor(origin.port, { protection: UNDER_ATTACK });
    assert.equal((await secure.apply(policy)).ok, true);
    const certificate = certificateFor(policy.siteId, [HOST], issuer.issue([HOST]));
    assert.equal((await giveCertificate(secure, certificate)).ok, true);
    const context = await tlsBrowser.newContext({ ignoreHTTPSErrors: true });
    const page = await context.newPage();
    const first = await page.goto(`https://${HOST}/threads`);
    assert.equal(first?.status(), 403);
    await page.getByText("Behind the wall").waitFor(DEADLINE);
    assert.equal((await context.cookies())[0]?.secure, true);
  } finally {
    await tlsBrowser.close();
    await secure.end();
    issuer.end();
  }
});

test("what was sent is not lost: after the check the browser sends it again", () =>
  withPage({}, async (page, context) => {
    await page.goto(`http://${HOST}/`);
    await page.getByText("Behind the wall").waitFor(DEADLINE);
    await context.clearCookies();
    await page.getByRole("button", { name: "Send" }).click();
    await page.getByText("Send again what you sent").waitFor(DEADLINE);
    await shoot(page, "send-again");
    const before = origin.requests.length;
    await page.getByRole("button", { name: "Send again" }).click();
    await page.getByText("Behind the wall").waitFor(DEADLINE);
    const sent = origin.requests.slice(before).find(({ method }) => method === "POST");
    assert.equal(sent?.body, "text=a+%26+b");
  }));
