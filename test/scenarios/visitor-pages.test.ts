/**
 * What a visitor reads who does not get the page, without scripts and on a phone: closed for maintenance, kept out by the owner's rule, banned,
 * and a server that does not answer. Each says in the visitor's language whose side it lies on and what to do, fits the screen, and has
 * a heading that a screen reader finds. Pictures are left beside the console's.
 */
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { chromium } from "playwright-core";
import { buildEdge } from "../../src/cli/build-edge.ts";
import { ROOT } from "../../src/cli/data-dir.ts";
import { SITE_RULES_DEFAULT } from "../../src/contract/site-rules.ts";
import { newSiteId, openOrigin, openStage, policyFor } from "./edge-stage.ts";
import { freePorts } from "./launched.ts";

const PICTURES = join(ROOT, "build/screenshots");
const PAGES = [
  { host: "closed.example", status: 503, en: /working on it/, fr: /effectue des travaux/ },
  { host: "denied.example", status: 403, en: /does not let this request in/, fr: /n’accepte pas/ },
  {
    host: "banned.example",
    status: 403,
    en: /kept out of this site for a time[^]*127\.0\.0\.1/,
    fr: /mise à l’écart de ce site pour un temps/,
  },
  { host: "dead.example", status: 502, en: /could not be reached/, fr: /est injoignable/ },
] as const;

test("whoever does not get the page reads why, on a phone and without scripts, in both languages", async () => {
  mkdirSync(PICTURES, { recursive: true });
  await buildEdge({ outDir: join(ROOT, "build/edge") });
  const origin = await openOrigin();
  const [nobody = 0] = await freePorts(1);
  const stage = await openStage();
  const browser = await chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", `--host-resolver-rules=MAP *.example 127.0.0.1`],
  });
  try {
    const port = Number(stage.node.address.split(":")[1]);
    const { maintenance } = SITE_RULES_DEFAULT;
    const deny = {
      action: "deny",
      paths: [],
      methods: ["GET"],
      networks: [],
      asns: [],
      countries: [],
    } as const;
    const banned = newSiteId();
    const site = (hostname: string) => ({ siteId: newSiteId(), hostnames: [hostname] });
    await stage.apply(
      policyFor(origin.port, {
        ...site("closed.example"),
        rules: { ...SITE_RULES_DEFAULT, maintenance: { ...maintenance, on: true } },
      }),
    );
    await stage.apply(
      policyFor(origin.port, { ...site("denied.example"), rules: { ...SITE_RULES_DEFAULT, access: [deny] } }),
    );
    await stage.apply(policyFor(origin.port, { siteId: banned, hostnames: ["banned.example"] }));
    await stage.apply(policyFor(nobody, site("dead.example")));
    await stage.node.ban([{ siteId: banned, address: "127.0.0.1", seconds: 600 }]);
    for (const language of ["en", "fr"] as const) {
      for (const colorScheme of ["light", "dark"] as const) {
        const context = await browser.newContext({
          javaScriptEnabled: false,
          viewport: { width: 390, height: 844 },
          locale: language === "fr" ? "fr-FR" : "en-GB",
          colorScheme,
        });
        const page = await context.newPage();
        for (const { host, status, [language]: words } of PAGES) {
          const answer = await page.goto(`http://${host}:${port}/`);
          assert.equal(answer?.status(), status, host);
          const text = await page.locator("body").innerText();
          assert.match(text, words, `${host} in ${language}: ${text}`);
          assert.equal(await page.locator("h1").count(), 1);
          // The page of the banned is the same for everybody and holds both languages, each marked as what it is.
          if (host !== "banned.example") {
            assert.equal(await page.locator("html").getAttribute("lang"), language);
          }
          const main = await page.locator("main").boundingBox();
          assert.ok(main && main.x >= 0 && main.x + main.width <= 390, `${host} fits the phone`);
          const name = `visitor-${host.split(".")[0] ?? ""}-${language}-${colorScheme}`;
          await page.screenshot({ path: join(PICTURES, `${name}.png`), fullPage: true });
        }
        await context.close();
      }
    }
  } finally {
    await browser.close();
    await stage.end();
    await origin.end();
  }
});
