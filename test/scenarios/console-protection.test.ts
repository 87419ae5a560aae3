/**
 * Protection at the console, on a real instance with its edge and in a real browser: the switch "Under attack" with an end, a rule in shadow, a ban and its lifting,
 * an incident from its beginning to its end, and who is told. After each act the edge is asked whether it does what the screen says. The incident is
 * told as a node tells one; that nodes do tell is held by the tests of the watch.
 */
import assert from "node:assert/strict";
import { request } from "node:http";
import { test } from "node:test";
import type { Page } from "playwright-core";
import type { FloodReport } from "../../src/contract/flood.ts";
import type { ProtectionView } from "../../src/contract/http-protection.ts";
import type { SettingsView } from "../../src/contract/http-sites.ts";
import type { SiteId } from "../../src/contract/ids.ts";
import { floodTopic } from "../../src/contract/topics.ts";
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
const BANNED = "127.0.0.77";

function read<T>(page: Page, path: string): Promise<T> {
  return page.evaluate(async (asked) => {
    const answer = await fetch(`/api/v1${asked}`);
    if (!answer.ok) throw new Error(`${asked}: ${await answer.text()}`);
    return (await answer.json()) as unknown;
  }, path) as Promise<T>;
}

/** The status that a visitor from another address gets. */
function statusFrom(stage: SiteStage, localAddress: string): Promise<number> {
  const [host, port] = stage.instance.node.address.split(":");
  return new Promise((resolve, reject) => {
    const asking = request(
      { host, port, localAddress, path: "/", headers: { host: HOST }, agent: false },
      (answer) => {
        answer.resume();
        answer.on("end", () => resolve(answer.statusCode ?? 0));
      },
    );
    asking.setTimeout(5000, () => asking.destroy(new Error("The edge took too long")));
    asking.on("error", reject);
    asking.end();
  });
}

const part = (page: Page, name: string) =>
  page.getByRole("navigation", { name: "Parts of protection" }).getByRole("link", { name, exact: true });
const inDialog = (page: Page, name: string) =>
  page.getByRole("dialog").getByRole("button", { name, exact: true });

/** A flood as a node tells it: seen, understood after 0.9 s and stopped after 1.2 s. */
function reportOf(
  input: Pick<FloodReport, "nodeId" | "siteId" | "beganAtMs" | "endedAtMs" | "requests">,
): FloodReport {
  const { beganAtMs, endedAtMs, requests } = input;
  return {
    schema: 1,
    incidentId: "flood-at-the-mill",
    kind: "flood",
    mode: "act",
    triggers: ["rate"],
    mitigatedAtMs: beganAtMs + 1200,
    usualPerSecond: 40,
    peakPerSecond: 9000,
    passed: 420,
    challenged: 300,
    challengesPassed: 7,
    blocked: requests - 720,
    throttled: 0,
    banned: 0,
    originErrors: 3,
    originSecondsExtra: 4.5,
    sentBytes: 12_000_000,
    signatures: [
      {
        mitigationId: "m-1",
        where: [
          { feature: "method", value: "GET" },
          { feature: "path", value: "/search" },
        ],
        headerNames: "",
        action: "block",
        cover: 0.97,
        collateral: 0.002,
        sinceMs: beganAtMs + 900,
        liftedAtMs: endedAtMs,
        requests: requests - 720,
      },
    ],
    series: Array.from(
      { length: 20 },
      (_, i) => [beganAtMs + i * 1000, i === 0 ? 40 : 9000, i < 2 ? 40 : 41] as const,
    ),
    ...input,
  };
}

