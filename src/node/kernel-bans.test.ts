import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { BanRecord } from "../contract/ban.ts";
import type { NodeId, SiteId } from "../contract/ids.ts";
import { KernelBans, KERNEL_SECONDS_MAX } from "./kernel-bans.ts";
import { changeScript, kernelKeyOf, tableNameOf, tableScript } from "./kernel-table.ts";

const NODE = "node_own" as NodeId;
const ONE = "site_one" as SiteId;
const OTHER = "site_other" as SiteId;
const NOW = 1_000_000;

function ban(value: string, more: Partial<BanRecord> = {}): BanRecord {
  return {
    schema: 1,
    banId: `own_${value.replace(/\W/g, "_")}`,
    siteId: ONE,
    kind: "address",
    value,
    reason: "It kept asking.",
    by: "watch",
    nodeId: NODE,
    createdAtMs: NOW,
    endsAtMs: NOW + 3_600_000,
    liftedAtMs: null,
    ...more,
  };
}

async function kernel(run: (script: string) => Promise<void> = () => Promise.resolve()) {
  const scripts: string[] = [];
  const told: string[] = [];
  const state = {
    sites: [ONE],
    allowed: [] as string[],
    now: NOW,
    others: {} as Record<string, { siteId: SiteId | null }[]>,
  };
  const bans = new KernelBans({
    mode: "auto",
    nodeId: NODE,
    stateDir: "/data/edge",
    listeners: ["0.0.0.0:443"],
    now: () => state.now,
    sites: () => state.sites,
    bansOf: (address) => state.others[address] ?? [],
    allowed: () => state.allowed,
    tell: (code) => told.push(code),
    run: async (script) => {
      scripts.push(script);
      await run(script);
    },
  });
  await bans.start();
  return { bans, scripts, told, state };
}

test("a persistent client of the only site goes to the kernel for ten minutes at most, and no longer than its ban", async () => {
  const { bans, scripts } = await kernel();
  bans.onBan(ban("192.0.2.7"));
  bans.onBan(ban("2001:db8:1:2:3::4", { endsAtMs: NOW + 30_000 }));
  await bans.settled();
  assert.equal(scripts.length, 2, "both in one batch");
  assert.match(scripts[1]!, new RegExp(`192\\.0\\.2\\.7 timeout ${KERNEL_SECONDS_MAX}s`));
  assert.match(scripts[1]!, /2001:db8:1:2:: timeout 30s/);
});

test("whom the kernel must not keep out", async () => {
  const { bans, scripts, state } = await kernel();
  state.allowed = ["198.51.100.0/24", "2001:db8:5:5::77/128"];
  for (const record of [
    ban("127.0.0.1"),
    ban("0.0.0.0"),
    ban("169.254.1.1"),
    ban("fe80::1"),
    ban("::1"),
    ban("::ffff:127.0.0.1"),
    ban("198.51.100.9"),
    ban("2001:db8:5:5::1"),
    ban("192.0.2.1", { by: "a person" }),
    ban("192.0.2.2", { nodeId: null }),
    ban("192.0.2.0/24", { kind: "network" }),
    ban("192.0.2.3", { siteId: OTHER }),
  ]) {
    bans.onBan(record);
  }
  state.sites = [ONE, OTHER];
  bans.onBan(ban("192.0.2.4"));
  await bans.settled();
  assert.equal(scripts.length, 1, scripts.slice(1).join("\n"));
});

test("on a node with several sites who is banned on each of them, or everywhere, goes to the kernel when it persists", async () => {
  const { bans, scripts, state } = await kernel();
  state.sites = [ONE, OTHER];
  state.others = {
    "192.0.2.1": [{ siteId: OTHER }],
    "192.0.2.2": [{ siteId: null }],
    "192.0.2.3": [{ siteId: ONE }],
  };
  for (const address of ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"]) bans.onBan(ban(address));
  await bans.settled();
  const told = scripts.slice(1).join("\n");
  assert.match(told, /192\.0\.2\.1 /);
  assert.match(told, /192\.0\.2\.2 /);
  assert.doesNotMatch(told, /192\.0\.2\.[34]/);
  // Let in again on the other site.
  state.others = { "192.0.2.2": [{ siteId: null }] };
  bans.tick();
  await bans.settled();
  assert.match(scripts.at(-1)!, /192\.0\.2\.1/);
});

test("a lift takes the client out, unless another ban of it holds, and the same word again changes nothing", async () => {
  const { bans, scripts } = await kernel();
  const [first, second] = [ban("192.0.2.7"), ban("192.0.2.7", { banId: "own_second", siteId: null })];
  bans.onBan(first);
  bans.onBan(second);
  await bans.settled();
  const before = scripts.length;
  bans.onBan(first);
  await bans.settled();
  assert.equal(scripts.length, before);
  bans.onLift(first);
  await bans.settled();
  assert.match(scripts.at(-1)!, /timeout/);
  bans.onLift(second);
  await bans.settled();
  assert.doesNotMatch(scripts.at(-1)!, /timeout/);
});

test("whoever is allowed after the ban is let through with the next tick", async () => {
  const { bans, scripts, state } = await kernel();
  bans.onBan(ban("192.0.2.7"));
  await bans.settled();
  state.allowed = ["192.0.2.0/24"];
  bans.tick();
  await bans.settled();
  assert.equal(scripts.length, 3);
  assert.doesNotMatch(scripts[2]!, /timeout/);
});

test("one process at a time, batches and the queue are bounded", async () => {
  let running = 0;
  const { bans, scripts } = await kernel(async () => {
    running += 1;
    assert.equal(running, 1);
    await new Promise((resolve) => setImmediate(resolve));
    running -= 1;
  });
  for (let i = 0; i < 9000; i++) bans.onBan(ban(`198.18.${i >> 8}.${i & 255}`));
  await bans.settled();
  assert.equal(
    scripts
      .slice(1)
      .join("")
      .match(/timeout/g)?.length,
    5000,
  );
  for (const script of scripts) assert.ok(script.split("\n").length <= 1501);
});

test("without the right to it nothing is tried again, and people are told", async () => {
  const { bans, scripts, told } = await kernel(() => Promise.reject(new Error("Operation not permitted")));
  bans.onBan(ban("192.0.2.7"));
  await bans.settled();
  await bans.stop();
  assert.deepEqual([bans.isOn, scripts.length, told], [false, 1, ["edge.kernel-bans-off"]]);
});

test("two folders have two tables, and a rule names the port, and the address unless it is all", () => {
  assert.notEqual(tableNameOf("/a"), tableNameOf("/b"));
  const script = tableScript("parapet_x", ["0.0.0.0:80", "192.0.2.1:443"]);
  assert.match(script, /^ +tcp dport 80 ip saddr @bans4 drop$/m);
  assert.match(script, /^ +ip daddr 192\.0\.2\.1 tcp dport 443 ip saddr @bans4 drop$/m);
});

test("whatever an address claims to be, a script holds only addresses", () => {
  const words = fc.oneof(fc.string(), fc.ipV4(), fc.ipV6(), fc.stringMatching(/^[0-9a-f:.%/{};\n ]{0,50}$/));
  fc.assert(
    fc.property(words, (address) => {
      const key = kernelKeyOf(address);
      if (key === null) return;
      const set = `element inet t bans${key.family}`;
      assert.match(key.key, key.family === 4 ? /^\d+(\.\d+){3}$/ : /^[0-9a-f:]+$/);
      assert.equal(
        changeScript("t", [{ ...key, seconds: 0 }]),
        `add ${set} { ${key.key} }\ndelete ${set} { ${key.key} }\n`,
      );
    }),
  );
});
