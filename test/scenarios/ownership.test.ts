import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { freePort } from "../../src/node/free-port.ts";
import { enrol, expectOk, type Browser, type TestControl } from "../../src/api/testing.ts";
import { buildEdge } from "../../src/cli/build-edge.ts";
import { startInstance, type Instance } from "../../src/cli/instance.ts";
import { readSettings } from "../../src/cli/settings.ts";
import type { HostnamePlan, HostnameView, MemberView, SiteExport } from "../../src/contract/http-sites.ts";
import type { Page, SiteView } from "../../src/contract/http.ts";
import { cdnIdOf } from "../../src/node/cdn-id.ts";
import { openDnsLook } from "../../src/sites/dns-look.ts";
import { findProof } from "../../src/sites/hostname-proof.ts";
import { ask, openOrigin, until, type Origin } from "./edge-stage.ts";
import { openSmallDns, type SmallDns } from "./small-dns.ts";

const PREVIEW = "look.edge.example";
const HOUR_MS = 3_600_000;

let dataDir: string;
let instance: Instance;
let dns: SmallDns;
let originA: Origin;
let originB: Origin;
/** What the server of the names answers below /.well-known/parapet/. */
const files = new Map<string, string>();
let server: Origin;
let anna: Browser;
let bob: Browser;
let aheadMs = 0;

before(async () => {
  dataDir = mkdtempSync(join(tmpdir(), "parapet-own-"));
  await buildEdge({ outDir: new URL("../../build/edge", import.meta.url).pathname });
  dns = await openSmallDns();
  originA = await openOrigin((_, answer) => void answer.end("anna's page"));
  originB = await openOrigin((_, answer) => void answer.end("bob's page"));
  server = await openOrigin((asked, answer) => {
    const body = files.get(`${asked.headers.host?.split(":")[0] ?? ""}${asked.url ?? ""}`);
    answer.statusCode = body === undefined ? 404 : 200;
    answer.end(body ?? "nothing here");
  });
  const port = await freePort();
  const settings = readSettings({
    dataDir,
    overrides: {
      controlListen: `127.0.0.1:${port}`,
      edgeListen: "127.0.0.1:0",
      edgeListenTls: "",
      edgeWorkers: 1,
      demoListen: "",
      dnsServers: [dns.address],
      edgeAddresses: ["127.0.0.9", "edge.example"],
      previewDomain: PREVIEW,
    },
  });
  instance = await startInstance({ settings, now: () => Date.now() + aheadMs, proofPort: server.port });
  const url = instance.controlUrl;
  const control = { control: instance.control, url } as TestControl;
  for (const account of ["anna", "bob"]) {
    await instance.sites.protect({ hostname: `first-${account}.example`, originUrl: url_(originA), account });
  }
  const customer = (name: string) => ({
    name,
    email: `${name}@${name}.example`,
    roles: ["customer" as const],
    account: name,
  });
  anna = (await enrol(control, customer("anna"))).browser;
  bob = (await enrol(control, customer("bob"))).browser;
});

after(async () => {
  await instance.stop();
  await Promise.all([dns.end(), originA.end(), originB.end(), server.end()]);
  rmSync(dataDir, { recursive: true, force: true });
});

const url_ = (origin: Origin): string => `http://127.0.0.1:${origin.port}`;
const api = "/api/v1";

async function add(
  who: Browser,
  input: { hostname: string; account: string; origin: Origin },
): Promise<SiteView> {
  const body = { hostname: input.hostname, account: input.account, originUrl: url_(input.origin) };
  return (await (await expectOk(who.send("POST", `${api}/sites`, body))).json()) as SiteView;
}
async function names(who: Browser, siteId: string): Promise<readonly HostnameView[]> {
  const page = (await (
    await expectOk(who.get(`${api}/sites/${siteId}/hostnames`))
  ).json()) as Page<HostnameView>;
  return page.items;
}
async function name(who: Browser, siteId: string, hostname: string): Promise<HostnameView> {
  const found = (await names(who, siteId)).find((view) => view.hostname === hostname);
  assert.ok(found, `${hostname} is among the names`);
  return found;
}
async function check(who: Browser, siteId: string, hostname: string): Promise<HostnameView> {
  const path = `${api}/sites/${siteId}/hostnames/${hostname}/check`;
  return (await (await expectOk(who.send("POST", path, null))).json()) as HostnameView;
}
const visit = (host: string) => ask(instance.node.address, { host });
const served = async (host: string, body: string): Promise<void> =>
  until(async () => (await visit(host)).body === body, 60_000);
