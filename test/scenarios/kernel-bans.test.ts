/**
 * Bans in the kernel, in network namespaces of the test's own: a server and the node's kernel part live in one, clients with many addresses in another, joined by
 * a pair of wires. Real packets, real nft: who is banned finds no connection, everybody else does. Needs root; without it the test says so and is skipped.
 */
import assert from "node:assert/strict";
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";

const ID = randomBytes(3).toString("hex");
const SERVER = `pk-s-${ID}`;
const CLIENT = `pk-c-${ID}`;
const PORT = 8080;
const OTHER_PORT = 2222;
/** Stands in the server's namespace: two listeners, and kernel bans that are told by lines of JSON. */
const NODE_SIDE = `
import { createServer } from "node:net";
import { createInterface } from "node:readline";
import { once } from "node:events";
import { KernelBans } from "${new URL("../../src/node/kernel-bans.ts", import.meta.url).href}";
for (const port of [${PORT}, ${OTHER_PORT}]) {
  const server = createServer((socket) => socket.on("error", () => {}).end("hello"));
  server.listen(port, "::");
  await once(server, "listening");
}
const bans = new KernelBans({
  mode: "auto", nodeId: "node_own", stateDir: "/test/${ID}", listeners: ["0.0.0.0:${PORT}", "[::]:${PORT}"],
  now: Date.now, sites: () => ["site_one"], bansOf: () => [], allowed: () => ["192.0.2.30/32"], tell: (code, what) => console.error(code, what),
});
await bans.start();
console.log(bans.isOn ? "on" : "off");
for await (const line of createInterface({ input: process.stdin })) {
  const { ban, lift, stop } = JSON.parse(line);
  if (ban) bans.onBan(ban);
  if (lift) bans.onLift(lift);
  await bans.settled();
  if (stop) await bans.stop();
  console.log("done");
}
process.exit(0);
`;
const ip = (...args: string[]): string =>
  execFileSync("ip", args, { timeout: 10_000, stdio: ["ignore", "pipe", "pipe"] }).toString();
const tables = (): string => ip("netns", "exec", SERVER, "nft", "list", "tables");

let skip: string | false = false;
try {
  ip("netns", "add", SERVER);
  ip("netns", "exec", SERVER, "nft", "list", "tables");
} catch {
  skip = "Network namespaces and nft need root, iproute2 and nftables: run this test as root";
}

let node: ChildProcess | null = null;
let lines: AsyncIterator<string>;

async function startNode(): Promise<void> {
  node = spawn(
    "ip",
    ["netns", "exec", SERVER, process.execPath, "--input-type=module-typescript", "-e", NODE_SIDE],
    { stdio: ["pipe", "pipe", "inherit"] },
  );
  lines = createInterface({ input: node.stdout! })[Symbol.asyncIterator]();
  assert.equal((await lines.next()).value, "on");
}

async function tell(order: object): Promise<void> {
  node!.stdin!.write(`${JSON.stringify(order)}\n`);
  assert.equal((await lines.next()).value, "done");
}

async function killNode(): Promise<void> {
  if (node === null || node.exitCode !== null || node.signalCode !== null) return;
  const ended = once(node, "exit");
  node.kill("SIGKILL");
  await ended;
}

/** Whether a client with this address gets the greeting. */
function reaches(from: string, port = PORT): boolean {
  const to = from.includes(":") ? "2001:db8:ff::1" : "192.0.2.1";
  const script = `const s=require("net").connect({host:"${to}",port:${port},localAddress:"${from}"});
    s.setTimeout(1500,()=>process.exit(1));s.on("error",()=>process.exit(1));s.on("data",()=>process.exit(0));`;
  try {
    const args = ["netns", "exec", CLIENT, process.execPath, "-e", script];
    execFileSync("ip", args, { timeout: 10_000, stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

function ban(value: string, seconds: number): object {
  const [createdAtMs, endsAtMs] = [Date.now(), Date.now() + seconds * 1000];
  const banId = `own_${value.replace(/\W/g, "_")}`;
  const who = { banId, siteId: "site_one", kind: "address", value, by: "watch", nodeId: "node_own" };
  return { schema: 1, ...who, reason: "It kept asking.", createdAtMs, endsAtMs, liftedAtMs: null };
}

before(() => {
  if (skip !== false) return;
  ip("netns", "add", CLIENT);
  ip("link", "add", `ps${ID}`, "netns", SERVER, "type", "veth", "peer", "name", `pc${ID}`, "netns", CLIENT);
  for (const [space, link, addresses] of [
    [SERVER, `ps${ID}`, ["192.0.2.1/24", "2001:db8:ff::1/32"]],
    [
      CLIENT,
      `pc${ID}`,
      ["192.0.2.10/24", "192.0.2.20/24", "192.0.2.30/24", "2001:db8:1::5/32", "2001:db8:2::5/32"],
    ],
  ] as const) {
    for (const address of addresses) {
      ip("-n", space, "addr", "add", address, "dev", link, ...(address.includes(":") ? ["nodad"] : []));
    }
    ip("-n", space, "link", "set", link, "up");
    ip("-n", space, "link", "set", "lo", "up");
  }
});

after(async () => {
  await killNode();
  for (const space of [SERVER, CLIENT]) {
    try {
      ip("netns", "del", space);
    } catch {
      // It was never made.
    }
  }
});

test(
  "a persistent client finds no connection; its neighbours, the allowed and other ports do",
  { skip },
  async () => {
    await startNode();
    assert.ok(reaches("192.0.2.10") && reaches("2001:db8:1::5"), "before the ban");
    for (const address of ["192.0.2.10", "192.0.2.30", "2001:db8:1::99"]) {
      await tell({ ban: ban(address, 300) });
    }
    assert.ok(!reaches("192.0.2.10"));
    assert.ok(!reaches("2001:db8:1::5"), "the /64 is one client");
    assert.ok(reaches("192.0.2.20") && reaches("2001:db8:2::5"), "neighbours");
    assert.ok(reaches("192.0.2.30"), "allowed");
    assert.ok(reaches("192.0.2.10", OTHER_PORT), "another port of the machine");

    await tell({ lift: ban("192.0.2.10", 300) });
    assert.ok(reaches("192.0.2.10"), "lifted by hand");
  },
);

test("a ban in the kernel ends by itself", { skip }, async () => {
  const [end, record] = [Date.now() + 4000, ban("192.0.2.20", 4)];
  await tell({ ban: record });
  // On a machine too slow to look within its time there is nothing to see.
  const wasReached = reaches("192.0.2.20");
  if (Date.now() < end) assert.ok(!wasReached);
  const giveUp = Date.now() + 30_000;
  while (!reaches("192.0.2.20")) assert.ok(Date.now() < giveUp, "it never ended");
});

test(
  "what a killed node leaves is gone when it starts again, and nothing stays after a stop",
  { skip },
  async () => {
    await tell({ ban: ban("192.0.2.10", 300) });
    assert.ok(!reaches("192.0.2.10"));
    await killNode();
    assert.match(tables(), /parapet_/);
    await startNode();
    assert.ok(reaches("192.0.2.10"));
    await tell({ stop: true });
    assert.doesNotMatch(tables(), /parapet_/);
  },
);
