/**
 * The stage for a site's owner at the console: a real instance with its edge, a name server whose records a test sets, the owner's own server,
 * and browsers of one's own for each person. Every page keeps to a content policy without exceptions and asks nobody but Parapet for
 * anything; what breaks that is collected.
 */
import assert from "node:assert/strict";
import { cpSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { chromium, type Browser, type Page } from "playwright-core";
import { buildConsole } from "../../src/cli/build-console.ts";
import { buildEdge } from "../../src/cli/build-edge.ts";
import { ROOT } from "../../src/cli/data-dir.ts";
import { startInstance, type Instance } from "../../src/cli/instance.ts";
import { readSettings } from "../../src/cli/settings.ts";
import { totp } from "../../src/cli/story/staff.ts";
import { templateFolder } from "../../src/store/testing.ts";
import { ask, openOrigin, until, type Answer, type Origin } from "./edge-stage.ts";
import { freePorts } from "./launched.ts";
import { openSmallDns, type SmallDns } from "./small-dns.ts";

export const PICTURES = join(ROOT, "build/screenshots");
const PASSWORD = "three herons over the mill pond";
const STRICT_CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
const CHROMIUM_ARGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export type SiteStage = {
  readonly dataDir: string;
  readonly instance: Instance;
  readonly url: string;
  readonly dns: SmallDns;
  readonly origin: Origin;
  readonly tlsPort: number;
  readonly browser: Browser;
  /** What broke the rules of the house so far. */
  readonly breaches: string[];
  /** A browser of one's own. */
  person(): Promise<Page>;
  /** Asks the edge as a visitor does. */
  visit(host: string, path?: string, headers?: Record<string, string>): Promise<Answer>;
  /** Waits until the edge answers as it should. */
  untilVisit(
    host: string,
    asked: { path?: string; headers?: Record<string, string> },
    wanted: (answer: Answer) => boolean,
  ): Promise<Answer>;
  end(): Promise<void>;
};

/** `overrides`: settings that this stage does not set by itself. */
export async function openSiteStage(overrides: Readonly<Record<string, unknown>> = {}): Promise<SiteStage> {
  mkdirSync(PICTURES, { recursive: true });
  await buildConsole({ outDir: join(ROOT, "build/console") });
  await buildEdge({ outDir: join(ROOT, "build/edge") });
  const dataDir = mkdtempSync(join(tmpdir(), "parapet-owner-"));
  cpSync(await templateFolder(), join(dataDir, "database"), { recursive: true });
  const [control = 0, tlsPort = 0] = await freePorts(2);
  const dns = await openSmallDns();
  let served = 0;
  const origin = await openOrigin((asked, answer) => {
    served += 1;
    answer.setHeader("content-type", "text/html; charset=utf-8");
    answer.end(`<!doctype html><title>Mill</title><p>answer ${served} for ${asked.url ?? ""}</p>`);
  });
  const settings = readSettings({
    dataDir,
    overrides: {
      controlListen: `127.0.0.1:${control}`,
      edgeListen: "127.0.0.1:0",
      edgeListenTls: `127.0.0.1:${tlsPort}`,
      edgeWorkers: 1,
      demoListen: "",
      acmeDirectory: "",
      dnsServers: [dns.address],
      edgeAddresses: ["127.0.0.9", "edge.example"],
      previewDomain: "look.edge.example",
      ...overrides,
    },
  });
  const instance = await startInstance({ settings });
  const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: CHROMIUM_ARGS });
  const breaches: string[] = [];
  const visit: SiteStage["visit"] = (host, path = "/", headers = {}) =>
    ask(instance.node.address, { host, path, headers });
  return {
    dataDir,
    instance,
    url: instance.controlUrl,
    dns,
    origin,
    tlsPort,
    browser,
    breaches,
    person: () => openPerson(browser, { url: instance.controlUrl, breaches }),
    visit,
    async untilVisit(host, { path, headers }, wanted) {
      let last: Answer | null = null;
      await until(async () => {
        last = await visit(host, path, headers);
        return wanted(last);
      }, 60_000).catch((cause: unknown) => {
        throw new Error(`the edge went on answering ${JSON.stringify(last)}`, { cause });
      });
      assert.ok(last);
      return last;
    },
    async end() {
      await browser.close();
      await instance.stop();
      await Promise.all([dns.end(), origin.end()]);
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

async function openPerson(
  browser: Browser,
  { url, breaches }: { readonly url: string; readonly breaches: string[] },
): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 860 }, locale: "en-GB" });
  context.setDefaultTimeout(15_000);
  const page = await context.newPage();
  await page.route("**/console/**", async (route) => {
    // A connection that the server had just let go is no fault of the page.
    const response = await route.fetch({ maxRetries: 2 });
    await route.fulfill({
      response,
      headers: { ...response.headers(), "content-security-policy": STRICT_CSP },
    });
  });
  page.on("pageerror", (error) => breaches.push(error.message));
  page.on("console", (message) => {
    if (/content security policy/i.test(message.text())) breaches.push(message.text());
  });
  page.on("request", (request) => {
    const asked = new URL(request.url());
    if (asked.protocol !== "blob:" && asked.origin !== new URL(url).origin) {
      breaches.push(`asked ${request.url()}`);
    }
  });
  return page;
}

export const button = (page: Page, name: string) => page.getByRole("button", { name, exact: true });

/** Enrols through the screens: link, password, authenticator, backup codes. Ends where the person's work begins. */
export async function enrolByLink(page: Page, link: string): Promise<void> {
  await page.goto(link);
  await page.locator("form button[type=submit], form button:not([type])").first().click();
  await page.waitForURL("**/console/welcome");
  for (const field of await page.locator("input[autocomplete=new-password]").all())
    await field.fill(PASSWORD);
  await button(page, "Go on").click();
  await page.locator(".qr svg").waitFor();
  const secret = ((await page.locator(".mono.strong").textContent()) ?? "").replace(/\s/g, "");
  await page.getByLabel("Six digits").fill(totp(secret, Date.now()));
  await button(page, "Go on").click();
  await page.locator(".codes li").first().waitFor();
  await page.getByLabel("I have written them down or printed them").check();
  await button(page, "Go on").click();
  await button(page, "Go to the overview").click();
  await page.locator("main h1").waitFor();
}

export const picture = (page: Page, name: string): Promise<unknown> =>
  page.screenshot({ path: join(PICTURES, `real-site-${name}.png`), fullPage: true });

/**
 * Steps of one story, of which each stands on the one before: after a failure the rest would tell nothing but wait in vain. What the page showed is told.
 */
export function stepsOf(
  t: TestContext,
  told: { readonly page: () => Page; readonly shows: string; readonly failed: string },
): (name: string, run: () => Promise<void>) => Promise<void> {
  let failed = false;
  return (name, run) =>
    t.test(name, async (own) => {
      if (failed) return own.skip("a step before it failed");
      failed = true;
      await run().catch(async (error: unknown) => {
        const page = told.page();
        t.diagnostic(
          await page
            .locator(told.shows)
            .innerText({ timeout: 1000 })
            .catch(() => "no page"),
        );
        await picture(page, told.failed);
        throw error;
      });
      failed = false;
    });
}