const gone = async (host: string): Promise<void> =>
  until(async () => (await visit(host)).status === 421, 60_000);
async function mails(): Promise<readonly { to: string; subject: string }[]> {
  return instance.db.query<{ to: string; subject: string }>(
    `select recipient as "to", subject from mail_out order by mail_id`,
  );
}

test("a name is served only once its proof holds, and the first who shows it has it", async () => {
  const host = "www.shop.example";
  const a = await add(anna, { hostname: host, account: "anna", origin: originA });
  const b = await add(bob, { hostname: host, account: "bob", origin: originB });
  assert.equal((await visit(host)).status, 421);
  const fresh = await name(anna, a.siteId, host);
  assert.equal(fresh.state, "unproven");
  const other = await name(bob, b.siteId, host);
  assert.notEqual(fresh.proof.txt.value, other.proof.txt.value);
  assert.equal((await check(anna, a.siteId, host)).state, "unproven");
  assert.equal((await visit(host)).status, 421);

  dns.set(fresh.proof.txt.name, "TXT", ["v=other", fresh.proof.txt.value]);
  const proven = await check(anna, a.siteId, host);
  assert.equal(proven.state, "proven");
  assert.equal(proven.provenBy, "dns-txt");
  await served(host, "anna's page");

  // Bob shows a record as well: the holder's still stands.
  dns.set(fresh.proof.txt.name, "TXT", [fresh.proof.txt.value, other.proof.txt.value]);
  const waiting = await check(bob, b.siteId, host);
  assert.equal(waiting.state, "conflict");
  assert.match(waiting.why ?? "", /Another account/);
  assert.doesNotMatch(JSON.stringify(waiting), /anna/i);
  await served(host, "anna's page");

  // Anna's record is gone: she is told, and has a day.
  dns.set(fresh.proof.txt.name, "TXT", [other.proof.txt.value]);
  assert.equal((await check(bob, b.siteId, host)).state, "conflict");
  const contested = await name(anna, a.siteId, host);
  assert.equal(contested.state, "conflict");
  assert.ok(contested.lapsesAt !== null);
  await served(host, "anna's page");
  const told = (await mails()).filter((mail) => mail.to === "anna@anna.example");
  assert.ok(
    told.some((mail) => /Somebody else/.test(mail.subject)),
    JSON.stringify(told),
  );

  aheadMs += 25 * HOUR_MS;
  assert.equal((await check(bob, b.siteId, host)).state, "proven");
  await served(host, "bob's page");
  assert.equal((await name(anna, a.siteId, host)).state, "unproven");

  // Bob lets go. The DNS still leads here, and nobody gets it for that.
  dns.set(fresh.proof.txt.name, "TXT", []);
  dns.set(host, "A", ["127.0.0.9"]);
  await add(bob, { hostname: "spare.shop.example", account: "bob", origin: originB });
  await expectOk(bob.send("POST", `${api}/sites/${b.siteId}/hostnames`, { hostname: "two.shop.example" }));
  await expectOk(bob.send("DELETE", `${api}/sites/${b.siteId}/hostnames/${host}`, null));
  await gone(host);
  assert.equal((await check(anna, a.siteId, host)).state, "unproven");
  assert.equal((await visit(host)).status, 421);
});

