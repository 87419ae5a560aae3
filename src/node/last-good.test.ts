import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { SiteId } from "../contract/ids.ts";
import { newPolicy } from "../contract/new-policy.ts";
import { singleOrigin } from "../contract/origin-pool.ts";
import type { SitePolicy } from "../contract/policy.ts";
import { decodePolicyFile, encodePolicyFile, LastGood } from "./last-good.ts";

const policy = (version: number): SitePolicy =>
  newPolicy({
    siteId: `site_${"0".repeat(26)}` as SiteId,
    version,
    hostnames: ["a.example"],
    origin: singleOrigin("http", "192.0.2.1", 80),
  });

test("a policy file cut at any byte, or with any byte changed, is not a policy", () => {
  const whole = encodePolicyFile(policy(1));
  assert.deepEqual(decodePolicyFile(whole), { ok: true, value: policy(1) });
  for (let bytes = 0; bytes < whole.length; bytes++) {
    assert.equal(decodePolicyFile(whole.subarray(0, bytes)).ok, false, `${bytes} bytes`);
    const changed = Buffer.from(whole);
    changed[bytes] = (changed[bytes] ?? 0) ^ 1;
    assert.equal(decodePolicyFile(changed).ok, false, `byte ${bytes}`);
  }
  assert.equal(decodePolicyFile(Buffer.alloc(1024 * 1024, 65)).ok, false);
});

test("what was saved is loaded; what is broken is moved aside and kept", async () => {
  const folder = mkdtempSync(join(tmpdir(), "parapet-last-good-"));
  try {
    const store = new LastGood(folder);
    await store.save(policy(1));
    await store.save(policy(2));
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
