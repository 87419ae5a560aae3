/**
 * A site's owner at the console, on a real instance and in a real browser: invited, adds a site, proves it, sees it served, changes its
 * settings against somebody else's, brings a revision back, empties the cache, uploads a certificate, shares the site, and leaves with
 * everything. After each step the edge is asked whether it does what the screen says.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { connect } from "node:tls";
import type { Page } from "playwright-core";
import type { SettingsView, SiteExport } from "../../src/contract/http-sites.ts";
import { openTestAuthority } from "../../src/sites/certificates-testing.ts";
import {
  button,
  enrolByLink,
  openSiteStage,
  picture,
  stepsOf,
  type SiteStage,
} from "./console-site-stage.ts";
import { until } from "./edge-stage.ts";

const HOST = "www.mill.example";

/** What the page itself asks of the API, with this person's session: another window of theirs. */
function elsewhere<T>(page: Page, call: { method: string; path: string; body?: unknown }): Promise<T> {
  return page.evaluate(async ({ method, path, body }) => {
    const answer = await fetch(`/api/v1${path}`, {
      method,
      ...(body === undefined
        ? {}
        : { headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
    });
    if (!answer.ok) throw new Error(`${method} ${path}: ${await answer.text()}`);
    return (await answer.json()) as unknown;
  }, call) as Promise<T>;
}

const openTab = async (page: Page, name: string): Promise<void> => {
  await page.getByRole("navigation", { name: "Parts of this site" }).getByRole("link", { name }).click();
};
const openPart = async (page: Page, name: string): Promise<void> => {
  await page.getByRole("navigation", { name: "Parts of the settings" }).getByRole("link", { name }).click();
};
const save = async (page: Page, note: string): Promise<void> => {
  await page.getByLabel("Why, in a few words").fill(note);
  await button(page, "Save").click();
  await page.getByText(/Saved as revision/).waitFor();
};
/** The names of the certificate that the edge shows. */
function shownNames(port: number): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port, servername: HOST, rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate().subjectaltname ?? null);
      socket.destroy();
    });
    socket.setTimeout(5000, () => socket.destroy(new Error("The handshake took too long")));
    socket.on("error", () => resolve(null));
  });
}

async function invited(stage: SiteStage): Promise<Page> {
  const operator = await stage.person();
  const link = await stage.instance.control.operatorSignInLink();
  assert.ok(link !== null);
  await enrolByLink(operator, link);
  await operator.goto(`${stage.url}/console/people`);
  await operator.getByLabel("Name").fill("Mara Miller");
  await operator.getByLabel("E-mail").fill("mara@mill.example");
  await operator.getByLabel("Officer").uncheck();
  await operator.getByLabel("Customer").check();
  assert.equal(await button(operator, "Invite").isDisabled(), true, "a customer needs an account");
  await operator.getByLabel("Account").fill("The Mill");
  await button(operator, "Invite").click();
  const hers = (await operator.locator(".note code").textContent()) ?? "";
  const owner = await stage.person();
  await enrolByLink(owner, hers);
  return owner;
}

