/** Ten thousand certificates on one node, and more than its memory holds: what fits is shown, what does not is told, and nobody else notices. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { EdgeCertificate } from "../../src/contract/certificate.ts";
import { newId, type CertificateId, type SiteId } from "../../src/contract/ids.ts";
import { CERTIFICATE_FILES, encodeKept } from "../../src/node/kept-files.ts";
import { dns, makeTestLeaf, newEcKey } from "../../src/node/certificate-testing.ts";
import { startNode } from "../../src/node/node.ts";
import { newSiteId, openOrigin, openStage, policyFor, type Stage } from "./edge-stage.ts";
import { giveCertificate, serialOf, shake } from "./tls-stage.ts";

const TLS = { listenTls: "127.0.0.1:0" };
const key = newEcKey();

/** `bytes`: how long the chain is at least, as those of real authorities are. */
function certificateOf(siteId: SiteId, n: number, bytes: number): EdgeCertificate {
  const name = `n${n}.many.example`;
  const padding = { kind: "uri", bytes: Buffer.alloc(Math.floor((bytes * 48) / 65), 97) } as const;
  return {
    schema: 1,
    certificateId: newId<CertificateId>("cert", (length) => randomBytes(length)),
    siteId,
    kind: "server",
    version: 1,
    hostnames: [name],
    ...makeTestLeaf({ names: [dns(name), padding], key, serial: n }),
  };
}

/** A node that ran before, with these certificates on its disk, starts with its control plane dead. */
async function restartWith(stage: Stage, certificates: readonly EdgeCertificate[]): Promise<number> {
  await stage.node.stop();
  const folder = join(stage.dataDir, "edge/certificates");
  mkdirSync(folder, { recursive: true });
  for (const one of certificates)
    writeFileSync(join(folder, `${one.certificateId}.certificate`), encodeKept(CERTIFICATE_FILES, one));
  const began = performance.now();
  stage.node = await startNode(stage.options);
  return performance.now() - began;
}

async function serialShown(stage: Stage, n: number): Promise<string> {
  const shown = await shake(stage.node.tlsAddress ?? "", `n${n}.many.example`);
  return "serial" in shown ? shown.serial : "none";
}

const countLoaded = (stage: Stage): number =>
  Number(/, (\d+) certificates/.exec(lastLoaded(stage))?.[1] ?? Number.NaN);
const lastLoaded = (stage: Stage): string =>
  readFileSync(join(stage.dataDir, "edge/error.log"), "utf8")
    .split("\n")
    .filter((line) => line.includes("loaded from the snapshots: "))
    .at(-1) ?? "";

test("ten thousand certificates of six kilobytes fit one node; each name gets its own", async (t) => {
  const origin = await openOrigin();
  const stage = await openStage(TLS);
  const siteId = newSiteId();
  try {
    await stage.apply(policyFor(origin.port, { siteId, hostnames: ["*.many.example"] }));
    const many = Array.from({ length: 10_000 }, (_, n) => certificateOf(siteId, n, 5_500));
    const startMs = await restartWith(stage, many);
    t.diagnostic(`start with 10,000 certificates: ${Math.round(startMs)} ms`);
    assert.equal(countLoaded(stage), many.length);
    for (const n of [0, 1, 4_999, 5_000, 9_998, 9_999])
      assert.equal(await serialShown(stage, n), serialOf(many[n]!));
    // One more, live, and one that is let go of.
    const more = certificateOf(siteId, 10_000, 5_500);
    assert.equal((await giveCertificate(stage, more)).ok, true);
    assert.equal(await serialShown(stage, 10_000), serialOf(more));
    const gone = { ...many[1]!, hostnames: [], chainPem: "", keyPem: "", version: 2 };
    assert.equal((await giveCertificate(stage, gone)).ok, true);
    assert.equal(await serialShown(stage, 1), "none");
    assert.equal(await serialShown(stage, 2), serialOf(many[2]!));
    await stage.node.reload();
    assert.equal(await serialShown(stage, 10_000), serialOf(more));
    assert.deepEqual(stage.alarms, []);
  } finally {
    await stage.end();
    await origin.end();
  }
});

test("more certificates than memory holds: those that fit are shown, the others are told of, and a successor finds no room either", async () => {
  const origin = await openOrigin();
  const stage = await openStage(TLS);
  const siteId = newSiteId();
  try {
    await stage.apply(policyFor(origin.port, { siteId, hostnames: ["*.many.example"] }));
    // As long as a chain may be: two thousand are more than 128 MB.
    const large = Array.from({ length: 2_100 }, (_, n) => certificateOf(siteId, n, 64_000));
    await restartWith(stage, large);
    const loaded = countLoaded(stage);
    assert.ok(loaded > 1_500 && loaded < large.length, `${loaded} loaded`);
    const shown = await Promise.all([0, 700, 1_400, 2_099].map((n) => serialShown(stage, n)));
    assert.ok(shown.filter((serial) => serial !== "none").length >= 2, shown.join());
    const told = stage.alarms.filter(({ code }) => code === "edge.memory-full");
    assert.equal(told.length, 1, JSON.stringify(stage.alarms.slice(0, 3)));
    assert.match(told[0]!.what, new RegExp(`^${large.length - loaded} `));
    const ack = await giveCertificate(stage, certificateOf(siteId, 5_000, 64_000));
    assert.ok(!ack.ok);
    assert.match(ack.why, /no memory for the certificate/);
    assert.ok(
      stage.alarms.some(({ code, what }) => code === "edge.certificate-refused" && /no memory/.test(what)),
    );
    // What was shown still is, and small ones find their place between the large ones.
    assert.deepEqual(await Promise.all([0, 700, 1_400, 2_099].map((n) => serialShown(stage, n))), shown);
    assert.equal((await stage.send({ host: "n1.many.example" })).status, 200);
  } finally {
    await stage.end();
    await origin.end();
  }
});