test("a file on the name's own server proves it; the same file from behind this edge does not", async () => {
  const host = "files.shop.example";
  const a = await add(anna, { hostname: host, account: "anna", origin: originA });
  const view = await name(anna, a.siteId, host);
  const path = new URL(view.proof.http.url).pathname;
  files.set(`${host}${path}`, `${view.proof.http.body}\n`);
  dns.set(host, "A", ["127.0.0.9"]);
  const behind = await check(anna, a.siteId, host);
  assert.equal(behind.state, "unproven");
  assert.equal(behind.leadsHere, "yes");
  dns.set(host, "A", ["127.0.0.1"]);
  const proven = await check(anna, a.siteId, host);
  assert.equal(proven.provenBy, "http-token", proven.why ?? "");
  await served(host, "anna's page");

  // The edge does not know its own address here, and its site's origin has the file: the request still ends as a loop.
  files.set(`looped.example${path}`, view.proof.http.body);
  await instance.sites.protect({ hostname: "looped.example", originUrl: url_(server), account: "anna" });
  await until(
    async () => (await ask(instance.node.address, { host: "looped.example", path })).status === 200,
  );
  dns.set("looped.example", "A", ["127.0.0.1"]);
  const proof = { txt: view.proof.txt, http: { ...view.proof.http, url: `http://looped.example${path}` } };
  const look = {
    dns: openDnsLook([dns.address]),
    privateRanges: ["127.0.0.0/8"],
    edgeAddresses: [],
    cdnId: cdnIdOf(instance.ledger.vkey),
    httpPort: Number(instance.node.address.split(":")[1]),
  };
  const found = await findProof("looped.example", proof, look);
  assert.equal(found.proof, "missing");
  assert.match("why" in found ? found.why : "", /508/);
  assert.equal(
    (await findProof("looped.example", proof, { ...look, cdnId: "someone-else" })).proof,
    "http-token",
  );
});

test("a proof that goes missing has a week of grace, and silence of the DNS is no absence", async () => {
  const host = "lapse.shop.example";
  const a = await add(anna, { hostname: host, account: "anna", origin: originA });
  const { txt } = (await name(anna, a.siteId, host)).proof;
  dns.set(txt.name, "TXT", [txt.value]);
  await check(anna, a.siteId, host);
  await served(host, "anna's page");
  dns.beSilent(true);
  assert.equal((await check(anna, a.siteId, host)).state, "proven");
  dns.beSilent(false);
  dns.set(txt.name, "TXT", []);
  assert.equal((await check(anna, a.siteId, host)).state, "lapsing");
  await served(host, "anna's page");
  assert.ok((await mails()).some((mail) => mail.subject.includes(host) && mail.to === "anna@anna.example"));
  // The schedule of the instance itself lets go of it.
  aheadMs += 8 * 24 * HOUR_MS;
  await gone(host);
  assert.equal((await name(anna, a.siteId, host)).state, "unproven");
  dns.set(txt.name, "TXT", [txt.value]);
  assert.equal((await check(anna, a.siteId, host)).state, "proven");
  await served(host, "anna's page");
});

test("a preview shows the site under a name nobody can guess, before its DNS is switched", async () => {
  const host = "new.shop.example";
  const a = await add(anna, { hostname: host, account: "anna", origin: originA });
  const preview = async (): Promise<{ url: string | null; whyNot: string | null }> =>
    (await (await expectOk(anna.get(`${api}/sites/${a.siteId}/preview`))).json()) as {
      url: string | null;
      whyNot: string | null;
    };
  assert.equal((await preview()).url, null);
  const { txt } = (await name(anna, a.siteId, host)).proof;
  dns.set(txt.name, "TXT", [txt.value]);
  await check(anna, a.siteId, host);
  const { url } = await preview();
  const label = new URL(url ?? "http://none").hostname;
  assert.match(label, new RegExp(`^[a-z2-7]{26}\\.${PREVIEW.replaceAll(".", "\\.")}$`));
  await served(label, "anna's page");
  const seen = await visit(label);
  assert.match(String(seen.headers["x-robots-tag"]), /noindex/);
  assert.equal(originA.requests.at(-1)?.headers.host, host);
  assert.equal((await visit(host)).headers["x-robots-tag"], undefined);
  assert.equal((await visit(`${"a".repeat(26)}.${PREVIEW}`)).status, 421);
});

