/**
 * Certificates from a real authority (Debian's pebble), seen from the control side: issued over HTTP-01, renewed, resumed after a
 * crash, and never asked for a name that must not have one.
 */
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { test } from "node:test";
import { ALARM_TRIES } from "../../src/sites/certificates-life.ts";
import type { Db, Tx } from "../../src/store/db.ts";
import { openCertificatesStage, shownFor, type CertificatesStage } from "./certificates-stage.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

async function withStage(
  work: (stage: CertificatesStage) => Promise<void>,
  given: Parameters<typeof openCertificatesStage>[0] = {},
): Promise<void> {
  const stage = await openCertificatesStage(given);
  try {
    await work(stage);
  } finally {
    await stage.end();
  }
}

test("a site is added, and its certificate comes by itself over HTTP-01", { timeout: 180_000 }, () =>
  withStage(async (stage) => {
    const siteId = await stage.protect("shop.example");
    await stage.rounds(() => shownFor(stage, "shop.example") !== undefined);
    const shown = shownFor(stage, "shop.example");
    assert.ok(shown);
    const leaf = new X509Certificate(shown.chainPem);
    assert.equal(leaf.subjectAltName, "DNS:shop.example");
    assert.ok(leaf.publicKey.equals(new X509Certificate(shown.chainPem).publicKey));
    const [view] = (await stage.certificates.list(siteId)).items;
    assert.equal(view?.state, "valid");
    assert.equal(view?.source, "acme");
    assert.deepEqual(view?.inForce, { acked: 1, of: 1 });
    assert.ok(view?.issuer?.includes("Pebble"));
    assert.ok(Date.parse(view?.nextTryAt ?? "") < Date.parse(view?.notAfter ?? ""));
    // The proof was there when the authority looked, and is gone.
    assert.ok(stage.edge.asked.length >= 1);
    assert.ok(stage.edge.asked.every((each) => each.status === 200 && each.host === "shop.example"));
    await stage.rounds(() => stage.edge.policies.get(siteId)?.wellKnown.length === 0);
    assert.equal(stage.acme.made.orders, 1);
    assert.deepEqual((await stage.certificates.forHostnames(siteId)).get("shop.example")?.state, "valid");
  }),
);

test(
  "a certificate is renewed after two thirds of its life, once, with a new key",
  { timeout: 180_000 },
  () =>
    withStage(async (stage) => {
      const siteId = await stage.protect("shop.example");
      await stage.rounds(() => shownFor(stage, "shop.example") !== undefined);
      const before = shownFor(stage, "shop.example");
      const [view] = (await stage.certificates.list(siteId)).items;
      assert.ok(before && view?.nextTryAt && view.notAfter && view.notBefore);
      const life = Date.parse(view.notAfter) - Date.parse(view.notBefore);
      const share = (Date.parse(view.nextTryAt) - Date.parse(view.notBefore)) / life;
      assert.ok(share > 0.6 && share < 0.72, `renewed after ${share} of its life`);
      stage.aheadMs = Date.parse(view.nextTryAt) - Date.now() - MINUTE_MS;
      for (let i = 0; i < 20; i++) await stage.certificates.advance();
      assert.equal(stage.acme.made.orders, 1, "not before its time");
      // The authority's clock is not ours: what it issues now has begun long ago, and lasts for a third of its life.
      stage.aheadMs += 2 * MINUTE_MS;
      await stage.rounds(() => (shownFor(stage, "shop.example")?.version ?? 0) > before.version);
      const after = shownFor(stage, "shop.example");
      assert.equal(after?.certificateId, before.certificateId);
      assert.notEqual(after?.keyPem, before.keyPem);
      assert.equal(stage.acme.made.orders, 2);
      assert.equal((await stage.certificates.list(siteId)).total, 1);
    }),
);

/** A database that dies at the first statement with `words` in it, before or after it was carried out, and stays dead. */
function dyingAt(words: string, when: "before" | "after"): { wrap: (db: Db) => Db; died: () => boolean } {
  let dead = false;
  const guard = async <T>(text: string, run: () => Promise<T>): Promise<T> => {
    if (dead) throw new Error("the power went");
    const hit = text.includes(words);
    if (hit && when === "before") dead = true;
    if (dead) throw new Error("the power went");
    const result = await run();
    if (hit) dead = true;
    if (dead) throw new Error("the power went");
    return result;
  };
  return {
    died: () => dead,
    wrap: (db) => ({
      ...db,
      query: (text, values) => guard(text, () => db.query(text, values)),
      transaction: (work, options) =>
        guard("", () =>
          db.transaction(async (tx) => {
            const dying: Tx = {
              inTransaction: true,
              query: (text, values) => guard(text, () => tx.query(text, values)),
            };
            return work(dying);
          }, options),
        ),
    }),
  };
}

