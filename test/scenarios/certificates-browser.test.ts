/**
 * The whole way on real parts: a site is added to an instance, its certificate is asked of a real authority (pebble) and proved
 * through the real edge, and a real browser reads the site over HTTPS. That the chain is pebble's is verified by Node against pebble's
 * root; the browser is told to trust the authority's intermediate alone, and without that refuses the page, as it should.
 */
import assert from "node:assert/strict";
import { createHash, X509Certificate } from "node:crypto";
import { cpSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { connect, type DetailedPeerCertificate, type TLSSocket } from "node:tls";
import { chromium, type Browser } from "playwright-core";
import { buildEdge } from "../../src/cli/build-edge.ts";
import { ROOT } from "../../src/cli/data-dir.ts";
import { startInstance, type Instance } from "../../src/cli/instance.ts";
import { readSettings } from "../../src/cli/settings.ts";
import { templateFolder } from "../../src/store/testing.ts";
import { freePort } from "../../src/node/free-port.ts";
import { openAcme, type AcmeStage } from "./acme-stage.ts";
import { openOrigin, until, type Origin } from "./edge-stage.ts";

const HOST = "lantern.example";
const CHROMIUM_ARGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

type Whole = {
  readonly instance: Instance;
  readonly acme: AcmeStage;
  readonly origin: Origin;
  readonly httpPort: number;
  readonly tlsPort: number;
  readonly dataDir: string;
  restart(): Promise<void>;
  end(): Promise<void>;
};

async function openWhole(): Promise<Whole> {
  await buildEdge({ outDir: join(ROOT, "build/edge") });
  const dataDir = mkdtempSync(join(tmpdir(), "parapet-whole-"));
  mkdirSync(dataDir, { recursive: true });
  cpSync(await templateFolder(), join(dataDir, "database"), { recursive: true });
  const [httpPort, tlsPort, controlPort] = [await freePort(), await freePort(), await freePort()];
  const acme = await openAcme({ httpPort });
  const origin = await openOrigin((asked, answer) => {
    answer.setHeader("content-type", "text/html; charset=utf-8");
    answer.end(`<!doctype html><title>Lantern</title><h1>Behind the wall</h1><p>${asked.url ?? ""}</p>`);
  });
  const settings = readSettings({
    dataDir,
    overrides: {
      controlListen: `127.0.0.1:${controlPort}`,
      edgeListen: `127.0.0.1:${httpPort}`,
      edgeListenTls: `127.0.0.1:${tlsPort}`,
      edgeWorkers: 2,
      demoListen: "",
      logOrigin: "lantern.example/log",
      acmeDirectory: acme.directory,
      acmeCaFile: acme.caFile,
      dnsServers: [acme.dnsAddress],
    },
  });
  let instance = await startInstance({ settings }).catch(async (error: unknown) => {
    await acme.end();
    await origin.end();
    throw error;
  });
  return {
    get instance() {
      return instance;
    },
    acme,
    origin,
    httpPort,
    tlsPort,
    dataDir,
    async restart() {
      await instance.stop();
      instance = await startInstance({ settings });
    },
    async end() {
      await instance.stop();
      await acme.end();
      await origin.end();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

/** The chain that the edge shows for a name, verified against `ca`; rejects when it is not the authority's. */
function handshake(whole: Whole, ca: string): Promise<DetailedPeerCertificate> {
  return new Promise((resolve, reject) => {
    const socket: TLSSocket = connect(
      { host: "127.0.0.1", port: whole.tlsPort, servername: HOST, ca, ALPNProtocols: ["http/1.1"] },
      () => {
        const chain = socket.getPeerCertificate(true);
        socket.destroy();
        resolve(chain);
      },
    );
    socket.setTimeout(5000, () => socket.destroy(new Error("The handshake took too long")));
    socket.on("error", reject);
  });
}

async function shown(whole: Whole): Promise<boolean> {
  return handshake(whole, whole.acme.rootPem).then(
    () => true,
    () => false,
  );
}

const spki = (certificate: X509Certificate): string =>
  createHash("sha256")
    .update(certificate.publicKey.export({ type: "spki", format: "der" }))
    .digest("base64");

async function browse(whole: Whole, trusted: string | null): Promise<Browser> {
  return chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: [
      ...CHROMIUM_ARGS,
      `--host-resolver-rules=MAP ${HOST}:443 127.0.0.1:${whole.tlsPort}`,
      ...(trusted === null ? [] : [`--ignore-certificate-errors-spki-list=${trusted}`]),
    ],
  });
}

test(
  "a site is added; a certificate is issued through the real edge; a browser reads the site over HTTPS",
  { timeout: 180_000 },
  async () => {
    const whole = await openWhole();
    try {
      await whole.instance.sites.protect({
        hostname: HOST,
        originUrl: `http://127.0.0.1:${whole.origin.port}`,
        account: "Lantern keepers",
      });
      assert.equal(await shown(whole), false, "no certificate before one is issued");
      await until(() => shown(whole), 60_000);
      const chain = await handshake(whole, whole.acme.rootPem);
      assert.equal(chain.subjectaltname, `DNS:${HOST}`);
      assert.match(String(chain.issuerCertificate.subject.CN), /^Pebble Intermediate CA/);
      const root = new X509Certificate(whole.acme.rootPem);
      const intermediate = new X509Certificate(chain.issuerCertificate.raw);
      assert.ok(intermediate.verify(root.publicKey), "signed by pebble's root of this very run");
      assert.equal(whole.acme.made.orders, 1);
      assert.equal(whole.origin.requests.filter((each) => each.url.startsWith("/.well-known/")).length, 0);

      const browser = await browse(whole, spki(intermediate));
      try {
        const page = await (await browser.newContext()).newPage();
        const answer = await page.goto(`https://${HOST}/harbour?x=1`);
        assert.equal(answer?.status(), 200);
        assert.equal(await page.title(), "Lantern");
        assert.equal(await page.locator("h1").textContent(), "Behind the wall");
        assert.equal(await page.locator("p").textContent(), "/harbour?x=1");
        assert.equal(await page.evaluate("window.isSecureContext && location.protocol"), "https:");
        const security = await answer?.securityDetails();
        assert.match(security?.issuer ?? "", /^Pebble Intermediate CA/);
        assert.match(security?.protocol ?? "", /^TLS 1\.[23]$/);
      } finally {
        await browser.close();
      }
      const wary = await browse(whole, null);
      try {
        const page = await (await wary.newContext()).newPage();
        await assert.rejects(page.goto(`https://${HOST}/`), /ERR_CERT_AUTHORITY_INVALID/);
      } finally {
        await wary.close();
      }

      // The same certificate after a restart of everything, without asking the authority again.
      await whole.restart();
      await until(() => shown(whole), 30_000);
      assert.equal((await handshake(whole, whole.acme.rootPem)).fingerprint256, chain.fingerprint256);
      assert.equal(whole.acme.made.orders, 1);
      const site = (await whole.instance.sites.list()).items[0];
      assert.ok(site);
      await until(async () => {
        const [view] = (await whole.instance.certificates.list(site.siteId)).items;
        return view?.state === "valid" && view.inForce.acked === 1 && view.inForce.of === 1;
      }, 30_000);
    } finally {
      await whole.end();
    }
  },
);
