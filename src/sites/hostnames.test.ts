import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { createLocalBus } from "../bus/bus.ts";
import { readSettings } from "../cli/settings.ts";
import { Fault } from "../contract/fault.ts";
import { newId, type AccountId, type SiteId } from "../contract/ids.ts";
import type { SitePolicy } from "../contract/policy.ts";
import { POLICY_TOPICS } from "../contract/topics.ts";
import { CLAIMS_PER_NAME_MAX, holderOf, insertClaim } from "../store/hostname-proofs.ts";
import { openTestDb } from "../store/testing.ts";
import type { DnsLook, Looked } from "./dns-look.ts";
import { findProof, proofOf, type ProofLook } from "./hostname-proof.ts";
import { openHostnames } from "./hostnames.ts";
import { openSites } from "./open-sites.ts";
import { openRecognition } from "./recognition.ts";
import type { Sites } from "./sites.ts";

const random = (bytes: number): Uint8Array => new Uint8Array(randomBytes(bytes));
const none = async (): Promise<Looked<never>> => ({ ok: true, records: [] });
const found = <T>(...records: T[]): Looked<T> => ({ ok: true, records });

/** A DNS that says what the test wants; the scenario test/scenarios/ownership.test.ts asks a real one. */
function dnsOf(changes: Partial<DnsLook>): DnsLook {
  const base = {
    a: none,
    aaaa: none,
    cname: none,
    txt: none,
    mx: none,
    caa: none,
    ns: none,
    addresses: none,
  };
  return { ...base, ...changes };
}

type Rig = {
  readonly sites: Sites;
  readonly db: Awaited<ReturnType<typeof openTestDb>>["db"];
  readonly origin: string;
  readonly policies: SitePolicy[];
  /** Names with a record for every account. */
  readonly proven: Set<string>;
  readonly hostnames: ReturnType<typeof openHostnames>;
  end(): Promise<void>;
};

