/**
 * FOR DEVELOPMENT ONLY: takes a picture of every screen from the mock, in both languages, both appearances and two widths, into build/screenshots/.
 * Fails on any breach of the content policy, any script error, any request that leaves the mock, and any screen that is wider
 * than its window. `node src/console/mock/screenshots.ts [NAME …]` takes only screens whose name begins with NAME.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { chromium, type Page } from "playwright-core";
import { fakeId } from "./fixtures.ts";
import { buildForMock, startMock } from "./server.ts";

type Shot = {
  readonly name: string;
  readonly path: string;
  readonly mock?: string;
  readonly act?: (page: Page) => Promise<void>;
};

const untouched = fakeId("case", 99);
const submit = (page: Page) => page.locator("form button[type=submit]").first().click();

/** A draft with a change in it, ready to be saved with this note. */
const changed = async (page: Page, note: string): Promise<void> => {
  await page.locator("main input[type=checkbox]:not([disabled])").first().click();
  await page.locator(".draft-bar input").fill(note);
};
const FORUM = `/sites/${fakeId("site", 1)}`;
const TROUBLED = `/sites/${fakeId("site", 2)}`;

const SITE_SHOTS: readonly Shot[] = [
  { name: "site-add", path: "/sites/add" },
  ...(["shop.example", "taken.example"] as const).map((hostname) => ({
    name: `site-add-${hostname.slice(0, -".example".length)}`,
    path: "/sites/add",
    act: async (page: Page) => {
      await page.locator("main input").first().fill(hostname);
      await submit(page);
      await page.locator(".records").first().waitFor();
    },
  })),
  { name: "site-overview", path: FORUM },
  { name: "site-overview-troubled", path: TROUBLED },
  { name: "site-setup", path: `${FORUM}/setup` },
  { name: "site-setup-troubled", path: `${TROUBLED}/setup` },
  ...[
    "origin",
    "https",
    "cache",
    "access",
    "redirects",
    "headers",
    "limits",
    "floods",
    "protection",
    "maintenance",
    "pages",
  ].map((part) => ({ name: `site-settings-${part}`, path: `${FORUM}/settings/${part}` })),
  { name: "site-settings-robots", path: `${FORUM}/settings/robots` },
  { name: "site-settings-viewer", path: `${FORUM}/settings/https`, mock: "calm" },
  {
    name: "site-draft",
    path: `${FORUM}/settings/https`,
    act: async (page) => {
      await changed(page, "Less strict for a test");
      await page.locator(".draft-bar summary").click();
    },
  },
  {
    name: "site-draft-wrong",
    path: `${FORUM}/settings/origin`,
    act: async (page) => {
      await changed(page, "wrong");
      await page.locator(".draft-bar button[type=submit]").click();
      await page.locator("[role=alert]").waitFor();
    },
  },
  {
    name: "site-draft-conflict",
    path: `${FORUM}/settings/https`,
    act: async (page) => {
      await changed(page, "mine");
      await page
        .context()
        .addCookies([{ name: "mock", value: "collision", url: new URL(page.url()).origin }]);
      await page.locator(".draft-bar button[type=submit]").click();
      await page.locator("[data-part=conflict]").waitFor();
    },
  },
  {
    name: "site-purge-asks",
    path: `${FORUM}/settings/cache`,
    act: async (page) => {
      const form = page.locator("section form").last();
      await form.locator("select").selectOption("all");
      await form.locator("button").click();
      await page.locator("[role=dialog]").waitFor();
    },
  },
  { name: "site-history", path: `${FORUM}/history` },
  { name: "site-history-empty", path: `${FORUM}/history`, mock: "empty" },
  {
    name: "site-restore-asks",
    path: `${FORUM}/history`,
    act: async (page) => {
      await page.locator("main li button:not([disabled])").first().click();
      await page.locator("[role=dialog]").waitFor();
    },
  },
  { name: "site-certificates", path: `${FORUM}/certificates` },
  { name: "site-certificates-empty", path: `${FORUM}/certificates`, mock: "empty" },
  { name: "site-members", path: `${FORUM}/members` },
  { name: "site-leave", path: `${FORUM}/leave` },
  { name: "protection", path: `${FORUM}/protection` },
  { name: "protection-quiet", path: `${FORUM}/protection`, mock: "calm" },
  { name: "protection-attack", path: `${FORUM}/protection`, mock: "attack" },
  {
    name: "protection-asks",
    path: `${FORUM}/protection`,
    act: async (page) => {
      await page.locator("form button").last().click();
      await page.locator("[role=dialog]").waitFor();
    },
  },
  {
    name: "protection-rule",
    path: `${FORUM}/settings/protection`,
    act: async (page) => {
      for (const summary of await page.locator(".rule-row summary").all()) await summary.click();
    },
  },
  { name: "protection-bans", path: `${FORUM}/bans` },
  {
    name: "protection-ban-asks",
    path: `${FORUM}/bans`,
    act: async (page) => {
      const form = page.locator("main form").last();
      await form.locator("input").first().fill("192.0.2.1");
      await form.locator("input").last().fill("Somebody at the door");
      await form.locator("button").last().click();
      await page.locator("[role=dialog] button[type=submit]").click();
      await page.locator("[role=dialog] .note").waitFor();
    },
  },
  { name: "protection-incidents", path: `${FORUM}/incidents` },
  { name: "protection-incidents-empty", path: `${FORUM}/incidents`, mock: "empty" },
  ...[1, 2, 3, 4].map((n) => ({
    name: `protection-incident-${n}`,
    path: `${FORUM}/incidents/incident-${n}`,
  })),
  { name: "protection-notifications", path: `${FORUM}/notifications` },
  {
    name: "protection-secret",
    path: `${FORUM}/notifications`,
    act: async (page) => {
      await page.locator("main form input[type=checkbox]").last().click();
      await page.locator("main form .acts-row button").first().click();
      await page.locator("[role=alert] .copy-line").waitFor();
    },
  },
  { name: "all-incidents", path: "/incidents" },
  { name: "all-bans", path: "/bans" },
  { name: "site-nowhere", path: `/sites/${fakeId("site", 77)}` },
];

