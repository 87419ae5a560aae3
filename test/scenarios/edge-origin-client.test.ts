/** The certificate that a site shows to its origin comes back after a restart without a control plane, also when only the bus's copy is left on disk. */
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { singleOrigin } from "../../src/contract/origin-pool.ts";
import { startNode } from "../../src/node/node.ts";
import { newSiteId, openStage, policyFor } from "./edge-stage.ts";
import { newAuthority, openTlsOrigin } from "./tls-origins.ts";
import { certificateFor, giveCertificate } from "./tls-stage.ts";

test("an origin-client certificate is shown to the origin again after a restart from disk", async () => {
  const authority = newAuthority();
  const origin = await openTlsOrigin({
    certificates: { "origin.example": authority.issue("origin.example") },
    clientCaPem: authority.caPem,
  });
  const stage = await openStage({ originCaFile: authority.caFile });
  const siteId = newSiteId();
  const host = "forum.example";
  const shown = async (): Promise<string> => {
    const { status, body } = await stage.send({ host });
    assert.equal(status, 200, body);
    return origin.requests.at(-1)!.client;
  };
  try {
    const client = certificateFor(siteId, [host], authority.issue("edge-client"), { kind: "origin-client" });
    const single = singleOrigin("https", "127.0.0.1", origin.port);
    const tls = { ...single.tls, name: "origin.example", clientCertificateId: client.certificateId };
    const policy = policyFor(origin.port, { siteId, hostnames: [host], origin: { ...single, tls } });
    assert.ok((await stage.apply(policy)).ok);
    assert.equal(await shown(), "", "not there yet");
    assert.deepEqual((await giveCertificate(stage, client)).ok, true);
    assert.equal(await shown(), "edge-client");
    for (const isFolderGone of [false, true]) {
      await stage.node.stop();
      // What the way to origins reads is made anew from what was kept.
      if (isFolderGone) rmSync(join(stage.dataDir, "edge/origin-client"), { recursive: true });
      stage.node = await startNode({ ...stage.options, bus: null });
      assert.equal(await shown(), "edge-client", `folder gone: ${isFolderGone}`);
    }
    await stage.node.stop();
    stage.node = await startNode(stage.options);
    // Let go of: from then on nothing is shown, and a restart does not bring it back.
    const gone = { ...client, hostnames: [], chainPem: "", keyPem: "", version: client.version + 1 };
    assert.equal((await giveCertificate(stage, gone)).ok, true);
    assert.equal(await shown(), "");
    await stage.node.stop();
    stage.node = await startNode({ ...stage.options, bus: null });
    assert.equal(await shown(), "");
  } finally {
    await stage.end();
    await origin.end();
    authority.end();
  }
});
