import assert from "node:assert/strict";
import { test } from "node:test";
import { CERTIFICATE_STATES, HOSTNAME_STATES, SITE_ROLE_NEEDED } from "../../contract/http-sites.ts";
import type { UserId } from "../../contract/ids.ts";
import { singleOrigin } from "../../contract/origin-pool.ts";
import { newSiteSettings } from "../../contract/site-settings.ts";
import { ENGLISH } from "../words/english.ts";
import { FRENCH } from "../words/french.ts";
import { changesBetween } from "./draft.ts";
import { whyMemberStays, whyNotMay, whyNotSave, type SiteAct } from "./may.ts";
import { countByPart, isPart, PART_NAMES, partOf } from "./parts.ts";
import { CERTIFICATE_TONE, HOSTNAME_TONE, setupSteps } from "./states.ts";

const words = ENGLISH;

test("every state of a hostname and of a certificate has a tone and a word in both languages", () => {
  for (const state of HOSTNAME_STATES)
    for (const language of [ENGLISH, FRENCH])
      assert.ok(HOSTNAME_TONE[state] && language.site.hostnameState[state]);
  for (const state of CERTIFICATE_STATES)
    for (const language of [ENGLISH, FRENCH])
      assert.ok(CERTIFICATE_TONE[state] && language.site.certificateState[state]);
});

test("nothing after the proof is open before the proof, whatever DNS and certificate say", () => {
  for (const state of ["unproven", "conflict"] as const)
    for (const certificate of CERTIFICATE_STATES)
      assert.deepEqual(setupSteps({ state, leadsHere: "yes", certificate: { state: certificate } }), {
        proof: "now",
        certificate: "later",
        look: "later",
        records: "later",
      });
});

test("a site is set up when the name is proven, has a certificate and leads here; a lapsing proof is asked for again, and closes nothing", () => {
  const steps = setupSteps({ state: "proven", leadsHere: "yes", certificate: { state: "expiring" } });
  assert.deepEqual(Object.values(steps), ["done", "done", "done", "done"]);
  const lapsing = setupSteps({ state: "lapsing", leadsHere: "yes", certificate: { state: "valid" } });
  assert.deepEqual(Object.values(lapsing), ["now", "done", "done", "done"]);
  for (const state of ["none", "waiting", "issuing", "expired", "failed"] as const)
    assert.equal(
      setupSteps({ state: "proven", leadsHere: "yes", certificate: { state } }).certificate,
      "now",
    );
  assert.equal(
    setupSteps({ state: "proven", leadsHere: "unknown", certificate: { state: "valid" } }).records,
    "now",
  );
});

test("a viewer reads and changes nothing; an editor does not touch members; an owner and the operator may all", () => {
  for (const act of Object.keys(SITE_ROLE_NEEDED) as SiteAct[]) {
    assert.equal(whyNotMay("owner", { act, words }), null);
    assert.equal(whyNotMay("operator", { act, words }), null);
    const reads = act.startsWith("GET ") && act !== "GET /sites/{siteId}/export";
    assert.equal(whyNotMay("viewer", { act, words }) === null, reads, act);
  }
  assert.match(whyNotMay("editor", { act: "PUT /sites/{siteId}/members", words }) ?? "", /owner/i);
});

test("the last owner stays, another owner may go", () => {
  const owner = { userId: "user_a" as UserId, role: "owner" } as const;
  const second = { userId: "user_b" as UserId, role: "owner" } as const;
  const viewer = { userId: "user_c" as UserId, role: "viewer" } as const;
  const stays = (members: Parameters<typeof whyMemberStays>[1]["members"], of = owner) =>
    whyMemberStays(of, { members, role: "owner", words });
  assert.equal(stays([owner, viewer]), words.site.members.lastOwner);
  assert.equal(stays([owner, second]), null);
  assert.equal(whyMemberStays(viewer, { members: [owner, viewer], role: "owner", words }), null);
  assert.notEqual(whyMemberStays(viewer, { members: [owner, viewer], role: "editor", words }), null);
});

test("saving is off with a reason: without the right, with an unread number, with nothing changed", () => {
  assert.equal(whyNotSave({ role: "editor", changes: 1, unread: 0, words }), null);
  assert.equal(whyNotSave({ role: "editor", changes: 0, unread: 0, words }), words.site.draft.nothing);
  assert.equal(whyNotSave({ role: "editor", changes: 1, unread: 1, words }), words.site.draft.unread);
  assert.notEqual(whyNotSave({ role: "viewer", changes: 1, unread: 0, words }), null);
});

test("every value of the settings belongs to one part that has an address and a name", () => {
  const settings = newSiteSettings({
    origin: singleOrigin("https", "192.0.2.1", 443),
    limit: { requestsPerSecond: 1, burst: 1 },
    bodyBytesMax: 1,
  });
  const paths = changesBetween({}, settings).map(({ path }) => path);
  assert.ok(paths.length > 35, String(paths.length));
  for (const path of paths) assert.ok(partOf(path) !== null || path === "", path);
  for (const name of PART_NAMES) assert.ok(words.site.part[name] && FRENCH.site.part[name]);
  assert.ok(!isPart("constructor"));
  assert.deepEqual(countByPart(["limit.burst", "bodyBytesMax", "settings.tls.hstsSeconds", "no"]), {
    limits: 2,
    https: 1,
  });
});