async function rig(): Promise<Rig> {
  const t = await openTestDb();
  const server = createServer((_, answer) => answer.end("a page"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const settings = readSettings({ dataDir: t.dataDir });
  const bus = createLocalBus({ onError: () => undefined });
  const policies: SitePolicy[] = [];
  bus.subscribe(POLICY_TOPICS, ({ value }) => void policies.push(value as SitePolicy));
  const deps = { db: t.db, settings, now: Date.now, random, onAlarm: () => undefined };
  const sites = await openSites({ ...deps, bus });
  const proven = new Set<string>();
  const values = new Map<string, string[]>();
  const dns = dnsOf({ txt: async (name) => found(...(values.get(name) ?? [])) });
  const look: ProofLook = { dns, privateRanges: [], edgeAddresses: [], cdnId: "us", httpPort: 1 };
  const recognition = openRecognition(deps);
  const hostnames = openHostnames({
    ...deps,
    publish: () => sites.publish(),
    mail: null,
    look,
    recognition,
  });
  const showAll: ProofLook["dns"]["txt"] = async (name) => {
    const rows = await t.db.query<{ token_key: Uint8Array }>("select token_key from hostname_token_key");
    const key = rows[0]?.token_key;
    if (key === undefined || !proven.has(name)) return found<string>();
    const accounts = await t.db.query<{ account_id: AccountId }>("select account_id from account");
    const hostname = name.slice("_parapet.".length);
    return found(
      ...accounts.map(({ account_id: accountId }) => proofOf(key, { accountId, hostname }).txt.value),
    );
  };
  Object.assign(dns, { txt: showAll });
  return {
    sites,
    db: t.db,
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    policies,
    proven,
    hostnames,
    async end() {
      await sites.close();
      await bus.close();
      server.closeAllConnections();
      server.close();
      await t.close();
    },
  };
}

const by = { name: "A customer", userId: null };
const claim = async (r: Rig, account: string, hostname: string): Promise<SiteId> =>
  (await r.sites.protect({ hostname, originUrl: r.origin, account, by })).siteId;

test("of two accounts that prove one name at once exactly one holds it", async () => {
  const r = await rig();
  for (let round = 0; round < 5; round++) {
    const hostname = `race-${round}.example`;
    const a = await claim(r, "a", hostname);
    const b = await claim(r, "b", hostname);
    r.proven.add(`_parapet.${hostname}`);
    const views = await Promise.all([r.hostnames.check(a, hostname), r.hostnames.check(b, hostname)]);
    assert.deepEqual(views.map((view) => view.state).sort(), ["conflict", "proven"], hostname);
    const holder = await holderOf(r.db, hostname);
    assert.equal(holder?.siteId, views[0]?.state === "proven" ? a : b);
    const serving = [a, b].filter((siteId) => {
      const newest = r.policies.findLast((policy) => policy.siteId === siteId);
      return newest?.hostnames.includes(hostname) ?? false;
    });
    assert.deepEqual(serving, [holder?.siteId]);
  }
  await r.end();
});

test("the database itself lets no name have two holders", async () => {
  const r = await rig();
  const a = await claim(r, "a", "two.example");
  const b = await claim(r, "b", "two.example");
  const prove = (siteId: SiteId): Promise<unknown> =>
    r.db.query("update hostname set proven_at = now(), proven_by = 'dns-txt' where site_id = $1", [siteId]);
  await prove(a);
  await assert.rejects(prove(b), (error) => (error as { code?: string }).code === "23505");
  await r.end();
});

test("claims of others do not keep an owner out, and the one who shows a proof stays", async () => {
  const r = await rig();
  const first = await claim(r, "owner", "flooded.example");
  const sites: SiteId[] = [];
  for (let i = 0; i < CLAIMS_PER_NAME_MAX + 5; i++) {
    const siteId = newId<SiteId>("site", random);
    sites.push(siteId);
    await r.db.query(
      "insert into site (site_id, account_id, state, held_because) select $1, account_id, 'active', '[]' from account limit 1",
      [siteId],
    );
    await r.db.transaction((tx) =>
      insertClaim(tx, {
        hostname: "flooded.example",
        siteId,
        at: new Date(Date.now() + i),
        vouched: false,
        nextCheckAt: new Date(),
      }),
    );
  }
  const [row] = await r.db.query<{ n: number }>(
    "select count(*)::integer as n from hostname where hostname = 'flooded.example'",
  );
  assert.equal(row?.n, CLAIMS_PER_NAME_MAX);
  // The owner's claim went with the oldest: made once more and proven, it holds the name.
  await r.hostnames.add(first, { hostname: "flooded.example", vouch: false });
  r.proven.add("_parapet.flooded.example");
  assert.equal((await r.hostnames.check(first, "flooded.example")).state, "proven");
  await r.end();
});

test("the operator's word gives a name that nobody has, and takes none from anybody", async () => {
  const r = await rig();
  const a = await claim(r, "a", "word.example");
  r.proven.add("_parapet.word.example");
  await r.hostnames.check(a, "word.example");
  const vouch = (hostname: string, account: string): Promise<unknown> =>
    r.sites.protect({ hostname, originUrl: r.origin, account });
  const taken = (error: unknown): boolean => error instanceof Fault && error.code === "site.hostname-taken";
  await assert.rejects(vouch("word.example", "b"), taken);
  await vouch("*.cards.example", "a");
  await assert.rejects(vouch("x.cards.example", "b"), taken);
  // By a record of its own the exact name wins over the wildcard.
  const b = await claim(r, "b", "x.cards.example");
  r.proven.add("_parapet.x.cards.example");
  assert.equal((await r.hostnames.check(b, "x.cards.example")).state, "proven");
  await r.end();
});

async function withServer<T>(listener: RequestListener, work: (port: number) => Promise<T>): Promise<T> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    return await work((server.address() as AddressInfo).port);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

const KEY = new Uint8Array(32).fill(7);
const A = { accountId: "acct_a" as AccountId, hostname: "shop.example" };
const PROOF = proofOf(KEY, A);

test("tokens are one's own: another account, another name, another kind, another value", () => {
  const all = [
    PROOF,
    proofOf(KEY, { ...A, accountId: "acct_b" as AccountId }),
    proofOf(KEY, { ...A, hostname: "*.shop.example" }),
    proofOf(new Uint8Array(32).fill(8), A),
  ].flatMap((proof) => [proof.txt.value, proof.http.url]);
  assert.equal(new Set(all).size, all.length);
  assert.deepEqual(proofOf(KEY, A), PROOF);
  assert.ok(!PROOF.http.url.includes(PROOF.txt.value.slice("parapet-site=".length)));
});

test("what a server may answer, and what counts", async () => {
  const path = new URL(PROOF.http.url).pathname;
  const table: readonly [what: string, listener: RequestListener, counts: boolean][] = [
    ["the file", (_, answer) => void answer.end(PROOF.http.body), true],
    ["with line ends", (_, answer) => void answer.end(`\r\n${PROOF.http.body}\n`), true],
    [
      "the file after a redirect to itself",
      (asked, answer) =>
        asked.url === path
          ? void answer.writeHead(302, { location: "/there" }).end()
          : void answer.end(PROOF.http.body),
      true,
    ],
    [
      "an echo of the path",
      (asked, answer) => void answer.end(`parapet-site=${asked.url?.split("/").at(-1) ?? ""}`),
      false,
    ],
    ["the file within a page", (_, answer) => void answer.end(`<p>${PROOF.http.body}</p>`), false],
    ["the file as an error page", (_, answer) => void answer.writeHead(404).end(PROOF.http.body), false],
    [
      "the file and a megabyte",
      (_, answer) => void answer.end(PROOF.http.body + " ".repeat(1_000_000)),
      false,
    ],
    [
      "redirects without end",
      (asked, answer) => void answer.writeHead(302, { location: `${asked.url ?? ""}x` }).end(),
      false,
    ],
    [
      "a redirect to another name",
      (_, answer) => void answer.writeHead(302, { location: "http://attacker.example/" }).end(),
      false,
    ],
    [
      "a redirect to another port",
      (_, answer) => void answer.writeHead(302, { location: "http://shop.example:25/" }).end(),
      false,
    ],
    [
      "a redirect to a file",
      (_, answer) => void answer.writeHead(302, { location: "file:///etc/passwd" }).end(),
      false,
    ],
    [
      "a redirect that is no address",
      (_, answer) => void answer.writeHead(302, { location: "http://[" }).end(),
      false,
    ],
    ["no answer but a closed connection", (asked) => void asked.socket.destroy(), false],
  ];
  for (const [what, listener, counts] of table) {
    await withServer(listener, async (httpPort) => {
      const dns = dnsOf({ addresses: async () => found("127.0.0.1") });
      const look: ProofLook = {
        dns,
        privateRanges: ["127.0.0.0/8"],
        edgeAddresses: [],
        cdnId: "us",
        httpPort,
      };
      const finding = await findProof("shop.example", PROOF, look);
      assert.equal(finding.proof, counts ? "http-token" : "missing", what);
      const refused = await findProof("shop.example", PROOF, { ...look, privateRanges: [] });
      assert.equal(refused.proof, "missing", `${what}, at a private address`);
      const ours = await findProof("shop.example", PROOF, { ...look, edgeAddresses: ["127.0.0.1"] });
      assert.equal(ours.proof, "missing", `${what}, at an address of this edge`);
      assert.equal(
        (await findProof("*.shop.example", PROOF, look)).proof,
        "missing",
        `${what}, for a wildcard`,
      );
    });
  }
});

test("which records count", async () => {
  const { value } = PROOF.txt;
  const silent: Looked<string> = { ok: false, why: "no answer" };
  const table: readonly [what: string, changes: Partial<DnsLook>, proof: string][] = [
    ["the record", { txt: async () => found(value) }, "dns-txt"],
    ["among others", { txt: async () => found("v=spf1 -all", value) }, "dns-txt"],
    ["in other letters", { txt: async () => found(value.toUpperCase()) }, "missing"],
    ["with something behind", { txt: async () => found(`${value} `) }, "missing"],
    [
      "another account's",
      { txt: async () => found(proofOf(KEY, { ...A, accountId: "acct_b" as AccountId }).txt.value) },
      "missing",
    ],
    [
      "behind an alias",
      { txt: async () => found(value), cname: async () => found("host.example") },
      "missing",
    ],
    ["silence", { txt: async () => silent }, "silent"],
    ["silence about an alias", { txt: async () => found(value), cname: async () => silent }, "silent"],
  ];
  for (const [what, changes, proof] of table) {
    const look: ProofLook = {
      dns: dnsOf(changes),
      privateRanges: [],
      edgeAddresses: [],
      cdnId: "us",
      httpPort: 80,
    };
    assert.equal((await findProof("*.shop.example", PROOF, look)).proof, proof, what);
  }
});
