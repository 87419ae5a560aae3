/** A frightened person reports, comes back and writes, in a real browser without scripts, at two widths, in two languages, by day and by night. */
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { after, before, test } from "node:test";
import { chromium, type Browser, type Page } from "playwright-core";
import { FORUM, openWebStage, type WebStage } from "./web-stage.ts";

const SCREENSHOTS = fileURLToPath(new URL("../../build/screenshots/", import.meta.url));
const ARGS =
  "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync";

let stage: WebStage;
let browser: Browser;
before(async () => {
  stage = await openWebStage();
  browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ARGS.split(" ") });
  mkdirSync(SCREENSHOTS, { recursive: true });
});
after(async () => {
  await browser.close();
  await stage.close();
});

type Look = { readonly width: number; readonly language: "en" | "fr"; readonly scheme: "light" | "dark" };
const LOOKS: readonly Look[] = [
  { width: 390, language: "en", scheme: "light" },
  { width: 390, language: "fr", scheme: "dark" },
  { width: 1280, language: "fr", scheme: "light" },
  { width: 1280, language: "en", scheme: "dark" },
];

async function open(look: Look): Promise<{ page: Page; foreign: string[]; close(): Promise<void> }> {
  const context = await browser.newContext({
    javaScriptEnabled: false,
    viewport: { width: look.width, height: 844 },
    locale: look.language === "fr" ? "fr-FR" : "en-GB",
    colorScheme: look.scheme,
  });
  const page = await context.newPage();
  const foreign: string[] = [];
  page.on("request", (request) => {
    if (!request.url().startsWith(stage.url)) foreign.push(request.url());
  });
  return { page, foreign, close: () => context.close() };
}

async function shoot(page: Page, look: Look, name: string): Promise<void> {
  const path = join(SCREENSHOTS, `${name}-${look.width}-${look.language}-${look.scheme}.png`);
  await page.screenshot({ path, fullPage: true });
  // Nothing may be wider than the screen: a phone that scrolls sideways hides the way out.
  const [client = 0, scroll = 1] = await page
    .locator("html")
    .evaluate((html) => [html.clientWidth, html.scrollWidth]);
  assert.ok(scroll <= client, `${name} is ${scroll} wide on ${client}`);
}

for (const look of LOOKS) {
  test(`Reporting, returning and writing works at ${look.width} px in ${look.language}, ${look.scheme}`, async () => {
    const { page, foreign, close } = await open(look);
    await page.goto(`${stage.url}/`);
    assert.equal(await page.locator("html").getAttribute("lang"), look.language);
    const column = await page.locator("header").evaluate((header) => getComputedStyle(header).position);
    assert.equal(column, "sticky", "the policy lets the page's own style through");
    await shoot(page, look, "start");
    await page.locator(".doors a").first().click();
    await shoot(page, look, "report");

    await page.locator("button").click();
    assert.equal(await page.locator("[aria-invalid=true]").count(), 3);
    await page.locator("#harm").selectOption("doxxing");
    await page.locator("#url").fill(`${FORUM}/t/12`);
    await page.locator("#quoted").fill('they said\n\n  "go there" & <bring> friends');
    await page.locator("#name").fill("A. Reporter");
    await page.locator("#email").fill("not an address");
    await page.locator("button").click();
    assert.equal(await page.locator("#quoted").inputValue(), 'they said\n\n  "go there" & <bring> friends');
    assert.equal(await page.locator("#name").inputValue(), "A. Reporter");
    await shoot(page, look, "report-errors");
    await page
      .locator("#statement")
      .fill("My home address is in this thread. People say that they will come tonight.");
    await page.locator("#email").fill("reporter@mail.example");
    await page.locator("button").click();

    const code = (await page.locator(".code").innerText()).replace(/\D/g, "");
    assert.match(code, /^\d{16}$/);
    await shoot(page, look, "answer");

    await page.goto(`${stage.url}/mailbox?lang=${look.language}`);
    await shoot(page, look, "mailbox-door");
    await page.locator("#code").fill("0000 0000 0000 0000");
    await page.locator("button").click();
    assert.equal(await page.locator(".error").count(), 1);
    await page.locator("#code").fill(code.replace(/(.{4})/g, "$1 "));
    await page.locator("button").click();
    assert.equal(await page.locator("html").getAttribute("lang"), look.language);
    await page.locator("#text").fill("They wrote a time now: tonight at nine.");
    await page.locator("button").click();
    assert.match(await page.locator(".messages").innerText(), /tonight at nine/);
    await shoot(page, look, "mailbox");

    await page.goto(`${stage.url}/log?lang=${look.language}`);
    await shoot(page, look, "log");
    await page.goto(`${stage.url}/log/entry/0?lang=${look.language}`);
    await shoot(page, look, "entry");
    await page.goto(`${stage.url}/transparency?lang=${look.language}`);
    await shoot(page, look, "counts");
    assert.deepEqual(foreign, [], "no page asks anybody else for anything");
    assert.deepEqual(await page.context().cookies(), []);
    await close();
  });
}