test("a site's owner does everything from the invitation to leaving through the console", async (t) => {
  const stage = await openSiteStage();
  const authority = openTestAuthority();
  t.after(async () => {
    authority.end();
    await stage.end();
  });
  const { dns, origin } = stage;
  let page!: Page;
  let siteId = "";
  const step = stepsOf(t, { page: () => page, shows: "main", failed: "failed" });

  await step("the operator invites a customer to a new account, and she is led to her sites", async () => {
    page = await invited(stage);
    await page.getByRole("heading", { name: "Sites" }).waitFor();
    await picture(page, "none-yet");
  });

  await step("she types a name, sees what the DNS holds, and need not know her account's name", async () => {
    dns.set(HOST, "A", ["127.0.0.1"]);
    dns.set(HOST, "MX", [{ preference: 10, exchange: "mail.mill.example" }]);
    await page.getByRole("link", { name: "Add a site" }).click();
    await page.getByRole("textbox", { name: "Hostname" }).fill(HOST);
    await button(page, "Look it up").click();
    await page.getByText("10 mail.mill.example").first().waitFor();
    const server = page.getByLabel("Your own server (origin)");
    assert.equal(await server.inputValue(), "http://127.0.0.1", "proposed from the DNS");
    assert.equal(await page.getByLabel("Account").inputValue(), "The Mill");
    await server.fill(`http://127.0.0.1:${origin.port}`);
    await picture(page, "add");
    await button(page, "Create the site").click();
    await page.waitForURL("**/setup");
    siteId = /sites\/(site_[^/]+)/.exec(page.url())?.[1] ?? "";
    assert.equal((await stage.visit(HOST)).status, 421);
  });

  await step("she shows by a TXT record that the name is hers, and the edge serves it", async () => {
    await button(page, "Check now").click();
    await page.getByText("Ownership not proven yet").first().waitFor();
    const [name = "", value = ""] = await page.locator(".proof-ways .copy-line code").allTextContents();
    dns.set(name, "TXT", [value]);
    await button(page, "Check now").click();
    await page.getByText("Ownership proven").first().waitFor();
    await stage.untilVisit(HOST, {}, (answer) => answer.status === 200);
    await picture(page, "setup");
  });

  await step("the preview's address shows the site before the DNS leads here", async () => {
    const link = page.getByRole("link", { name: "Open the preview" });
    const { hostname } = new URL((await link.getAttribute("href")) ?? "");
    const seen = await stage.untilVisit(hostname, {}, (answer) => answer.status === 200);
    assert.match(String(seen.headers["x-robots-tag"]), /noindex/);
    await page.getByText("Visitors do not come here yet").first().waitFor();
    dns.set(HOST, "A", ["127.0.0.9"]);
    await button(page, "Check now").click();
    await page.getByText("Visitors come through this edge").first().waitFor();
  });

  await step(
    "a redirect and a cache rule: the difference, a note, in force, and the edge does it",
    async () => {
      await openTab(page, "Settings");
      await openPart(page, "Redirects");
      await button(page, "Add a rule").click();
      await page.getByRole("textbox", { name: "From path" }).fill("/old/*");
      await page.getByRole("textbox", { name: "To", exact: true }).fill("/new/$1");
      await openPart(page, "Cache");
      await button(page, "Add a rule").click();
      await page.getByRole("textbox", { name: "Path", exact: true }).fill("/news/*");
      await page.getByRole("combobox", { name: "What to do" }).selectOption("store");
      await page.getByRole("textbox", { name: "Parameters that do not change the page" }).fill("utm_*");
      // Elsewhere in the console and back: what was typed is still there.
      await openTab(page, "History");
      await openTab(page, "Settings");
      await openPart(page, "Redirects");
      assert.equal(await page.getByRole("textbox", { name: "From path" }).inputValue(), "/old/*");
      await page.getByText("What changes").click();
      await page.getByText("/new/$1").first().waitFor();
      await button(page, "Save").click();
      await page.getByText("Write a few words: they stand in the history.").waitFor();
      await picture(page, "draft");
      await save(page, "Old addresses lead on; news are kept");
      const moved = await stage.untilVisit(HOST, { path: "/old/a?x=1" }, (answer) => answer.status === 302);
      assert.match(String(moved.headers.location), /\/new\/a\?x=1$/);
      const first = await stage.visit(HOST, "/news/1");
      const again = await stage.visit(HOST, "/news/1?utm_source=mail");
      assert.equal(again.body, first.body, "the second comes from the cache");
      await openTab(page, "Overview");
      await page
        .getByText(/In force on 1 of 1 edge/)
        .first()
        .waitFor();
      await picture(page, "overview");
    },
  );

  await step("the browser asks before a reload drops what was typed", async () => {
    await openTab(page, "Settings");
    await openPart(page, "Maintenance");
    await page.getByLabel("The site is closed for maintenance").check();
    const question = page.waitForEvent("dialog");
    await page.evaluate(() => void setTimeout(() => location.reload()));
    const asked = await question;
    await asked.dismiss();
    assert.equal(asked.type(), "beforeunload");
    assert.equal(await page.getByLabel("The site is closed for maintenance").isChecked(), true);
  });

  await step("somebody saves in between: both are shown, and nothing is lost", async () => {
    const path = `/sites/${siteId}/settings`;
    const now = await elsewhere<SettingsView>(page, { method: "GET", path });
    await elsewhere(page, {
      method: "PUT",
      path,
      body: {
        revision: now.revision,
        note: "From another window",
        settings: { ...now.settings, bodyBytesMax: 1_048_576 },
      },
    });
    await page.getByLabel("Why, in a few words").fill("Closed for the night");
    await button(page, "Save").click();
    const note = page.locator('[data-part="conflict"]');
    await note.waitFor();
    await note.getByText("Largest upload").waitFor();
    await picture(page, "conflict");
    await button(page, "Put mine on top of theirs").click();
    assert.equal(await page.getByLabel("Why, in a few words").inputValue(), "Closed for the night");
    await button(page, "Save").click();
    await page.getByText(`Saved as revision ${now.revision + 2}.`).waitFor();
    await stage.untilVisit(HOST, {}, (answer) => answer.status === 503);
    const after = await elsewhere<SettingsView>(page, { method: "GET", path });
    assert.equal(after.settings.bodyBytesMax, 1_048_576, "theirs stands, too");
  });

  await step("one step back in the history opens the site again", async () => {
    await openTab(page, "History");
    await page.getByText("Closed for the night").waitFor();
    await picture(page, "history");
    const row = page.locator("li.panel").filter({ hasText: "From another window" });
    await row.getByRole("button", { name: "Bring back" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Bring back" }).click();
    await page.getByText(/Brought back as revision/).waitFor();
    await stage.untilVisit(HOST, {}, (answer) => answer.status === 200);
  });

  await step("emptying everything makes the edge ask the server anew", async () => {
    const before = await stage.visit(HOST, "/news/1");
    assert.equal((await stage.visit(HOST, "/news/1")).body, before.body);
    await openTab(page, "Settings");
    await openPart(page, "Cache");
    await page.getByLabel("What", { exact: true }).selectOption("all");
    await button(page, "Empty it").click();
    await page.getByRole("dialog").getByRole("button", { name: "Empty it" }).click();
    await page.getByText("On its way to every edge.").waitFor();
    await stage.untilVisit(HOST, { path: "/news/1" }, (answer) => answer.body !== before.body);
    await picture(page, "cache");
  });

  await step("her own certificate is shown to visitors at once, and its key left the page", async () => {
    const made = authority.make({ names: [HOST], until: "20280101000000Z" });
    await openTab(page, "Certificates");
    await page.getByLabel("Certificate with its chain (PEM)").fill(made.certPem + authority.certPem);
    await page.getByLabel("Private key (PEM)").fill(made.keyPem);
    await button(page, "Upload").click();
    await page.getByText("Uploaded. The key has left this page.").waitFor();
    assert.equal(await page.getByLabel("Private key (PEM)").inputValue(), "");
    await until(async () => (await shownNames(stage.tlsPort)) === `DNS:${HOST}`, 60_000);
    await page.getByText("On 1 of 1 edge").waitFor();
    await picture(page, "certificates");
  });

  await step("she shares the site, and cannot give away its last owner", async () => {
    await openTab(page, "Members");
    await page.getByRole("textbox", { name: "E-mail" }).fill("ned@mill.example");
    await button(page, "Add").click();
    await page.getByText("ned@mill.example").first().waitFor();
    const own = page.locator("li").filter({ hasText: "mara@mill.example" });
    assert.equal(await own.getByRole("button", { name: "Remove" }).isDisabled(), true);
    await picture(page, "members");
  });

  await step("every screen fits a phone, in French and in the dark, with the open tab in sight", async () => {
    await page.getByLabel("Language").selectOption("fr");
    await page.setViewportSize({ width: 390, height: 844 });
    for (const dark of [false, true]) {
      await page.emulateMedia({ colorScheme: dark ? "dark" : "light" });
      for (const tab of ["", "setup", "settings/cache", "history", "certificates", "members", "leave"]) {
        await page.goto(`${stage.url}/console/sites/${siteId}/${tab}`);
        await page.locator(".tabs [aria-current=page]").waitFor();
        await page.waitForLoadState("networkidle");
        const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        assert.ok(wide <= 0, `${tab} is ${wide} px wider than the phone`);
        for (const link of await page
          .locator(".tabs [aria-current=page], .part-nav [aria-current=page]")
          .all()) {
          const box = await link.boundingBox();
          assert.ok(box && box.x >= -1 && box.x + box.width <= 391, `${tab}: the open part is in sight`);
        }
        await picture(page, `phone-${dark ? "dark" : "light"}-${tab.replace("/", "-") || "overview"}`);
      }
    }
    await page.emulateMedia({ colorScheme: "light" });
    await page.goto(`${stage.url}/console/sites/${siteId}/setup`);
    assert.equal(await page.evaluate(() => document.documentElement.lang), "fr");
    await page.setViewportSize({ width: 1280, height: 860 });
    await page.goto(`${stage.url}/console/sites/${siteId}`);
    await page.getByLabel("Langue").selectOption("en");
  });

  await step("the export holds everything, and after leaving nothing is served", async () => {
    await openTab(page, "Leave");
    const download = page.waitForEvent("download");
    await button(page, "Download the export").click();
    const made = JSON.parse(readFileSync(await (await download).path(), "utf8")) as SiteExport;
    assert.deepEqual(made.hostnames, [HOST]);
    assert.equal(made.settings.rules.redirects[0]?.from, "/old/*");
    assert.ok(made.history.some((row) => row.note === "From another window"));
    assert.deepEqual(made.members.map((member) => member.email).sort(), [
      "mara@mill.example",
      "ned@mill.example",
    ]);
    await picture(page, "leave");
    assert.equal(await button(page, "Leave for good").isDisabled(), true);
    await page.getByLabel(`Type ${HOST} to go on`).fill(HOST);
    const last = page.waitForEvent("download");
    await button(page, "Leave for good").click();
    await last;
    await page.getByText("You have left.").waitFor();
    await stage.untilVisit(HOST, {}, (answer) => answer.status === 421);
    await page.goto(`${stage.url}/console/sites/${siteId}`);
    await page.getByRole("alert").first().waitFor();
    await picture(page, "left");
  });

  assert.deepEqual(stage.breaches, []);
});