test("what the DNS says becomes a proposal", async () => {
  dns.set("blog.example", "A", ["127.0.0.1"]);
  dns.set("blog.example", "MX", [{ preference: 10, exchange: "blog.example" }]);
  dns.set("blog.example", "CAA", [{ flags: 0, tag: "issue", value: "ca.example" }]);
  dns.set("old.blog.example", "CNAME", ["gone.cloudfront.net"]);
  const planOf = async (hostname: string): Promise<HostnamePlan> =>
    (await (await expectOk(anna.send("POST", `${api}/hostname-plans`, { hostname }))).json()) as HostnamePlan;
  const apex = await planOf("Blog.Example.");
  assert.equal(apex.hostname, "blog.example");
  assert.equal(apex.proposedOriginUrl, "http://127.0.0.1");
  assert.deepEqual(apex.toSet, [{ type: "A", name: "blog.example", value: "127.0.0.9" }]);
  assert.deepEqual(apex.toKeep, [{ type: "MX", name: "blog.example", value: "10 blog.example" }]);
  assert.ok(
    apex.warnings.some((warning) => /takes no mail/.test(warning)),
    apex.warnings.join("\n"),
  );
  const old = await planOf("old.blog.example");
  assert.deepEqual(old.toSet, [{ type: "CNAME", name: "old.blog.example", value: "edge.example" }]);
  assert.equal(old.proposedOriginUrl, null);
  assert.ok(old.warnings.some((warning) => /leads nowhere: whoever/.test(warning)));
  assert.ok(old.warnings.some((warning) => /CloudFront/.test(warning)));
  for (const refused of ["*.co.uk", "co.uk", "edge.example", `x.${PREVIEW}`, "127.0.0.1"]) {
    assert.notEqual((await planOf(refused)).refusedBecause, null, refused);
  }
});

test("members have roles, the last owner stays, and leaving takes everything along", async () => {
  const host = "bye.shop.example";
  const a = await add(anna, { hostname: host, account: "anna", origin: originA });
  const { txt } = (await name(anna, a.siteId, host)).proof;
  dns.set(txt.name, "TXT", [txt.value]);
  await check(anna, a.siteId, host);
  await served(host, "anna's page");
  const base = `${api}/sites/${a.siteId}`;
  assert.equal((await bob.get(`${base}/members`)).status, 404);
  const given = await expectOk(
    anna.send("PUT", `${base}/members`, { email: "bob@bob.example", role: "viewer" }),
  );
  const member = (await given.json()) as MemberView;
  assert.equal(member.name, "bob@bob.example", "nothing is told of somebody who has not come in");
  assert.equal((await expectOk(bob.get(`${base}/members`))).status, 200);
  assert.equal((await bob.get(`${base}/export`)).status, 403);
  assert.equal(
    (await bob.send("PUT", `${base}/members`, { email: "bob@bob.example", role: "owner" })).status,
    403,
  );
  await expectOk(anna.send("PUT", `${base}/members`, { email: "new@person.example", role: "editor" }));
  assert.ok((await mails()).some((mail) => mail.to === "new@person.example"));
  const members = ((await (await anna.get(`${base}/members`)).json()) as Page<MemberView>).items;
  assert.deepEqual(members.map((one) => one.role).sort(), ["editor", "owner", "viewer"]);
  const owner = members.find((one) => one.role === "owner");
  assert.equal((await anna.send("DELETE", `${base}/members/${owner?.userId ?? ""}`, null)).status, 409);
  assert.equal(
    (await anna.send("PUT", `${base}/members`, { email: "anna@anna.example", role: "viewer" })).status,
    409,
  );

  assert.equal((await anna.send("POST", `${base}/leave`, { confirm: "other.example" })).status, 422);
  // nginx writes its lines a moment later; exports are given out so many in a while.
  const log = join(dataDir, "edge", "access.log");
  await until(() => existsSync(log) && readFileSync(log, "utf8").includes(host));
  const made = (await (await expectOk(anna.get(`${base}/export`))).json()) as SiteExport;
  assert.ok(made.log.some((line) => line.includes(host)));
  const left = (await (
    await expectOk(anna.send("POST", `${base}/leave`, { confirm: host }))
  ).json()) as SiteExport;
  assert.deepEqual(left.hostnames, [host]);
  assert.equal(left.history.length, 1);
  assert.ok(left.log.every((line) => line.includes(a.siteId)));
  await gone(host);
  assert.equal((await anna.get(`${base}/settings`)).status, 404);
  assert.equal((await bob.get(`${base}/members`)).status, 404);
});
