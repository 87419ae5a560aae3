/** The node agent with real nginx: what is confirmed, what is refused, and what survives crashes, bad files and a dead control plane. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { singleOrigin } from "../../src/contract/origin-pool.ts";
import { POLICY_BYTES_MAX, type NodeHello, type SitePolicy } from "../../src/contract/policy.ts";
import { helloTopic } from "../../src/contract/topics.ts";
import { makeReceipt } from "../../src/ledger/core/testing.ts";
import { findOurNginx, isAlive } from "../../src/node/nginx-process.ts";
import { startNode } from "../../src/node/node.ts";
import { ask, newSiteId, openOrigin, openStage, policyFor, recordFor, until } from "./edge-stage.ts";

describe("an edge node", () => {
  test("confirms a change within a second, from every worker, without a reload", async () => {
    const origin = await openOrigin();
    const stage = await openStage({ workers: 3 });
    try {
      const pid = stage.node.nginxPid;
      const pids = (await stage.node.status()).workers.map((worker) => worker.pid);
      assert.equal(pids.length, 3);
      const site = newSiteId();
      for (let i = 0; i < 5; i++) {
        const started = Date.now();
        const hostnames = [`change${i}.example`];
        const ack = await stage.apply(policyFor(origin.port, { siteId: site, hostnames }));
        assert.ok(ack.ok && ack.workers === 3, JSON.stringify(ack));
        assert.ok(Date.now() - started < 1000, `${Date.now() - started} ms`);
        // Every worker, and not only the one that took the change: many connections reach them all.
        const answers = await Promise.all(
          Array.from({ length: 40 }, () => stage.send({ host: `change${i}.example` })),
        );
        assert.ok(answers.every(({ status }) => status === 200));
        if (i > 0) assert.equal((await stage.send({ host: `change${i - 1}.example` })).status, 421);
      }
      assert.equal(stage.node.nginxPid, pid);
      assert.deepEqual(
        (await stage.node.status()).workers.map((worker) => worker.pid),
        pids,
      );
    } finally {
      await stage.end();
      await origin.end();
    }
  });

  test("a name that moves between two sites is served by its new one, whichever change nginx hears of first", async () => {
    const [left, right] = await Promise.all(
      ["left", "right"].map((body) => openOrigin((_, answer) => void answer.end(body))),
    );
    const stage = await openStage({ workers: 2 });
    try {
      const sites = [newSiteId(), newSiteId()] as const;
      const ports = [left?.port ?? 0, right?.port ?? 0];
      const policyOf = (at: 0 | 1, name: string | null): SitePolicy =>
        policyFor(ports[at] ?? 0, {
          siteId: sites[at],
          hostnames: [`own${at}.example`, ...(name === null ? [] : [name])],
        });
      await stage.apply(policyOf(0, "moved.example"));
      await stage.apply(policyOf(1, null));
      for (let move = 0; move < 12; move++) {
        const from = move % 2 === 0 ? 0 : 1;
        // Nobody waits for the name to be let go: the two travel together.
        const acks = await Promise.all([
          stage.apply(policyOf(from, null)),
          stage.apply(policyOf(from === 0 ? 1 : 0, "moved.example")),
        ]);
        assert.ok(
          acks.every(({ ok }) => ok),
          `move ${move}: ${JSON.stringify(acks)}`,
        );
        const answers = await Promise.all(
          Array.from({ length: 4 }, () => stage.send({ host: "moved.example" })),
        );
        for (const { body } of answers) assert.equal(body, from === 0 ? "right" : "left", `move ${move}`);
        assert.equal((await stage.send({ host: `own${from}.example` })).status, 200);
      }
    } finally {
      await stage.end();
      await left?.end();
      await right?.end();
    }
  });

  test("a worker that is killed does not hold up confirmations, and its successor knows every site", async () => {
    const origin = await openOrigin();
    const stage = await openStage({ workers: 2 });
    try {
      await stage.apply(policyFor(origin.port, { hostnames: ["before.example"] }));
      const [first] = (await stage.node.status()).workers;
      process.kill(first?.pid ?? 0, "SIGKILL");
      const ack = await stage.apply(policyFor(origin.port, { hostnames: ["after.example"] }));
      assert.equal(ack.ok, true, JSON.stringify(ack));
      await until(async () => (await stage.node.status()).workers.every(({ pid }) => isAlive(pid)));
      for (const host of ["before.example", "after.example"]) {
        const answers = await Promise.all(Array.from({ length: 20 }, () => stage.send({ host })));
        assert.ok(
          answers.every(({ status }) => status === 200),
          host,
        );
      }
    } finally {
      await stage.end();
      await origin.end();
    }
  });

  test("refuses what it does not understand, keeps what it had, and says why", async () => {
    const origin = await openOrigin();
    const stage = await openStage({ originPrivateRanges: ["127.0.0.0/8"] });
    try {
      const site = newSiteId();
      const good = policyFor(origin.port, { siteId: site, hostnames: ["good.example"] });
      assert.equal((await stage.apply(good)).ok, true);
      await stage.apply(policyFor(origin.port, { hostnames: ["taken.example"] }));
      const [, ownPort] = stage.node.address.split(":");
      const bad = (changes: object): SitePolicy => ({
        ...policyFor(origin.port, { siteId: site }),
        ...changes,
      });
      const table: [string, SitePolicy, RegExp][] = [
        ["an unknown field", bad({ extra: 1 }), /unknown field "extra"/],
        ["another schema", bad({ schema: 4 }), /schema/],
        ["a hostname in capitals", bad({ hostnames: ["Good.example"] }), /A-labels/],
        ["a hostname with a path", bad({ hostnames: ["good.example/x"] }), /A-labels/],
        ["a wildcard over a top level", bad({ hostnames: ["*.example"] }), /A-labels/],
        ["a wildcard inside", bad({ hostnames: ["a.*.example"] }), /A-labels/],
        ["the same hostname twice", bad({ hostnames: ["a.example", "a.example"] }), /twice/],
        [
          "101 hostnames",
          bad({ hostnames: Array.from({ length: 101 }, (_, i) => `h${i}.example`) }),
          /more than 100/,
        ],
        ["another site's hostname", bad({ hostnames: ["taken.example"] }), /still held/],
        ["no port", bad({ origin: singleOrigin("http", "127.0.0.1", 0) }), /port/],
        ["a metadata address", bad({ origin: singleOrigin("http", "169.254.169.254", 80) }), /not public/],
        ["a private address", bad({ origin: singleOrigin("http", "10.0.0.1", 80) }), /not public/],
        [
          "a mapped private address",
          bad({ origin: singleOrigin("http", "::ffff:10.0.0.1", 80) }),
          /not public/,
        ],
        [
          "the edge itself",
          bad({ origin: singleOrigin("http", "127.0.0.1", Number(ownPort)) }),
          /this edge itself/,
        ],
        ["a file as scheme", bad({ origin: { ...good.origin, scheme: "file" } }), /scheme/],
        [
          "a Host with a line break",
          bad({ origin: { ...good.origin, hostHeader: "a\r\nb: c" } }),
          /not a hostname/,
        ],
        ["a body of 2^53", bad({ bodyBytesMax: 2 ** 53 }), /largest body/],
        ["a rate of nothing", bad({ limit: { requestsPerSecond: 0, burst: 1 } }), /requestsPerSecond/],
        ["a version that is not newer", { ...good, bodyBytesMax: 5 }, /not newer/],
        ["an oversized policy", bad({ hostnames: ["a".repeat(POLICY_BYTES_MAX)] }), /bytes, more than/],
      ];
      for (const [name, policy, why] of table) {
        const ack = await stage.apply(policy);
        assert.ok(!ack.ok, name);
        assert.match(ack.why, why, name);
        assert.equal(ack.keptVersion, good.version, name);
      }
      assert.equal((await stage.send({ host: "good.example" })).status, 200);
      assert.ok(stage.alarms.filter(({ code }) => code === "edge.policy-refused").length >= table.length);
      // Things that are not policies at all are survived and reported.
      for (const value of [null, 7, "policy", [], { siteId: "site_x" }])
        await stage.bus.publish("policy.x", value);
      await until(() => stage.alarms.length >= table.length + 5);
      assert.equal((await stage.send({ host: "good.example" })).status, 200);
    } finally {
      await stage.end();
      await origin.end();
    }
  });

  test("a hostname moves from one site to another in whichever order the news comes", async () => {
    const one = await openOrigin((_, answer) => void answer.end("one"));
    const two = await openOrigin((_, answer) => void answer.end("two"));
    const stage = await openStage();
    try {
      const site = newSiteId();
      await stage.apply(policyFor(one.port, { siteId: site, hostnames: ["moves.example"] }));
      const early = await stage.apply(policyFor(two.port, { hostnames: ["moves.example"] }));
      assert.equal(early.ok, false);
      assert.equal((await stage.send({ host: "moves.example" })).body, "one");
      assert.equal((await stage.apply(policyFor(one.port, { siteId: site, hostnames: [] }))).ok, true);
      await until(async () => (await stage.send({ host: "moves.example" })).body === "two");
    } finally {
      await stage.end();
      await Promise.all([one.end(), two.end()]);
    }
  });

  test("starts from disk with no control plane; a file cut in half is set aside and the others are served", async () => {
    const origin = await openOrigin();
    const stage = await openStage();
    const site = newSiteId();
    const record = recordFor(site, {
      scope: "hostname",
      subject: { siteId: site, hostname: "stopped.example" },
    });
    await stage.apply(
      policyFor(origin.port, {
        siteId: site,
        hostnames: ["stopped.example"],
        measures: [makeReceipt(record)],
      }),
    );
    await stage.apply(
      policyFor(origin.port, {
        hostnames: ["named.example"],
        origin: singleOrigin("http", "localhost", origin.port, "inner.example"),
      }),
    );
    const cut = policyFor(origin.port, { hostnames: ["cut.example"] });
    const swapped = policyFor(origin.port, { hostnames: ["swapped.example"] });
    await stage.apply(cut);
    await stage.apply(swapped);
    await stage.node.stop();
    const folder = join(stage.dataDir, "edge/policies");
    truncateSync(join(folder, `${cut.siteId}.policy`), 200);
    const path = join(folder, `${swapped.siteId}.policy`);
    writeFileSync(path, readFileSync(path, "utf8").replace("swapped.example", "hijack.example."));
    stage.alarms.length = 0;

    stage.node = await startNode({ ...stage.options, bus: null });
    try {
      assert.equal(
        (await stage.send({ host: "stopped.example" })).status,
        451,
        "measures hold without a control plane",
      );
      assert.equal((await stage.send({ host: "named.example" })).status, 200);
      assert.equal(origin.requests.at(-1)?.headers.host, "inner.example");
      for (const host of ["cut.example", "swapped.example", "hijack.example"]) {
        assert.equal((await stage.send({ host })).status, 421, host);
      }
      assert.equal(readdirSync(join(stage.dataDir, "edge/quarantine")).length, 2);
      assert.equal(stage.alarms.filter(({ code }) => code === "edge.policy-quarantined").length, 2);
      assert.equal(readdirSync(folder).length, 2);
    } finally {
      await stage.end();
      await origin.end();
    }
  });

  test("after kill -9 of the agent nginx serves on, and the next agent ends it and takes over", async () => {
    const origin = await openOrigin();
    const dataDir = mkdtempSync(join(tmpdir(), "parapet-edge-"));
    const policy = policyFor(origin.port, { hostnames: ["alive.example"] });
    const agent = spawn(
      process.execPath,
      [fileURLToPath(new URL("./edge-agent.ts", import.meta.url)), dataDir, JSON.stringify(policy)],
      { stdio: ["ignore", "pipe", "inherit"] },
    );
    try {
      let said = "";
      agent.stdout.on("data", (part: Buffer) => (said += part.toString()));
      await until(() => said.includes("\n"), 20_000);
      const address = said.trim();
      agent.kill("SIGKILL");
      await until(() => agent.exitCode !== null || agent.signalCode !== null);
      assert.equal((await ask(address, { host: "alive.example" })).status, 200, "nobody waits for the agent");
      const orphans = findOurNginx(join(dataDir, "edge"));
      assert.ok(orphans.length >= 3);

      const stage = await openStage({ dataDir, listen: address });
      try {
        assert.ok(stage.alarms.some(({ code }) => code === "edge.orphan-ended"));
        assert.ok(orphans.every((pid) => !isAlive(pid)));
        assert.equal((await stage.send({ host: "alive.example" })).status, 200, "acknowledged means kept");
        const hello = (await stage.bus.last(helloTopic(stage.options.nodeId)))[0]?.value as NodeHello;
        assert.deepEqual([hello.sites, hello.workers], [1, 2]);
      } finally {
        await stage.end();
      }
      assert.deepEqual(findOurNginx(join(dataDir, "edge")), [], "nothing is left behind");
    } finally {
      agent.kill("SIGKILL");
      await origin.end();
      rmSync(dataDir, { recursive: true, force: true });
    }
  });

  test("nginx that dies is started again with every site", async () => {
    const origin = await openOrigin();
    const stage = await openStage();
    try {
      await stage.apply(policyFor(origin.port, { hostnames: ["again.example"] }));
      process.kill(stage.node.nginxPid, "SIGKILL");
      await until(() => stage.alarms.some(({ code }) => code === "edge.nginx-died"));
      await until(async () => {
        try {
          return (
            (await stage.send({ host: "again.example" })).status === 200 &&
            (await stage.node.status()).restarts > 0
          );
        } catch {
          return false;
        }
      });
      const ack = await stage.apply(policyFor(origin.port, { hostnames: ["later.example"] }));
      assert.equal(ack.ok, true);
    } finally {
      await stage.end();
      await origin.end();
    }
  });

  test("a full disk is said, the policy is served all the same, and confirmed once it is durable", async () => {
    const origin = await openOrigin();
    const stage = await openStage();
    try {
      const policy = policyFor(origin.port, { hostnames: ["full.example"] });
      // A folder where the temporary file would stand fails the write as a full disk does, for root too.
      const blocker = join(stage.dataDir, "edge/policies", `${policy.siteId}.policy.new`);
      mkdirSync(join(blocker, "in-the-way"), { recursive: true });
      const ack = await stage.apply(policy);
      assert.ok(!ack.ok && /not on disk/.test(ack.why) && ack.keptVersion === 0, JSON.stringify(ack));
      assert.ok(stage.alarms.some(({ code }) => code === "edge.not-durable"));
      assert.equal((await stage.send({ host: "full.example" })).status, 200);
      rmSync(blocker, { recursive: true, force: true });
      await until(() => readdirSync(join(stage.dataDir, "edge/policies")).length === 1);
      await until(async () => {
        const acks = await stage.bus.last(`ack.${stage.options.nodeId}.${policy.siteId}`);
        return (acks[0]?.value as { ok: boolean } | undefined)?.ok === true;
      });
    } finally {
      await stage.end();
      await origin.end();
    }
  });

  test("a port that is taken is said in a sentence", async () => {
    const origin = await openOrigin();
    await assert.rejects(
      openStage({ listen: `127.0.0.1:${origin.port}` }),
      /nginx does not start: .* is taken/,
    );
    await origin.end();
  });

  test("a name that resolves to the operator's network leads nowhere, and measures are enforced all the same", async () => {
    const origin = await openOrigin();
    const answers: Record<string, string[]> = { "rebind.example": ["10.0.0.7", "169.254.169.254"] };
    const stage = await openStage({
      originPrivateRanges: ["127.0.0.0/8"],
      lookup: async (host) => answers[host] ?? [],
    });
    try {
      const site = newSiteId();
      const record = recordFor(site, {
        scope: "path",
        subject: { siteId: site, hostname: "rebind.example", path: "/bad" },
      });
      const ack = await stage.apply(
        policyFor(origin.port, {
          siteId: site,
          hostnames: ["rebind.example"],
          origin: singleOrigin("http", "rebind.example", origin.port),
          measures: [makeReceipt(record)],
        }),
      );
      assert.equal(ack.ok, true);
      assert.equal((await stage.send({ host: "rebind.example" })).status, 502);
      assert.equal((await stage.send({ host: "rebind.example", path: "/bad" })).status, 451);
      assert.ok(stage.alarms.some(({ code }) => code === "origin.refused-address"));
    } finally {
      await stage.end();
      await origin.end();
    }
  });
});