const SHOTS: readonly Shot[] = [
  { name: "sign-in", path: "/sign-in", mock: "signed-out" },
  {
    name: "sign-in-code",
    path: "/sign-in",
    mock: "signed-out",
    act: async (page) => {
      await page.locator("input[name=email]").fill("first@desk.example");
      await page.locator("input[name=password]").fill("a long sentence of mine");
      await submit(page);
      await page.locator("input[name=code]").fill("000000");
      await submit(page);
      await page.locator("[role=alert]").waitFor();
    },
  },
  { name: "welcome", path: "/welcome", mock: "newcomer" },
  {
    name: "welcome-totp",
    path: "/welcome",
    mock: "newcomer",
    act: async (page) => {
      for (const input of await page.locator("input[type=password]").all())
        await input.fill("a long sentence of mine");
      await submit(page);
      await page.locator(".qr").waitFor();
    },
  },
  {
    name: "welcome-backup",
    path: "/welcome",
    mock: "newcomer",
    act: async (page) => {
      for (const input of await page.locator("input[type=password]").all())
        await input.fill("a long sentence of mine");
      await submit(page);
      await page.locator(".qr").waitFor();
      await page.locator("input[inputmode=numeric]").fill("123456");
      await submit(page);
      await page.locator(".codes").waitFor();
    },
  },
  { name: "overview", path: "/" },
  { name: "overview-calm", path: "/", mock: "calm" },
  {
    name: "queue",
    path: "/queue",
    act: async (page) => {
      await page.locator("a.case-row").first().waitFor();
      await page.keyboard.press("j");
    },
  },
  { name: "queue-empty", path: "/queue", mock: "empty" },
  { name: "case-braked", path: `/cases/${fakeId("case", 12)}` },
  {
    name: "case-revealed",
    path: `/cases/${untouched}`,
    act: async (page) => {
      await page.locator(".panel-head button").first().click();
      const covers = page.locator(".veil-cover button");
      while ((await covers.count()) > 0) await covers.first().click();
    },
  },
  { name: "case-propose", path: `/cases/${untouched}/propose` },
  {
    name: "case-propose-wider",
    path: `/cases/${untouched}/propose`,
    act: async (page) => {
      await page.locator(".case-side select").first().selectOption("site");
      await page.locator(".case-side button[type=submit]").click();
    },
  },
  {
    name: "case-brake-asks",
    path: `/cases/${untouched}/brake`,
    act: async (page) => {
      await page.locator(".case-side select").nth(1).selectOption("life-threat");
      await page
        .locator(".case-side textarea:not([aria-hidden])")
        .first()
        .fill("A home, a day and an hour are named.");
      await page.locator(".case-side textarea:not([aria-hidden])").last().fill("Lines 4 to 12.");
      await page.locator(".case-side button[type=submit]").click();
      await page.locator("[role=dialog]").waitFor();
    },
  },
  {
    name: "case-ratify-asks",
    path: `/cases/${fakeId("case", 12)}`,
    act: async (page) => {
      await page.locator(".case-side .acts button").first().click();
      await page.locator("[role=dialog]").waitFor();
    },
  },
  { name: "case-own-proposal", path: `/cases/${fakeId("case", 10)}` },
  { name: "case-decided", path: `/cases/${fakeId("case", 6)}` },
  {
    name: "opening-asks",
    path: `/cases/${untouched}`,
    act: async (page) => {
      await page.locator("[data-act=ask-opening] button").click();
      await page.locator("[data-part=opening] textarea:not([aria-hidden])").fill("Too short");
    },
  },
  {
    name: "opening-approve-asks",
    path: `/cases/${fakeId("case", 12)}`,
    act: async (page) => {
      await page.locator("[data-part=opening] .acts button").first().click();
      await page.locator("[role=dialog]").waitFor();
    },
  },
  {
    name: "opening-released",
    path: `/cases/${fakeId("case", 6)}`,
    act: async (page) => {
      const download = page.waitForEvent("download");
      await page.locator("[data-act=fetch-sealed] button").click();
      await download;
      await page.locator("[data-part=opening]").scrollIntoViewIfNeeded();
    },
  },
  { name: "opening-own", path: `/cases/${fakeId("case", 10)}` },
  { name: "case-refuse", path: `/cases/${untouched}/refuse` },
  { name: "case-refer", path: `/cases/${untouched}/refer` },
  { name: "case-assess", path: `/cases/${untouched}/assess` },
  { name: "waiting", path: "/waiting" },
  { name: "appeals", path: "/appeals" },
  { name: "sites", path: "/sites" },
  { name: "edges", path: "/edges" },
  {
    name: "people-invited",
    path: "/people",
    act: async (page) => {
      await page.locator("form input").first().fill("Fourth Officer");
      await page.locator("form input[type=email]").fill("fourth@desk.example");
      await submit(page);
      await page.locator(".note code").waitFor();
    },
  },
  { name: "log", path: "/log" },
  { name: "not-found", path: "/nowhere" },
];

