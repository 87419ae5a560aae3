/**
 * The console on a real instance, in a real browser: a person comes by a one-time link, enrols, invites a second officer, and the two of
 * them carry one decision from the report to the edge and back, with nothing but what the screens offer. Every page must keep to
 * a content policy without exceptions for inline code or inline styles, and ask nobody but Parapet for anything.
 */
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { chromium, type Browser, type Page } from "playwright-core";
import { buildConsole } from "../../src/cli/build-console.ts";
import { buildEdge } from "../../src/cli/build-edge.ts";
import { ROOT } from "../../src/cli/data-dir.ts";
import { callLocal } from "../../src/cli/local-client.ts";
import { untilStatus, visit } from "../../src/cli/story/edge-visitor.ts";
import { setStage, type Stage } from "../../src/cli/story/stage.ts";
import { totp } from "../../src/cli/story/staff.ts";

const FORUM = "lantern-board.example";
const PICTURES = join(ROOT, "build/screenshots");
const PASSWORD = "three herons over the mill pond";
/** As strict as it gets: the console must work under it, whatever the server sends today. */
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

type Person = { readonly page: Page; readonly breaches: string[] };

/** A browser of one's own, with an ear for whatever breaks the rules of the house. */
async function person(browser: Browser, stage: Stage): Promise<Person> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 860 }, locale: "en-GB" });
  context.setDefaultTimeout(15_000);
  const page = await context.newPage();
  const breaches: string[] = [];
  await page.route("**/console/**", async (route) => {
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
    if (new URL(request.url()).origin !== new URL(stage.url).origin) breaches.push(`asked ${request.url()}`);
  });
  return { page, breaches };
}

const button = (page: Page, name: string) => page.getByRole("button", { name, exact: true });

/** Enrols through the screens: link, password, authenticator, backup codes, no passkey. Returns the authenticator's secret. */
async function enrol(page: Page, link: string): Promise<string> {
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
  assert.ok((await page.locator(".codes li").count()) >= 5, "backup codes are shown");
  await page.getByLabel("I have written them down or printed them").check();
  await button(page, "Go on").click();
  await button(page, "Go to the overview").click();
  await page.getByRole("heading", { name: "Overview" }).waitFor();
  return secret;
}

async function openCase(page: Page): Promise<void> {
  await page.keyboard.press("g");
  await page.keyboard.press("q");
  await page.locator("a.case-row").first().waitFor();
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  await page.locator(".case-head h1").waitFor();
}

async function decide(page: Page, action: string, reason: string): Promise<void> {
  await button(page, action).first().click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Your reason").fill(reason);
  await dialog.getByRole("button", { name: action, exact: true }).click();
  await dialog.waitFor({ state: "detached" });
}

const picture = (page: Page, name: string): Promise<unknown> =>
  page.screenshot({ path: join(PICTURES, `real-${name}.png`) });

