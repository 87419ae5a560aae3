import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { createLocalBus } from "../bus/bus.ts";
import { readSettings } from "../cli/settings.ts";
import type { NodeId } from "../contract/ids.ts";
import type { OriginReport } from "../contract/origin-health.ts";
import { healthTopic } from "../contract/topics.ts";
import { openTestDb } from "../store/testing.ts";
import { openOriginWatch } from "./origin-watch.ts";
import { openSites } from "./open-sites.ts";

test("what living nodes report is shown by server, findings of exposure are kept, warned of, and checked once a day", async () => {
  const t = await openTestDb();
  const server = createServer((_, answer) => void answer.end("hello"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const failures: unknown[] = [];
  const bus = createLocalBus({ onError: (error) => failures.push(error) });
  const settings = readSettings({ dataDir: t.dataDir });
  let now = Date.now();
  const options = { db: t.db, bus, settings, now: () => now };
  const sites = await openSites({ ...options, random: randomBytes, onAlarm: () => undefined });
  const living = "node_living" as NodeId;
  let checks = 0;
  const watch = openOriginWatch({
    ...options,
    isAlive: (nodeId) => nodeId === living,
    check: async ({ hostname }) => {
      checks += 1;
      return { exposed: checks % 2 === 1, what: `Look at ${hostname}` };
    },
  });
  try {
    const { siteId } = await sites.protect({
      hostname: "forum.example",
      originUrl: `http://127.0.0.1:${port}`,
      account: "Harbour",
    });
    assert.deepEqual(await watch.view(siteId), {
      servers: [{ host: "127.0.0.1", port, addresses: [], nodes: [] }],
      exposed: null,
    });
    const report = (nodeId: NodeId, state: "up" | "down"): Promise<void> => {
      const why = state === "down" ? "It answered 503" : null;
      const addresses = [{ address: "127.0.0.1", state, sinceMs: 1_000, why }];
      const value: OriginReport = {
        nodeId,
        siteId,
        atMs: 2_000,
        servers: [{ host: "127.0.0.1", port, addresses }],
      };
      return bus.publish(healthTopic(nodeId, siteId), value, { keep: true });
    };
    await report(living, "down");
    await report("node_gone" as NodeId, "up");
    const since = new Date(1_000).toISOString();
    assert.deepEqual((await watch.view(siteId)).servers[0], {
      host: "127.0.0.1",
      port,
      addresses: ["127.0.0.1"],
      nodes: [{ nodeId: living, state: "down", since, why: "It answered 503" }],
    });

    const checked = await watch.checkExposure(siteId);
    assert.deepEqual([checked.exposed?.exposed, checked.exposed?.what], [true, "Look at forum.example"]);
    assert.deepEqual(await watch.warnings(siteId), ["Look at forum.example"]);
    assert.deepEqual(
      (await sites.settings.read(siteId)).warnings.filter((one) => one.startsWith("Look")),
      ["Look at forum.example"],
    );
    watch.checkDue();
    now += 25 * 3600_000;
    await watch.close();
    assert.equal(checks, 1, "not due within a day");
    const later = openOriginWatch({
      ...options,
      isAlive: () => true,
      check: async () => ({ exposed: (checks += 1) < 0, what: "Fine" }),
    });
    later.checkDue();
    later.checkDue();
    const deadline = Date.now() + 10_000;
    while ((await watch.view(siteId)).exposed?.what !== "Fine" && Date.now() < deadline)
      await new Promise((resolve) => setTimeout(resolve, 10));
    await later.close();
    assert.equal(checks, 2);
    assert.deepEqual(await watch.warnings(siteId), []);
    await roundGoesOn();
    async function roundGoesOn(): Promise<void> {
      const second = await sites.protect({
        hostname: "shop.example",
        originUrl: `http://127.0.0.1:${port}`,
        account: "Harbour",
      });
      now += 25 * 3600_000;
      const broken = openOriginWatch({
        ...options,
        isAlive: () => true,
        check: async ({ hostname }) => {
          if (hostname === "forum.example") throw new TypeError("no such thing");
          return { exposed: false, what: "Checked" };
        },
      });
      broken.checkDue();
      const latest = Date.now() + 10_000;
      while ((await watch.view(second.siteId)).exposed === null && Date.now() < latest)
        await new Promise((resolve) => setTimeout(resolve, 10));
      await broken.close();
      assert.match((await watch.view(siteId)).exposed?.what ?? "", /failed: TypeError: no such thing/);
      assert.equal((await watch.view(second.siteId)).exposed?.what, "Checked");
    }
  } finally {
    await sites.close();
    await bus.close();
    server.close();
    server.closeAllConnections();
    await t.close();
  }
  assert.deepEqual(failures, []);
});