test("floods, bans and the switch at the console are what the edge does", async (t) => {
  const stage = await openSiteStage();
  t.after(() => stage.end());
  const { instance } = stage;
  let page!: Page;
  let siteId!: SiteId;
  const step = stepsOf(t, { page: () => page, shows: "body", failed: "protection-failed" });
  const visit = (wanted: number, path = "/"): Promise<unknown> =>
    stage.untilVisit(HOST, { path }, (answer) => answer.status === wanted);

  await step("a site is quiet, and nothing has been counted or banned", async () => {
    page = await stage.person();
    const link = await instance.control.operatorSignInLink();
    assert.ok(link !== null);
    await enrolByLink(page, link);
    const originUrl = `http://127.0.0.1:${stage.origin.port}`;
    const site = await instance.sites.protect({ hostname: HOST, originUrl, account: "The Mill" });
    siteId = site.siteId;
    await visit(200);
    await page.goto(`${stage.url}/console/sites/${siteId}/protection`);
    await page.getByText("Quiet", { exact: true }).waitFor();
    await page.getByText("There is no rule yet.").waitFor();
    await picture(page, "protection-quiet");
  });

  await step(
    "under attack: asks once, is in force on the edge, says when it ends, and goes off",
    async () => {
      const untouched = await read<ProtectionView>(page, `/sites/${siteId}/protection`);
      assert.equal(untouched.isUnderAttackNow, false);
      await page.getByLabel("Only these paths").check();
      assert.equal(await button(page, "Switch on").isDisabled(), true, "no path is named yet");
      await page.getByLabel("Paths", { exact: true }).fill("/login, search.*");
      await page.getByText("“search.*” is no path").waitFor();
      assert.equal(await button(page, "Switch on").isDisabled(), true, "what is no path is not sent");
      await page.getByLabel("Paths", { exact: true }).fill("/login");
      await page.getByLabel("Switch off by itself").selectOption("14400");
      await button(page, "Switch on").click();
      await page
        .getByRole("dialog")
        .getByText("every visitor of /login is asked to prove a browser")
        .waitFor();
      await picture(page, "protection-attack-asks");
      const before = Date.now();
      await inDialog(page, "Switch on").click();
      await page.getByText("Under attack is on.").first().waitFor();
      const { protection, isUnderAttackNow } = await read<ProtectionView>(
        page,
        `/sites/${siteId}/protection`,
      );
      assert.equal(isUnderAttackNow, true);
      assert.deepEqual(protection.underAttack.paths, ["/login"]);
      const hours = (Date.parse(protection.underAttack.endsAt ?? "") - before) / 3_600_000;
      assert.ok(hours > 3.9 && hours < 4.1, `it ends after ${hours} h`);
      await visit(403, "/login");
      assert.equal((await stage.visit(HOST, "/")).status, 200, "other paths are not asked");
      await picture(page, "protection-attack");
      await button(page, "Switch off").click();
      await inDialog(page, "Switch off").click();
      await button(page, "Switch on").waitFor();
      await visit(200, "/login");
    },
  );

  await step("a rule in shadow is saved with a note, stops nobody, and says what it would do", async () => {
    await part(page, "Protection rules").click();
    await button(page, "Add a rule").click();
    await page.getByLabel("Name", { exact: true }).fill("Search");
    await page.getByLabel("Why it is there").fill("To see whom it would hit");
    await page.getByLabel("Paths", { exact: true }).fill("/search*");
    await page.getByLabel("More than … requests").fill("2");
    await page.getByLabel("Action", { exact: true }).selectOption("block");
    await button(page, "Add a header field").click();
    await page.getByLabel("Name of the field").fill("X-Tool");
    await page.getByLabel("Condition").selectOption("absent");
    await page
      .getByText("Requests for /search*, without the field X-Tool: more than 2 in 60 seconds")
      .waitFor();
    assert.equal(await page.getByLabel("Shadow: count what it would do").isChecked(), true);
    await page.getByLabel("Why, in a few words").fill("A first rule");
    await picture(page, "protection-rule");
    await button(page, "Save").click();
    await page.getByText(/Saved as revision/).waitFor();
    const { settings } = await read<SettingsView>(page, `/sites/${siteId}/settings`);
    const [rule] = settings.protection.rules;
    assert.deepEqual(
      [rule?.name, rule?.isShadow, rule?.action, rule?.rate?.requests, rule?.match.headers],
      ["Search", true, "block", 2, [{ name: "X-Tool", value: null, isAbsent: true }]],
    );
    await until(async () => {
      await visit(200, "/search?q=again");
      const { rules } = await read<ProtectionView>(page, `/sites/${siteId}/protection`);
      return (rules?.[0]?.met ?? 0) > 0;
    }, 60_000);
    await page.goto(`${stage.url}/console/sites/${siteId}/protection`);
    await page.getByText("Shadow", { exact: true }).waitFor();
    await page.getByText(/would have acted on \d+ request/).waitFor();
  });

  await step("a ban keeps out, is found by its address, and lifting it lets in", async () => {
    assert.equal(await statusFrom(stage, BANNED), 200);
    await part(page, "Bans").click();
    await page.getByText("Nobody is banned").waitFor();
    await page.getByLabel("Which").fill(BANNED);
    assert.equal(await button(page, "Ban").isDisabled(), true, "a ban has a reason");
    await page.getByLabel("Reason").fill("Breaks windows");
    await page.getByLabel("For how long").selectOption("900");
    await button(page, "Ban").click();
    await picture(page, "protection-ban-asks");
    await inDialog(page, "Ban").click();
    const row = page.locator("li").filter({ hasText: BANNED });
    await row.getByText("In force").waitFor();
    await until(async () => (await statusFrom(stage, BANNED)) === 403, 60_000);
    assert.equal((await stage.visit(HOST)).status, 200, "nobody else is kept out");
    await page.getByLabel("Search", { exact: true }).fill("127.0.0.78");
    await button(page, "Search").click();
    await page.getByText("No ban fits this search").waitFor();
    await page.getByLabel("Search", { exact: true }).fill(BANNED);
    await page.keyboard.press("Enter");
    await row.waitFor();
    await picture(page, "protection-bans");
    await row.getByRole("button", { name: "Lift" }).click();
    await inDialog(page, "Lift").click();
    await page.getByText("No ban fits this search").waitFor();
    await page.getByLabel("State").selectOption("ended");
    await row.getByText("Lifted").waitFor();
    await until(async () => (await statusFrom(stage, BANNED)) === 200, 60_000);
  });

  await step("a ban that cannot be is refused beside its field, and mended there", async () => {
    const refused = page.getByRole("alert").filter({ hasText: "is no network that can be banned" });
    await page.getByLabel("Whom").selectOption("network");
    await page.getByLabel("Which").fill("10.0.0.0/99");
    await page.getByLabel("Reason").fill("Too wide a thought");
    await button(page, "Ban").click();
    await inDialog(page, "Ban").click();
    await refused.waitFor();
    assert.equal(await page.getByRole("dialog").count(), 0, "the question is not asked again by itself");
    await page.getByLabel("Which").fill("");
    await refused.waitFor({ state: "detached" });
    await page.getByLabel("Whom").selectOption("address");
  });

  await step("whoever would keep out themselves is told, and asked again", async () => {
    await page.getByLabel("State").selectOption("in-force");
    await page.getByLabel("Which").fill("127.0.0.1");
    await page.getByLabel("Reason").fill("By mistake");
    await button(page, "Ban").click();
    await inDialog(page, "Ban").click();
    await page.getByText("This would keep yourself out").waitFor();
    await inDialog(page, "Cancel").click();
    assert.equal((await stage.visit(HOST)).status, 200);
  });

  await step("an incident is seen while it runs, opened by a link, and followed to its end", async () => {
    const [node] = (await read<{ items: { nodeId: FloodReport["nodeId"] }[] }>(page, "/edges")).items;
    assert.ok(node);
    const { nodeId } = node;
    const beganAtMs = Date.now() - 20_000;
    const tell = (requests: number, endedAtMs: number | null): Promise<void> =>
      instance.bus.publish(
        floodTopic(nodeId, "flood-at-the-mill"),
        reportOf({ nodeId, siteId, beganAtMs, endedAtMs, requests }),
        { keep: true },
      );
    await tell(160_000, null);
    await page.goto(`${stage.url}/console/sites`);
    await page.getByText("1 incident under way").click();
    await page.getByText("A flood is being stopped").waitFor();
    await part(page, "Incidents").click();
    await page.getByText(/0\.3% let through/).waitFor();
    await page.getByRole("main").getByRole("link", { name: "Flood", exact: true }).click();
    await page.waitForURL("**/incidents/*");
    await page.getByText("GET requests for “/search”").waitFor();
    await page.getByText("0.9 s after it began").waitFor();
    await page.getByText("1.2 s after it began").waitFor();
    await page.getByText("420 (0.3%)").waitFor();
    await page.getByRole("img", { name: /9,000 came/ }).waitFor();
    await page.getByLabel("Look at a moment").press("Home");
    await page.getByText(/40 a second came, 40 let through/).waitFor();
    await page.getByText("The figures as a table").click();
    assert.equal(await page.locator(".plain-table tbody tr").count(), 20);
    await picture(page, "protection-incident");
    await tell(200_000, Date.now());
    await page.getByText("Over", { exact: true }).waitFor();
    await page.getByText("200,000").waitFor();
    await page.goto(`${stage.url}/console/incidents?state=active`);
    await page.getByText("No incident fits").waitFor();
  });

  await step("the webhook's secret is shown once", async () => {
    await page.goto(`${stage.url}/console/sites/${siteId}/notifications`);
    await page.getByText("Nothing has been sent yet.").waitFor();
    assert.equal(await button(page, "Send a test").isDisabled(), true, "there is no address yet");
    await page.getByLabel("Address").fill("http://hooks.mill.example/parapet");
    await button(page, "Save").click();
    await page.getByRole("alert").first().waitFor();
    await page.getByLabel("Address").fill("https://hooks.mill.example/parapet");
    await button(page, "Save").click();
    await page.getByText("It is shown this once.").waitFor();
    const secret = (await page.locator(".note .copy-line code").textContent()) ?? "";
    assert.ok(secret.length > 20, secret);
    await page.reload();
    await page.getByText(`The secret in use ends in …${secret.slice(-4)}`).waitFor();
    assert.equal((await page.content()).includes(secret), false);
  });

  await step("every screen fits a phone in French and a desk in the dark", async () => {
    const [row] = (await read<{ items: { incidentId: string }[] }>(page, `/sites/${siteId}/incidents`)).items;
    const own = [
      "protection",
      "bans?state=all",
      "incidents",
      `incidents/${row?.incidentId}`,
      "notifications",
    ];
    const places = [...own.map((name) => `sites/${siteId}/${name}`), "incidents", "bans?state=all"];
    let looked = 0;
    for (const [language, dark, width] of [
      ["fr", false, 390],
      ["en", true, 1280],
    ] as const) {
      await page.setViewportSize({ width, height: 860 });
      await page.emulateMedia({ colorScheme: dark ? "dark" : "light" });
      await page.evaluate((chosen) => localStorage.setItem("parapet-language", chosen), language);
      for (const [i, place] of places.entries()) {
        await page.goto(`${stage.url}/console/${place}`);
        await page.locator("main h1").waitFor();
        await page.waitForLoadState("networkidle");
        assert.equal(await page.evaluate(() => document.documentElement.lang), language);
        const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        assert.ok(wide <= 0, `${place} is ${wide} px wider than its window`);
        assert.equal(await page.locator("main [role=alert]").count(), 0, `${place} shows no fault`);
        await picture(page, `protection-${language}-${dark ? "dark" : "light"}-${width}-${i}`);
        looked += 1;
      }
    }
    assert.equal(looked, 14);
  });

  assert.deepEqual(stage.breaches, []);
});