test("two officers carry a decision to the edge and back through the console alone", async (t) => {
  mkdirSync(PICTURES, { recursive: true });
  await buildConsole({ outDir: `${ROOT}/build/console` });
  await buildEdge({ outDir: `${ROOT}/build/edge` });
  const stage = await setStage({ daysAgo: 0 });
  t.after(() => stage.close());
  const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: CHROMIUM_ARGS });
  t.after(() => browser.close());
  await callLocal(stage.instance.settings.dataDir, {
    method: "POST",
    path: "/protect",
    body: {
      hostname: FORUM,
      originUrl: stage.forum.url,
      account: "The Lantern Board",
      accountEmail: "owner@lantern-board.example",
    },
  });
  await untilStatus(stage.edge, { hostname: FORUM, status: 200, since: performance.now() });

  const first = await person(browser, stage);
  const second = await person(browser, stage);
  let firstSecret = "";

  await t.test("a screen behind the door leads to the sign-in page, and back", async () => {
    await first.page.goto(`${stage.url}/console/appeals`);
    await first.page.getByRole("heading", { name: "Sign in" }).waitFor();
    assert.match(first.page.url(), /\/console\/sign-in\?to=%2Fappeals/);
  });

  await t.test("the first operator enrols by their one-time link, and the link is then spent", async () => {
    const link = await stage.instance.control.operatorSignInLink();
    assert.ok(link !== null);
    firstSecret = await enrol(first.page, link);
    await picture(first.page, "overview");
    const again = await stage.post("/enter", {
      from: "127.0.0.1",
      form: { token: link.split("token=")[1] ?? "" },
    });
    assert.equal(again.status, 401);
  });

  await t.test("the operator invites an officer, whose link is shown once", async () => {
    await first.page.goto(`${stage.url}/console/people`);
    await first.page.getByLabel("Name").fill("Second Officer");
    await first.page.getByLabel("E-mail").fill("second@lighthouse.example");
    await button(first.page, "Invite").click();
    const link = (await first.page.locator(".note code").textContent()) ?? "";
    await first.page.reload();
    assert.equal(await first.page.getByText(link).count(), 0);
    await enrol(second.page, link);
  });

  await t.test("signing out and in again takes the password and the authenticator", async () => {
    await button(first.page, "Sign out").click();
    await first.page.getByRole("heading", { name: "Sign in" }).waitFor();
    const email = "operator@parapet.internal";
    await first.page.getByLabel("E-mail").fill(email);
    await first.page.getByLabel("Password", { exact: true }).fill("not the password at all");
    await button(first.page, "Sign in").click();
    await first.page.getByRole("alert").waitFor();
    await first.page.getByLabel("Password", { exact: true }).fill(PASSWORD);
    await button(first.page, "Sign in").click();
    await first.page.getByLabel("Code").fill(totp(firstSecret, Date.now()));
    await button(first.page, "Go on").click();
    await first.page.getByRole("heading", { name: "Overview" }).waitFor();
  });

  await t.test(
    "a report becomes the first case of the queue, covered until somebody reveals it",
    async () => {
      const said = "My home is posted in this thread, with a time on Saturday.";
      stage.forum.post("evening-walk", "Found where she lives: 12 Example Lane, the blue door.");
      const page = await stage.post("/report", {
        from: "127.0.2.1",
        form: {
          harm: "doxxing",
          url: `http://${FORUM}/t/evening-walk`,
          statement: said,
          quoted: "the blue door",
        },
      });
      assert.equal(page.status, 200);
      await openCase(first.page);
      const words = first.page.getByText(said);
      await words.waitFor({ state: "attached" });
      assert.equal(await words.evaluate((el) => el.closest("[inert]") !== null), true);
      await button(first.page, "Reveal").first().click();
      assert.equal(await words.evaluate((el) => el.closest("[inert]") !== null), false);
      await picture(first.page, "case");
    },
  );

  await t.test("the first proposes the narrowest measure, and cannot confirm it", async () => {
    await first.page.keyboard.press("p");
    await first.page.getByRole("heading", { name: "Propose a measure" }).waitFor();
    await first.page.getByLabel("Clause").selectOption("doxxing-with-danger");
    await first.page.getByLabel("Withhold").check();
    const why = first.page.getByLabel("Why nothing narrower is enough");
    await why.fill("Whoever clicks a warning away still gets the address.");
    await first.page.getByLabel("Facts").fill("The page gives a private person's home.");
    await first.page.getByLabel("Reason for the second officer").fill("The capture shows street and door.");
    await button(first.page, "Propose").click();
    const confirm = button(first.page, "Confirm");
    await confirm.waitFor();
    assert.equal(await confirm.isDisabled(), true);
    assert.equal((await visit(stage.edge, { hostname: FORUM, path: "/t/evening-walk" })).status, 200);
  });

  await t.test(
    "the second confirms; the page says in force on 1 of 1 edges, and the edge withholds that page alone",
    async () => {
      await openCase(second.page);
      await decide(second.page, "Confirm", "I read the capture: it is a home.");
      const line = second.page.getByText(/In force on 1 of 1 edge, \d+ ms/);
      await line.waitFor();
      await picture(second.page, "in-force");
      t.diagnostic((await line.textContent()) ?? "");
      assert.equal((await visit(stage.edge, { hostname: FORUM, path: "/t/evening-walk" })).status, 451);
      assert.equal((await visit(stage.edge, { hostname: FORUM, path: "/t/gardens" })).status, 200);
    },
  );

  await t.test("the same two lift it the same way", async () => {
    await decide(second.page, "Propose to lift", "The post is gone.");
    await first.page.reload();
    await decide(first.page, "Confirm", "I looked: the post is gone.");
    await untilStatus(stage.edge, {
      hostname: FORUM,
      path: "/t/evening-walk",
      status: 200,
      since: performance.now(),
    });
    await first.page
      .getByText(/Lifted on 1 of 1 edge/)
      .first()
      .waitFor();
    await picture(first.page, "lifted");
  });

  await t.test("French changes every screen at once and is kept", async () => {
    await first.page.getByLabel("Language").selectOption("fr");
    await first.page.goto(`${stage.url}/console/queue?show=all`);
    await first.page.getByRole("heading", { name: "File" }).waitFor();
    assert.equal(await first.page.evaluate(() => document.documentElement.lang), "fr");
  });

  assert.deepEqual([...first.breaches, ...second.breaches], []);
});
