/**
 * An owner's own certificate: in force at once, before one that was asked for; out again, and the asked one takes its place. And
 * over HTTP: who may, who may not, and that a key never comes back.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { CertificateView } from "../../src/contract/http-sites.ts";
import type { Page } from "../../src/contract/http.ts";
import { enrol, expectOk, startControl } from "../../src/api/testing.ts";
import { openTestAuthority } from "../../src/sites/certificates-testing.ts";
import { openCertificatesStage, shownFor } from "./certificates-stage.ts";

const DAY_MS = 24 * 3_600_000;

test(
  "an uploaded certificate takes the place of the asked one, and gives it back",
  { timeout: 180_000 },
  async () => {
    const authority = openTestAuthority();
    const stage = await openCertificatesStage();
    try {
      const siteId = await stage.protect("shop.example");
      await stage.rounds(() => shownFor(stage, "shop.example") !== undefined);
      const asked = shownFor(stage, "shop.example");
      const made = authority.make({ names: ["shop.example", "*.shop.example"], until: "20280101000000Z" });
      const given = {
        kind: "server" as const,
        chainPem: made.certPem + authority.certPem,
        keyPem: made.keyPem,
      };
      const view = await stage.certificates.upload(siteId, given);
      assert.equal(view.source, "uploaded");
      assert.equal(view.state, "valid");
      await stage.rounds(() => shownFor(stage, "shop.example")?.certificateId === view.certificateId);
      assert.deepEqual(
        [...stage.edge.certificates.keys()],
        [view.certificateId],
        "the asked one was let go of",
      );
      assert.deepEqual(
        shownFor(stage, "shop.example")?.hostnames,
        ["shop.example"],
        "names of the site alone",
      );
      await stage.rounds(async () =>
        (await stage.certificates.list(siteId)).items.every((each) => each.inForce.acked === 1),
      );
      await assert.rejects(stage.certificates.upload(siteId, given), { code: "state.conflict" });
      await assert.rejects(stage.certificates.renew(siteId, view.certificateId), /upload its successor/);
      await assert.rejects(
        stage.certificates.upload(siteId, {
          ...given,
          keyPem: authority.make({ names: ["x.example"] }).keyPem,
        }),
        {
          code: "input.invalid",
        },
      );

      // A certificate of another site is not there, whoever knows its id.
      const other = await stage.protect("other.example", "Somebody else");
      await assert.rejects(stage.certificates.remove(other, view.certificateId), { code: "state.not-found" });
      await assert.rejects(stage.certificates.renew(other, view.certificateId), { code: "state.not-found" });

      // Near its end somebody is told; at its end the asked one takes over by itself.
      stage.aheadMs = Date.UTC(2027, 11, 28) - Date.now();
      await stage.reopen();
      await stage.rounds(() =>
        stage.alarms.some(
          (alarm) => alarm.code === "certificate.ending" && /upload its successor/.test(alarm.what),
        ),
      );
      stage.aheadMs += 10 * DAY_MS;
      await stage.rounds(() => shownFor(stage, "shop.example")?.certificateId === asked?.certificateId);
      stage.aheadMs = 0;
      await stage.rounds(() => shownFor(stage, "shop.example") !== undefined);

      await stage.certificates.remove(siteId, view.certificateId);
      await stage.rounds(() => shownFor(stage, "shop.example")?.certificateId === asked?.certificateId);
      assert.equal((await stage.certificates.list(siteId)).total, 1);
      const kept = await stage.db.query("select 1 from certificate_secret where certificate_id = $1", [
        view.certificateId,
      ]);
      assert.equal(kept.length, 0, "its key is forgotten");
    } finally {
      await stage.end();
      authority.end();
    }
  },
);

test(
  "a deleted certificate of a name that stays is asked for anew, with another key, not at once again and again",
  { timeout: 180_000 },
  async () => {
    const stage = await openCertificatesStage();
    try {
      const siteId = await stage.protect("shop.example");
      await stage.rounds(() => shownFor(stage, "shop.example") !== undefined);
      const before = shownFor(stage, "shop.example");
      await assert.rejects(stage.certificates.renew(siteId, before!.certificateId), { code: "limit.rate" });
      const after = await stage.certificates.remove(siteId, before!.certificateId);
      assert.equal(after.total, 1);
      assert.notEqual(after.items[0]?.certificateId, before?.certificateId);
      assert.equal(after.items[0]?.state, "waiting");
      assert.ok(Date.parse(after.items[0]?.nextTryAt ?? "") > Date.now() + 10_000);
      stage.aheadMs = 5 * 60_000;
      await stage.rounds(() => shownFor(stage, "shop.example") !== undefined);
      assert.notEqual(shownFor(stage, "shop.example")?.keyPem, before?.keyPem);
    } finally {
      await stage.end();
    }
  },
);

test(
  "over HTTP: an owner uploads and deletes, a stranger finds nothing, and no answer holds a key",
  { timeout: 180_000 },
  async () => {
    const server = await startControl();
    const authority = openTestAuthority();
    try {
      await server.sites.protect({ hostname: "shop.example", originUrl: server.originUrl, account: "Shop" });
      const owner = await enrol(server, {
        name: "Olga",
        email: "olga@shop.example",
        roles: ["customer"],
        account: "Shop",
      });
      await server.sites.protect({
        hostname: "other.example",
        originUrl: server.originUrl,
        account: "Other",
      });
      const stranger = await enrol(server, {
        name: "Sam",
        email: "sam@other.example",
        roles: ["customer"],
        account: "Other",
      });
      const site = (await server.sites.list()).items.find((each) => each.account === "Shop");
      const path = `/api/v1/sites/${site?.siteId}/certificates`;
      const made = authority.make({ names: ["shop.example"] });
      const body = { kind: "server", chainPem: made.certPem + authority.certPem, keyPem: made.keyPem };
      const secret = made.keyPem.split("\n")[1] ?? "";

      const answer = await expectOk(owner.browser.send("POST", path, body));
      const text = await answer.text();
      assert.ok(!text.includes(secret) && !text.includes("PRIVATE"));
      const view = JSON.parse(text) as CertificateView;
      assert.deepEqual([view.state, view.source, view.hostnames], ["valid", "uploaded", ["shop.example"]]);
      const list = (await (await expectOk(owner.browser.get(path))).json()) as Page<CertificateView>;
      assert.deepEqual(list.items, [view]);

      for (const wrong of [
        { ...body, keyPem: authority.make({ names: ["shop.example"] }).keyPem },
        { ...body, kind: "both" },
        { ...body, more: 1 },
        { ...body, chainPem: "x".repeat(70_000) },
        { ...body, chainPem: 7 },
      ]) {
        const refused = await owner.browser.send("POST", path, wrong);
        assert.equal(refused.status, 422);
        assert.ok(!(await refused.text()).includes(secret));
      }
      for (const [method, at] of [
        ["POST", path],
        ["DELETE", `${path}/${view.certificateId}`],
        ["POST", `${path}/${view.certificateId}/renew`],
      ] as const) {
        const refused = await stranger.browser.send(
          method,
          at,
          method === "POST" && at === path ? body : null,
        );
        assert.equal(refused.status, 404, `${method} ${at}`);
      }
      assert.equal((await stranger.browser.get(path)).status, 404);
      assert.equal(
        (await owner.browser.send("POST", `${path}/${view.certificateId}/renew`, null)).status,
        409,
      );
      const left = (await (
        await expectOk(owner.browser.send("DELETE", `${path}/${view.certificateId}`, null))
      ).json()) as Page<CertificateView>;
      assert.equal(left.total, 0);
      assert.ok(!JSON.stringify(server.alarms).includes(secret));
    } finally {
      await server.close();
      authority.end();
    }
  },
);