/** Where the power goes, and how many orders the authority has seen when all is done. */
const CRASHES: readonly (readonly [words: string, when: "before" | "after", orders: number])[] = [
  ["insert into acme_account", "after", 1],
  ["update acme_account set account_url", "before", 1],
  ["insert into acme_order", "after", 1],
  // The one moment that cannot be closed: the authority knows of the order and we do not. It lapses by itself.
  ["update acme_order set order_url", "before", 2],
  ["update acme_order set order_url", "after", 1],
  ["insert into acme_challenge", "after", 1],
  ["delete from acme_challenge", "before", 1],
  ["delete from acme_order", "before", 1],
  ["update certificate set names", "before", 1],
  ["insert into certificate_secret", "after", 1],
  ["update certificate set published", "before", 1],
];

for (const [words, when, orders] of CRASHES) {
  test(
    `a crash ${when} "${words}" is recovered, and no order that was stored is doubled`,
    { timeout: 180_000 },
    () =>
      withStage(async (stage) => {
        const siteId = await stage.protect("shop.example");
        const dying = dyingAt(words, when);
        await stage.reopen({ db: dying.wrap });
        const deadline = Date.now() + 20_000;
        while (!dying.died()) {
          assert.ok(Date.now() < deadline, "the crash never came");
          await stage.certificates.advance().catch(() => undefined);
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
        await stage.reopen();
        // Whatever the dying process wrote down about a next try, its time has come.
        stage.aheadMs += 10 * MINUTE_MS;
        await stage.rounds(() => shownFor(stage, "shop.example") !== undefined);
        const shown = shownFor(stage, "shop.example");
        assert.ok(new X509Certificate(shown?.chainPem ?? "").subjectAltName?.includes("shop.example"));
        await stage.rounds(() => stage.edge.policies.get(siteId)?.wellKnown.length === 0);
        assert.equal(stage.acme.made.orders, orders);
        assert.deepEqual(
          (await stage.certificates.list(siteId)).items.map((view) => view.state),
          ["valid"],
        );
      }),
  );
}

test(
  "an authority that wants to be left alone is left alone, and other customers are not held back",
  { timeout: 180_000 },
  () =>
    withStage(async (stage) => {
      let refusals = 0;
      stage.acme.refuse = (path) =>
        path === "order-plz" && refusals++ === 0
          ? {
              status: 429,
              headers: {
                "content-type": "application/problem+json",
                "retry-after": "7200",
                "replay-nonce": "x",
              },
              body: JSON.stringify({
                type: "urn:ietf:params:acme:error:rateLimited",
                detail: "too many certificates already issued for \u0000 example",
              }),
            }
          : null;
      const siteId = await stage.protect("shop.example");
      await stage.rounds(async () => (await stage.certificates.list(siteId)).items[0]?.why != null);
      const [view] = (await stage.certificates.list(siteId)).items;
      assert.equal(view?.state, "waiting");
      assert.match(view?.why ?? "", /429: too many certificates already issued for example/);
      const waitMs = Date.parse(view?.nextTryAt ?? "") - Date.now();
      assert.ok(waitMs > 7100_000 && waitMs < 7200_000 * 1.3, `waits ${waitMs} ms`);
      await assert.rejects(
        stage.certificates.renew(siteId, view!.certificateId),
        (fault: { code?: string; retryAfterMs?: number }) =>
          fault.code === "limit.rate" && (fault.retryAfterMs ?? 0) > 7_000_000,
      );
      await stage.protect("other.example", "Somebody else");
      stage.aheadMs = 2 * MINUTE_MS;
      await stage.rounds(() => shownFor(stage, "other.example") !== undefined);
      assert.equal(shownFor(stage, "shop.example"), undefined);
      assert.equal(stage.acme.made.orders, 1);
      stage.aheadMs = 3 * 60 * MINUTE_MS;
      await stage.rounds(() => shownFor(stage, "shop.example") !== undefined);
      assert.equal(stage.acme.made.orders, 2);
    }),
);

test(
  "a name that cannot be validated is tried ever more rarely, told of, and holds nobody back",
  { timeout: 180_000 },
  () =>
    withStage(async (stage) => {
      stage.acme.dns.nowhere.add("broken.example");
      const siteId = await stage.protect("broken.example");
      const view = async () => (await stage.certificates.list(siteId)).items[0];
      const waits: number[] = [];
      for (let tries = 1; tries <= ALARM_TRIES; tries++) {
        await stage.rounds(
          async () =>
            (await stage.db.query<{ tries: number }>("select tries from certificate"))[0]?.tries === tries,
        );
        const seen = await view();
        assert.equal(seen?.state, "failed");
        assert.match(seen?.why ?? "", /did not accept the proof for broken\.example \(http-01\)/);
        waits.push(Date.parse(seen?.nextTryAt ?? "") - (Date.now() + stage.aheadMs));
        if (tries === 4) {
          await assert.rejects(stage.certificates.renew(siteId, seen!.certificateId), { code: "limit.rate" });
        }
        stage.aheadMs += (waits.at(-1) ?? 0) + 1000;
      }
      assert.ok(waits[0]! <= MINUTE_MS && waits[1]! <= 2 * MINUTE_MS, `waited ${waits.join()}`);
      assert.ok(waits[3]! > 30 * MINUTE_MS, "four failures in an hour are enough for any authority");
      assert.ok(
        stage.alarms.some(
          (alarm) => alarm.code === "certificate.failing" && alarm.what.includes("broken.example"),
        ),
      );
      await stage.protect("shop.example");
      await stage.rounds(() => shownFor(stage, "shop.example") !== undefined);
      stage.acme.dns.nowhere.clear();
      stage.aheadMs += DAY_MS;
      await stage.rounds(() => shownFor(stage, "broken.example") !== undefined);
      assert.equal((await view())?.state, "valid");
    }),
);

test(
  "nothing is asked for a name whose ownership is not proven, or whose site is not active",
  { timeout: 180_000 },
  () =>
    withStage(async (stage) => {
      const unproven = await stage.protect("unproven.example");
      await stage.db.query("update hostname set proven_at = null, proven_by = null where hostname = $1", [
        "unproven.example",
      ]);
      const held = await stage.protect("held.example");
      await stage.db.query("update site set state = 'held' where site_id = $1", [held]);
      await stage.protect("shop.example");
      await stage.rounds(() => shownFor(stage, "shop.example") !== undefined);
      for (let i = 0; i < 50; i++) await stage.certificates.advance();
      assert.equal(stage.acme.made.orders, 1, "the authority saw one order: that of the third");
      assert.equal((await stage.certificates.list(unproven)).total, 0);
      assert.equal((await stage.certificates.forHostnames(unproven)).get("unproven.example"), undefined);
      // Proven at last.
      await stage.db.query(
        "update hostname set proven_at = now(), proven_by = 'dns-txt' where hostname = $1",
        ["unproven.example"],
      );
      await stage.db.transaction(async (tx) => stage.sites.touch(tx, unproven));
      await stage.rounds(() => shownFor(stage, "unproven.example") !== undefined);
      // Lapsed: the edge lets go of it.
      await stage.db.query("update hostname set proven_at = null, proven_by = null where hostname = $1", [
        "unproven.example",
      ]);
      await stage.db.transaction(async (tx) => stage.sites.touch(tx, unproven));
      await stage.rounds(() => shownFor(stage, "unproven.example") === undefined);
      assert.equal(stage.acme.made.orders, 2);
    }),
);

test("ownership that lapses between order and proof stops the order", { timeout: 180_000 }, () =>
  withStage(async (stage) => {
    stage.edge.acknowledging = false;
    const siteId = await stage.protect("shop.example");
    await stage.rounds(() => stage.edge.policies.get(siteId)?.wellKnown.length === 1);
    await stage.db.query("update hostname set proven_at = null, proven_by = null");
    stage.edge.acknowledging = true;
    await stage.db.transaction(async (tx) => stage.sites.touch(tx, siteId));
    await stage.sites.publish();
    await stage.rounds(async () => (await stage.db.query("select 1 from acme_order")).length === 0);
    assert.ok(!stage.acme.asked.includes("chalZ"), "the authority was never told to look");
    assert.equal(stage.edge.asked.length, 0);
  }),
);

test("the authority is told only when every living edge has the proof", { timeout: 180_000 }, () =>
  withStage(async (stage) => {
    stage.edge.acknowledging = false;
    const siteId = await stage.protect("shop.example");
    await stage.rounds(async () => (await stage.certificates.list(siteId)).items[0]?.why != null);
    const [view] = (await stage.certificates.list(siteId)).items;
    assert.match(view?.why ?? "", /in force on 0 of 1 edges only/);
    assert.ok(!stage.acme.asked.includes("chalZ"));
    assert.equal(stage.edge.policies.get(siteId)?.wellKnown.length, 0, "taken away again");
    stage.edge.acknowledging = true;
    stage.aheadMs = 10 * MINUTE_MS;
    await stage.rounds(() => shownFor(stage, "shop.example") !== undefined);
    assert.equal(stage.acme.made.orders, 1, "the same order went on");
  }),
);

test(
  "an account is registered once, with the external account where one is asked for",
  { timeout: 180_000 },
  async () => {
    const macKey = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W";
    const { mkdtempSync, writeFileSync } = await import("node:fs");
    const macKeyFile = `${mkdtempSync("/tmp/parapet-mac-")}/mac`;
    writeFileSync(macKeyFile, `${macKey}\n`);
    await withStage(
      async (stage) => {
        await stage.protect("shop.example");
        await stage.rounds(() => shownFor(stage, "shop.example") !== undefined);
        await stage.reopen();
        await stage.protect("other.example");
        await stage.rounds(() => shownFor(stage, "other.example") !== undefined);
        const accounts = await stage.db.query<{ url: string }>("select account_url as url from acme_account");
        assert.equal(accounts.length, 1);
        let lost = false;
        stage.acme.refuse = (path) => {
          if (path !== "order-plz" || lost) return null;
          lost = true;
          return {
            status: 400,
            headers: { "content-type": "application/problem+json", "replay-nonce": "x" },
            body: '{"type":"urn:ietf:params:acme:error:accountDoesNotExist","detail":"no such account"}',
          };
        };
        const third = await stage.protect("third.example");
        await stage.rounds(async () => (await stage.certificates.list(third)).items[0]?.why != null);
        stage.aheadMs = 10 * MINUTE_MS;
        await stage.rounds(() => shownFor(stage, "third.example") !== undefined);
      },
      {
        settings: { acmeExternalAccount: { keyId: "kid-1", macKeyFile } },
        externalAccount: { keyId: "kid-1", macKey },
      },
    );
  },
);

test(
  "certificates survive a restart, and no private key is where it should not be",
  { timeout: 180_000 },
  () =>
    withStage(async (stage) => {
      const siteId = await stage.protect("shop.example");
      await stage.rounds(() => shownFor(stage, "shop.example") !== undefined);
      const before = shownFor(stage, "shop.example");
      const ordersBefore = stage.acme.made.orders;
      stage.edge.certificates.clear();
      await stage.reopen();
      await stage.rounds(() => shownFor(stage, "shop.example") !== undefined);
      assert.deepEqual(shownFor(stage, "shop.example"), before);
      assert.equal(stage.acme.made.orders, ordersBefore);
      const body = (before?.keyPem ?? "").split("\n")[1] ?? "";
      assert.ok(body.length >= 40);
      const tables = await stage.db.query<{ name: string }>(
        "select table_name as name from information_schema.tables where table_schema = 'public'",
      );
      assert.ok(tables.length > 20);
      for (const { name } of tables) {
        const found = await stage.db.query(
          `select 1 from "${name}" t where t::text like $1 or t::text like $2 limit 1`,
          [`%${body}%`, "%PRIVATE KEY%"],
        );
        assert.equal(found.length, 0, `a key in clear in ${name}`);
      }
      const words = JSON.stringify([
        await stage.certificates.list(siteId),
        [...(await stage.certificates.forHostnames(siteId))],
        stage.alarms,
        [...stage.edge.policies.values()],
      ]);
      assert.ok(!words.includes("PRIVATE KEY") && !words.includes(body));
      const [taken] = await stage.certificates.exportOf(siteId);
      assert.equal(taken?.keyPem, before?.keyPem, "its owner may take it along");
    }),
);

test(
  "a site that leaves takes its certificates off every edge, and their keys out of the database",
  { timeout: 180_000 },
  () =>
    withStage(async (stage) => {
      const siteId = await stage.protect("shop.example");
      await stage.rounds(() => shownFor(stage, "shop.example") !== undefined);
      await stage.sites.unprotect("shop.example");
      await stage.rounds(() => stage.edge.certificates.size === 0);
      const last = stage.edge.received.at(-1);
      assert.deepEqual([last?.hostnames, last?.keyPem, last?.chainPem], [[], "", ""]);
      assert.deepEqual(await stage.db.query("select 1 from certificate_secret"), []);
      assert.equal((await stage.certificates.list(siteId)).total, 0);
    }),
);
