/**
 * Wildcard certificates by DNS-01: through a real BIND with signed dynamic updates (RFC 2136, TSIG), and through a command of
 * the operator's. The authority's resolver asks the same servers, so that nothing counts as written before it is served.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { appendFileSync, chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { Resolver } from "node:dns/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { DnsUpdate } from "../../src/contract/settings.ts";
import { createDnsProof } from "../../src/sites/acme-dns.ts";
import { freePort } from "../../src/node/free-port.ts";
import { endChild } from "./acme-stage.ts";
import { openCertificatesStage, shownFor } from "./certificates-stage.ts";
import { until } from "./edge-stage.ts";
import { openSmallDns } from "./small-dns.ts";

const ZONE = "proofs.example";
const KEY_NAME = "parapet-key";
const SECRET = Buffer.from("a test secret of thirty-two bytes").toString("base64");

type Bind = {
  readonly port: number;
  readonly dir: string;
  readonly secretFile: string;
  end(): Promise<void>;
};

/** Debian's named with one zone that takes updates under one key. */
async function openBind(): Promise<Bind> {
  const dir = mkdtempSync(join(tmpdir(), "parapet-bind-"));
  const port = await freePort();
  writeFileSync(
    join(dir, "zone"),
    `$TTL 60\n@ IN SOA ns.${ZONE}. host.${ZONE}. 1 3600 600 86400 60\n@ IN NS ns.${ZONE}.\nns IN A 127.0.0.1\n* IN A 127.0.0.1\n`,
  );
  writeFileSync(
    join(dir, "named.conf"),
    `options { directory "${dir}"; listen-on port ${port} { 127.0.0.1; }; listen-on-v6 { none; }; recursion no;
      pid-file "${dir}/named.pid"; session-keyfile "${dir}/session.key"; dnssec-validation no; };
     controls { };
     key "${KEY_NAME}" { algorithm hmac-sha256; secret "${SECRET}"; };
     zone "${ZONE}" { type primary; file "${dir}/zone"; update-policy { grant ${KEY_NAME} subdomain ${ZONE}. TXT; }; };\n`,
  );
  const secretFile = join(dir, "tsig");
  writeFileSync(secretFile, `${SECRET}\n`, { mode: 0o600 });
  const named = spawn("named", ["-g", "-c", join(dir, "named.conf"), "-n", "1"], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  named.stderr.on("data", (part: Buffer) => (said += part.toString("utf8")));
  const resolver = new Resolver({ timeout: 500, tries: 1 });
  resolver.setServers([`127.0.0.1:${port}`]);
  await until(async () => {
    if (named.exitCode !== null) throw new Error(`named ended: ${said}`);
    return resolver.resolve4(`ns.${ZONE}`).then(
      () => true,
      () => false,
    );
  }, 15_000);
  return {
    port,
    dir,
    secretFile,
    async end() {
      await endChild(named);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

const rfc2136 = (bind: Bind, changes: object = {}): DnsUpdate => ({
  kind: "rfc2136",
  for: "wildcards",
  checkServers: null,
  server: `127.0.0.1:${bind.port}`,
  zone: null,
  tsigName: KEY_NAME,
  tsigAlgorithm: "hmac-sha256",
  tsigSecretFile: bind.secretFile,
  ...changes,
});

async function txt(bind: Bind, name: string): Promise<readonly string[]> {
  const resolver = new Resolver({ timeout: 1000, tries: 2 });
  resolver.setServers([`127.0.0.1:${bind.port}`]);
  return (await resolver.resolveTxt(name).catch(() => [])).map((chunks) => chunks.join(""));
}

test(
  "a wildcard is proved by a signed update of a real BIND, and the record is taken away",
  { timeout: 180_000 },
  async () => {
    const bind = await openBind();
    const stage = await openCertificatesStage({ settings: { dnsUpdate: rfc2136(bind) } });
    try {
      stage.acme.dns.forward = { zone: ZONE, port: bind.port };
      const siteId = await stage.protect(`*.shop.${ZONE}`);
      await stage.protect(`www.${ZONE}`);
      await stage.rounds(
        () => shownFor(stage, `*.shop.${ZONE}`) !== undefined && shownFor(stage, `www.${ZONE}`) !== undefined,
      );
      const leaf = new X509Certificate(shownFor(stage, `*.shop.${ZONE}`)?.chainPem ?? "");
      assert.equal(leaf.subjectAltName, `DNS:*.shop.${ZONE}`);
      assert.deepEqual(await txt(bind, `_acme-challenge.shop.${ZONE}`), []);
      assert.deepEqual(await stage.db.query("select 1 from acme_challenge"), []);
      assert.ok(
        stage.edge.asked.every((each) => each.host === `www.${ZONE}`),
        "the single name was proved over HTTP",
      );
      assert.equal((await stage.certificates.list(siteId)).items[0]?.state, "valid");
    } finally {
      await stage.end();
      await bind.end();
    }
  },
);

test(
  "a CNAME at _acme-challenge is followed, and every name may be proved in the DNS",
  { timeout: 180_000 },
  async () => {
    const bind = await openBind();
    const stage = await openCertificatesStage({
      settings: { dnsUpdate: rfc2136(bind, { for: "all", zone: ZONE }) },
    });
    try {
      stage.acme.dns.forward = { zone: ZONE, port: bind.port };
      stage.acme.dns.cnames.set("_acme-challenge.customer.example", `_acme-challenge.customer-1.${ZONE}`);
      await stage.protect("*.customer.example");
      await stage.protect("customer.example");
      // The authority's resolver has to follow the CNAME, too: the small server hands out both.
      const served = setInterval(() => {
        void txt(bind, `_acme-challenge.customer-1.${ZONE}`).then((values) =>
          stage.acme.dns.txt.set(`_acme-challenge.customer-1.${ZONE}`, [...values]),
        );
      }, 50);
      try {
        await stage.rounds(
          () =>
            shownFor(stage, "*.customer.example") !== undefined &&
            shownFor(stage, "customer.example") !== undefined,
          90_000,
        );
      } finally {
        clearInterval(served);
      }
      assert.deepEqual(stage.edge.asked, [], "nothing was proved over HTTP");
      assert.deepEqual(await txt(bind, `_acme-challenge.customer-1.${ZONE}`), []);
    } finally {
      await stage.end();
      await bind.end();
    }
  },
);

test("an alias leads to another name for proofs, and nowhere else in the zone", async () => {
  const dns = await openSmallDns();
  const proof = createDnsProof(
    { kind: "hook", for: "all", command: ["/bin/false"], checkServers: [] },
    { dnsServers: [dns.address], signal: AbortSignal.timeout(20_000) },
  );
  try {
    dns.set("_acme-challenge.shop.example", "CNAME", [`_acme-challenge.shop.${ZONE}`]);
    dns.set("_acme-challenge.twice.example", "CNAME", ["_acme-challenge.shop.example"]);
    dns.set("_acme-challenge.bad.example", "CNAME", [`_dmarc.${ZONE}`]);
    dns.set("_acme-challenge.late.example", "CNAME", ["_acme-challenge.bad.example"]);
    assert.equal(await proof.recordName("*.shop.example"), `_acme-challenge.shop.${ZONE}`);
    assert.equal(await proof.recordName("twice.example"), `_acme-challenge.shop.${ZONE}`);
    assert.equal(await proof.recordName("none.example"), "_acme-challenge.none.example");
    for (const name of ["bad.example", "late.example"])
      await assert.rejects(proof.recordName(name), /begins with "_acme-challenge\."/);
  } finally {
    await dns.end();
  }
});

test("a wrong secret is said, and never quoted", { timeout: 180_000 }, async () => {
  const bind = await openBind();
  try {
    const wrong = join(bind.dir, "wrong");
    const secret = Buffer.from("another secret that is not the one").toString("base64");
    writeFileSync(wrong, secret);
    const signal = new AbortController().signal;
    const record = { name: `_acme-challenge.${ZONE}`, value: "x" };
    const proof = createDnsProof(rfc2136(bind, { tsigSecretFile: wrong }), { dnsServers: [], signal });
    await assert.rejects(proof.present(record), (error: Error) => {
      assert.match(error.message, /nsupdate ended with \d+: .*(BADSIG|NOTAUTH)/);
      assert.ok(!error.message.includes(secret));
      return true;
    });
    writeFileSync(wrong, "send\nupdate add evil.example 60 A 192.0.2.1");
    await assert.rejects(proof.present(record), /one line of base64/);
    const right = createDnsProof(rfc2136(bind), { dnsServers: [], signal, shownMs: 100 });
    await assert.rejects(right.untilShown(record), /does not show it: check the zone/);
    await right.present(record);
    await right.untilShown(record);
    await right.cleanup(record);
    assert.deepEqual(await txt(bind, record.name), []);
    for (const name of ["a b", "a.example\nsend", ""]) {
      await assert.rejects(right.present({ name, value: "x" }), { code: "input.invalid" });
    }
    await assert.rejects(right.present({ name: "a.example", value: '"; send' }), { code: "input.invalid" });
  } finally {
    await bind.end();
  }
});

/** A command such as an operator writes: it keeps records in a file, a line each. */
const HOOK = `#!/bin/sh
set -eu
case "$2" in
  present) printf '%s %s\\n' "$3" "$4" >> "$1" ;;
  cleanup) grep -v -F "$4" "$1" > "$1.new" || true; mv "$1.new" "$1" ;;
esac
`;

test("a wildcard is proved by the operator's own command", { timeout: 180_000 }, async () => {
  const dir = mkdtempSync(join(tmpdir(), "parapet-hook-"));
  const file = join(dir, "records");
  const log = join(dir, "log");
  writeFileSync(file, "");
  writeFileSync(join(dir, "hook"), HOOK.replace("case", `printf '%s\\n' "$*" >> ${log}\ncase`));
  chmodSync(join(dir, "hook"), 0o755);
  const checkServers: string[] = [];
  const stage = await openCertificatesStage({
    settings: {
      dnsUpdate: { kind: "hook", for: "wildcards", checkServers, command: [join(dir, "hook"), file] },
    },
  });
  checkServers.push(stage.acme.dnsAddress);
  const served = setInterval(() => {
    stage.acme.dns.txt.clear();
    for (const line of readFileSync(file, "utf8").split("\n").filter(Boolean)) {
      const [name = "", value = ""] = line.split(" ");
      stage.acme.dns.txt.set(name, [...(stage.acme.dns.txt.get(name) ?? []), value]);
    }
  }, 20);
  try {
    await stage.protect("*.shop.example");
    await stage.rounds(() => shownFor(stage, "*.shop.example") !== undefined, 90_000);
    await stage.rounds(() => readFileSync(file, "utf8") === "");
    const calls = readFileSync(log, "utf8").trim().split("\n");
    assert.equal(calls.length, 2);
    assert.match(calls[0] ?? "", / present _acme-challenge\.shop\.example [A-Za-z0-9_-]{43}$/);
    assert.match(calls[1] ?? "", / cleanup _acme-challenge\.shop\.example [A-Za-z0-9_-]{43}$/);
  } finally {
    clearInterval(served);
    await stage.end();
    rmSync(dir, { recursive: true, force: true });
  }
});

test(
  "a command that fails, says too much or does not end is given up with its last words",
  { timeout: 180_000 },
  async () => {
    const dir = mkdtempSync(join(tmpdir(), "parapet-hook-"));
    const hook = (body: string): DnsUpdate => {
      const file = join(dir, "hook");
      writeFileSync(file, "");
      appendFileSync(file, `#!/bin/sh\n${body}\n`);
      chmodSync(file, 0o755);
      return { kind: "hook", for: "wildcards", checkServers: null, command: [file] };
    };
    const record = { name: "_acme-challenge.shop.example", value: "x" };
    const end = new AbortController();
    const proof = (update: DnsUpdate) => createDnsProof(update, { dnsServers: [], signal: end.signal });
    try {
      await assert.rejects(
        proof(hook("echo 'no such zone' >&2; exit 3")).present(record),
        /ended with 3: no such zone$/,
      );
      await assert.rejects(proof(hook("yes")).present(record), /said too much/);
      await assert.rejects(
        proof({
          kind: "hook",
          for: "wildcards",
          checkServers: null,
          command: [join(dir, "nothing")],
        }).present(record),
        /cannot be run/,
      );
      const slow = proof(hook("exec sleep 60")).present(record);
      setTimeout(() => end.abort(new Error("stop")), 200);
      await assert.rejects(slow, /took too long/);
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  },
);

test(
  "a wildcard without a way to write records is never ordered, and says what to do",
  { timeout: 180_000 },
  async () => {
    const stage = await openCertificatesStage();
    try {
      const siteId = await stage.protect("*.shop.example");
      await stage.rounds(async () => (await stage.certificates.list(siteId)).items[0]?.why != null);
      const [view] = (await stage.certificates.list(siteId)).items;
      assert.match(view?.why ?? "", /upload a certificate, or ask the operator to set dnsUpdate/);
      assert.equal(stage.acme.made.orders, 0);
    } finally {
      await stage.end();
    }
  },
);
