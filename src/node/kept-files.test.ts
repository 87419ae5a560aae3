import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { SiteId } from "../contract/ids.ts";
import { newPolicy } from "../contract/new-policy.ts";
import { singleOrigin } from "../contract/origin-pool.ts";
import type { SitePolicy } from "../contract/policy.ts";
import { CERTIFICATE_FILES, decodeKept, encodeKept, KeptFiles, POLICY_FILES } from "./kept-files.ts";

const policy = (version: number): SitePolicy =>
  newPolicy({
    siteId: `site_${"0".repeat(26)}` as SiteId,
    version,
    hostnames: ["a.example"],
    origin: singleOrigin("http", "192.0.2.1", 80),
  });

test("a policy file cut at any byte, or with any byte changed, is not a policy", () => {
  const whole = encodeKept(POLICY_FILES, policy(1));
  assert.deepEqual(decodeKept(POLICY_FILES, whole), { ok: true, value: policy(1) });
  for (let bytes = 0; bytes < whole.length; bytes++) {
    assert.equal(decodeKept(POLICY_FILES, whole.subarray(0, bytes)).ok, false, `${bytes} bytes`);
    const changed = Buffer.from(whole);
    changed[bytes] = (changed[bytes] ?? 0) ^ 1;
    assert.equal(decodeKept(POLICY_FILES, changed).ok, false, `byte ${bytes}`);
  }
  assert.equal(decodeKept(POLICY_FILES, Buffer.alloc(1024 * 1024, 65)).ok, false);
  assert.equal(decodeKept(CERTIFICATE_FILES, whole).ok, false, "a policy is no certificate");
});

test("what is no id becomes no file name", async () => {
  const folder = mkdtempSync(join(tmpdir(), "parapet-kept-files-"));
  try {
    const store = new KeptFiles(folder, CERTIFICATE_FILES);
    for (const id of ["", "..", "../policies/x", "cert_A", "cert_1/2", "cert_1\0"])
      await assert.rejects(store.save(id, {}), /without an id/, JSON.stringify(id));
    assert.deepEqual(readdirSync(store.folder), []);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("what was saved is loaded; what is broken is moved aside and kept", async () => {
  const folder = mkdtempSync(join(tmpdir(), "parapet-kept-files-"));
  try {
    const store = new KeptFiles(folder, POLICY_FILES);
    await store.save(policy(1).siteId, policy(1));
    await store.save(policy(2).siteId, policy(2));
    writeFileSync(join(store.folder, "site_broken.policy"), "parapet-policy-1 00 5\nhello");
    writeFileSync(join(store.folder, "half.policy.new"), "left by a crash");
    const loaded = store.load();
    assert.deepEqual(
      loaded.values.map(({ value }) => value),
      [policy(2)],
    );
    assert.deepEqual(
      loaded.broken.map(({ file }) => file),
      ["site_broken.policy"],
    );
    assert.equal(readdirSync(store.quarantine).length, 1);
    assert.equal(store.load().broken.length, 0);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