const VARIANTS = [
  { width: 1280, language: "en", scheme: "light" },
  { width: 1280, language: "fr", scheme: "dark" },
  { width: 390, language: "fr", scheme: "light" },
  { width: 390, language: "en", scheme: "dark" },
] as const;

const ARGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--disable-features=OnDeviceModel,OptimizationGuideOnDeviceModel,Vulkan",
  "--disable-extensions",
];

const OUT = join(import.meta.dirname, "../../../build/screenshots");
const names = process.argv.slice(2);
const wanted = [...SHOTS, ...SITE_SHOTS].filter(
  (shot) => names.length === 0 || names.some((name) => shot.name.startsWith(name)),
);
await mkdir(OUT, { recursive: true });
const mock = await startMock({ dir: await buildForMock(), port: 0 });
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ARGS, timeout: 600_000 });
const breaches: string[] = [];
let taken = 0;
for (const variant of VARIANTS)
  for (const shot of wanted) {
    const context = await browser.newContext({
      viewport: { width: variant.width, height: variant.width === 390 ? 844 : 860 },
      locale: variant.language,
      colorScheme: variant.scheme,
      reducedMotion: "reduce",
    });
    if (shot.mock !== undefined)
      await context.addCookies([{ name: "mock", value: shot.mock, url: mock.url }]);
    const page = await context.newPage();
    const label = `${shot.name}-${variant.width}-${variant.language}-${variant.scheme}`;
    page.on("console", (message) => {
      if (message.type() !== "error") return;
      const expected = /status of (401|422|409|404)/.test(message.text());
      if (!expected) breaches.push(`${label}: ${message.text()}`);
    });
    page.on("pageerror", (error) => breaches.push(`${label}: ${error.message}`));
    page.on("request", (request) => {
      if (!request.url().startsWith(mock.url)) breaches.push(`${label}: asked for ${request.url()}`);
    });
    try {
      await page.goto(`${mock.url}/console${shot.path}`);
      await page.locator("h1, main [role=alert]").first().waitFor();
      await page.waitForLoadState("networkidle");
      await shot.act?.(page);
      const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      if (over > 0) breaches.push(`${label}: ${over} px wider than its window`);
      const asks = (await page.locator("[role=dialog]").count()) > 0;
      await page.screenshot({ path: join(OUT, `${label}.png`), fullPage: !asks });
      taken++;
    } catch (error) {
      breaches.push(`${label}: ${String(error).split("\n")[0]}`);
    }
    await context.close();
  }
await browser.close();
mock.server.close();
process.stdout.write(`${taken} pictures in ${OUT}\n${breaches.join("\n")}\n`);
if (breaches.length > 0 || taken !== wanted.length * VARIANTS.length) process.exitCode = 1;
