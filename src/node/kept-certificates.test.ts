import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import type { EdgeCertificate } from "../contract/certificate.ts";
import type { CertificateId, SiteId } from "../contract/ids.ts";
import { CERTIFICATE_FILES, decodeKept, encodeKept, KeptFiles } from "./kept-files.ts";

const certificate = (digit: string, version = 1): EdgeCertificate => ({
  schema: 1,
  certificateId: `cert_${digit.repeat(26)}` as CertificateId,
  siteId: `site_${"0".repeat(26)}` as SiteId,
  kind: "server",
  version,
  hostnames: ["forum.example"],
  chainPem: "a chain",
  keyPem: "a key",
  notAfterMs: 1,
});

async function withFolder(play: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "parapet-certificates-"));
  try {
    await play(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const save = (store: KeptFiles, one: EdgeCertificate): Promise<void> => store.save(one.certificateId, one);
const fileOf = (id: string): string => `${id}.certificate`;
const modeOf = (path: string): number => statSync(path).mode & 0o777;

test("a file cut at any byte, with any byte changed, or with more behind it, is no certificate", () => {
  const whole = encodeKept(CERTIFICATE_FILES, certificate("0"));
  assert.deepEqual(decodeKept(CERTIFICATE_FILES, whole), { ok: true, value: certificate("0") });
  for (let bytes = 0; bytes < whole.length; bytes++) {
    assert.equal(decodeKept(CERTIFICATE_FILES, whole.subarray(0, bytes)).ok, false, `${bytes} bytes`);
    const changed = Buffer.from(whole);
    changed[bytes] = (changed[bytes] ?? 0) ^ 1;
    assert.equal(decodeKept(CERTIFICATE_FILES, changed).ok, false, `byte ${bytes}`);
  }
  assert.equal(decodeKept(CERTIFICATE_FILES, Buffer.concat([whole, Buffer.from("\n")])).ok, false);
  assert.match(JSON.stringify(decodeKept(CERTIFICATE_FILES, Buffer.alloc(1024 * 1024, 65))), /larger/);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      assert.equal(decodeKept(CERTIFICATE_FILES, Buffer.from(bytes)).ok, false);
    }),
  );
});

test("the last version that was saved is loaded; what is broken, too large, or no file is set aside and the others load", () =>
  withFolder(async (folder) => {
    const store = new KeptFiles(folder, CERTIFICATE_FILES);
    await save(store, certificate("0", 1));
    await save(store, certificate("0", 2));
    await save(store, certificate("1"));
    const inside = join(folder, "certificates");
    const cut = certificate("2");
    await save(store, cut);
    truncateSync(join(inside, fileOf(cut.certificateId)), 40);
    writeFileSync(join(inside, "huge.certificate"), "");
    truncateSync(join(inside, "huge.certificate"), 3 * 1024 ** 3); // More than one read can take; no byte of it is on disk.
    mkdirSync(join(inside, "folder.certificate"));
    symlinkSync("/nonexistent", join(inside, "dangling.certificate"));
    writeFileSync(join(inside, "half.certificate.new"), "left by a crash");
    const loaded = store.load();
    assert.deepEqual(
      loaded.values.map(({ value }) => value),
      [certificate("0", 2), certificate("1")],
    );
    assert.deepEqual(
      loaded.broken.map(({ file, why }) => `${file}: ${why}`),
      [
        `${fileOf(cut.certificateId)}: Its first line is cut off`,
        "dangling.certificate: It cannot be read (ENOENT)",
        "folder.certificate: It is no file",
        "huge.certificate: It is larger than a certificate may be",
      ],
    );
    assert.equal(readdirSync(store.quarantine).length, 4);
    assert.deepEqual(store.load().broken, []);
    for (const id of ["../../etc/passwd", "cert_", "", "cert_x/y"])
      assert.throws(() => store.fileOf(id), /without an id/);
  }));

test("nobody else may read a key, whatever modes were there before", () =>
  withFolder(async (folder) => {
    const inside = join(folder, "certificates");
    mkdirSync(inside);
    mkdirSync(join(folder, "quarantine"));
    chmodSync(inside, 0o777);
    chmodSync(join(folder, "quarantine"), 0o755);
    const path = join(inside, fileOf(certificate("0").certificateId));
    writeFileSync(`${path}.new`, "left by a crash");
    chmodSync(`${path}.new`, 0o666);
    const store = new KeptFiles(folder, CERTIFICATE_FILES);
    assert.deepEqual([modeOf(inside), modeOf(store.quarantine)], [0o700, 0o700]);
    await save(store, certificate("0"));
    assert.equal(modeOf(path), 0o600);
    assert.ok(!existsSync(`${path}.new`));
  }));

test("a save that fails leaves the file before as it was", () =>
  withFolder(async (folder) => {
    const store = new KeptFiles(folder, CERTIFICATE_FILES);
    await save(store, certificate("0", 1));
    const path = join(folder, "certificates", fileOf(certificate("0").certificateId));
    const before = readFileSync(path);
    mkdirSync(`${path}.new`);
    await assert.rejects(save(store, certificate("0", 2)), /EISDIR/);
    assert.deepEqual(readFileSync(path), before);
  }));
