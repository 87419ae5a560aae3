import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { findOurNginx } from "../../src/node/nginx-process.ts";
import { newSiteId, openOrigin, openStage, until } from "./edge-stage.ts";

const SEED = 20_261_122;

test(
  "a full disk for policies, logs and bodies: others go on, somebody is told, and all is well when there is room again",
  {
    skip: process.getuid?.() === 0 ? false : "mounting a file system takes root",
  },
  () => {
    const folder = mkdtempSync(join(tmpdir(), "parapet-full-"));
    try {
      const script = fileURLToPath(new URL("./edge-http-full-disk.ts", import.meta.url));
      // Small file systems of the test's own, in a mount namespace of the test's own.
      const ran = spawnSync(
        "unshare",
        [
          "--mount",
          "sh",
          "-c",
          'mount -t tmpfs -o size=12m tmpfs "$1" && mount -t tmpfs -o size=24m tmpfs /var/tmp && exec "$2" "$3" "$1" /var/tmp',
          "sh",
          folder,
          process.execPath,
          script,
        ],
        { encoding: "utf8", timeout: 90_000 },
      );
      assert.equal(ran.status, 0, ran.stderr);
      const told = JSON.parse(ran.stdout) as {
        whileFull: {
          ack: { ok: boolean; why: string; keptVersion: number };
          alarmed: boolean;
          gets: number[];
          inForce: number;
          temporaries: string[];
        };
        spoolFull: { large: number; small: number; gets: number[] };
        spoolBack: number;
        restarted: { version: number; get: number; post: number };
        newer: number;
      };
      assert.ok(
        !told.whileFull.ack.ok && /ENOSPC/.test(told.whileFull.ack.why),
        JSON.stringify(told.whileFull.ack),
      );
      assert.deepEqual([told.whileFull.alarmed, told.whileFull.temporaries], [true, []]);
      assert.equal(told.whileFull.inForce, 200, "what was decided holds, durable or not");
      assert.equal(told.whileFull.gets.length, 300);
      assert.ok(
        told.whileFull.gets.every((status) => status === 200),
        "a log that cannot be written stops nobody",
      );
      assert.deepEqual(told.spoolFull, { large: 500, small: 200, gets: [200, 200] });
      assert.equal(told.spoolBack, 200);
      assert.deepEqual(told.restarted, { version: told.newer, get: 200, post: 200 });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
);

/** Numerical Recipes' generator: moments that are the same in every run. */
function* momentsFrom(seed: number): Generator<number, never> {
  let state = seed;
  for (;;) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    yield state / 2 ** 32;
  }
}

test("killed at any moment while it writes, a node serves what it had confirmed, or what came after, and never half of it", async () => {
  const origin = await openOrigin();
  const dataDir = mkdtempSync(join(tmpdir(), "parapet-killed-"));
  const site = newSiteId();
  const moments = momentsFrom(SEED);
  let confirmed = 0;
  try {
    for (const victim of ["agent", "nginx and agent", "agent", "agent and nginx", "agent"]) {
      const agent = spawn(
        process.execPath,
        [
          fileURLToPath(new URL("./edge-http-policy-writer.ts", import.meta.url)),
          dataDir,
          site,
          String(origin.port),
          String(confirmed + 1000),
        ],
        { stdio: ["ignore", "pipe", "inherit"] },
      );
      let said = "";
      agent.stdout.on("data", (part: Buffer) => (said += part.toString()));
      const last = (): number => Number(Array.from(said.matchAll(/confirmed (\d+)\n/g)).at(-1)?.[1] ?? 0);
      const wanted = Math.floor(moments.next().value * 20);
      await until(() => last() >= confirmed + 1000 + wanted, 30_000);
      // From here the next version is on its way: to the bus, to the disk, over the old file, to nginx.
      await new Promise((resolve) => setTimeout(resolve, moments.next().value * 80));
      const master = Number(/address \S+ (\d+)/.exec(said)?.[1]);
      if (victim === "nginx and agent") process.kill(master, "SIGKILL");
      agent.kill("SIGKILL");
      if (victim === "agent and nginx") process.kill(master, "SIGKILL");
      await until(() => agent.exitCode !== null || agent.signalCode !== null);
      const promised = last();

      const stage = await openStage({ dataDir, workers: 1, bus: null });
      const version = (await stage.node.status()).versions[site] ?? 0;
      assert.ok(version === promised || version === promised + 1, `${victim}: ${version} after ${promised}`);
      assert.deepEqual(
        stage.alarms.filter(({ code }) => code === "edge.policy-quarantined"),
        [],
        victim,
      );
      assert.equal((await stage.send({ host: "written.example" })).status, 200, victim);
      assert.equal((await stage.send({ host: `v${version}.example` })).status, 200, victim);
      for (const other of [version - 1, version + 1]) {
        assert.equal((await stage.send({ host: `v${other}.example` })).status, 421, victim);
      }
      await stage.node.stop();
      confirmed = version;
    }
    assert.deepEqual(findOurNginx(join(dataDir, "edge")), []);
  } finally {
    await origin.end();
    rmSync(dataDir, { recursive: true, force: true });
  }
});
