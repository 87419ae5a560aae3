import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { test } from "node:test";
import { createResolver } from "./resolver.ts";
import { boundedLook } from "./system-look.ts";

/** A DNS server that answers nothing to what ends in ".silent.example", and to everything else that there is no such name. */
async function openDns(): Promise<{ address: string; asked: string[]; close(): Promise<void> }> {
  const socket = createSocket("udp4");
  const asked: string[] = [];
  socket.on("message", (query, from) => {
    const labels: string[] = [];
    for (let at = 12; (query[at] ?? 0) > 0; at += 1 + query[at]!)
      labels.push(query.toString("latin1", at + 1, at + 1 + query[at]!));
    const name = labels.join(".").toLowerCase();
    asked.push(name);
    if (name.endsWith(".silent.example")) return;
    const answer = Buffer.from(query);
    // A response (RFC 1035 §4.1.1), recursion available, NXDOMAIN; the additional section of the query is left off.
    answer[2] = 0x81;
    answer[3] = 0x83;
    answer.writeUInt16BE(0, 10);
    socket.send(answer.subarray(0, 12 + name.length + 2 + 4), from.port, from.address);
  });
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  return {
    address: `127.0.0.1:${socket.address().port}`,
    asked,
    close: () => new Promise((resolve) => socket.close(() => resolve())),
  };
}

test("a name whose servers are silent never reaches the system's threads", async () => {
  const dns = await openDns();
  const asked: string[] = [];
  const resolve = createResolver({
    servers: [dns.address],
    hostsFile: "/nonexistent",
    system: async (host) => {
      asked.push(host);
      return ["192.0.2.1"];
    },
  });
  try {
    const dead = Array.from({ length: 20 }, (_, i) => resolve(`a${i}.silent.example`));
    // Others go on meanwhile, and what DNS does not know the system may.
    assert.deepEqual((await resolve("app.internal.example")).addresses, ["192.0.2.1"]);
    assert.deepEqual((await resolve("localhost")).addresses, ["192.0.2.1"]);
    for (const { status } of await Promise.allSettled(dead)) assert.equal(status, "rejected");
    assert.deepEqual(asked, ["app.internal.example", "localhost"]);
    assert.ok(!dns.asked.includes("localhost"));
  } finally {
    await dns.close();
  }
});

test("the system is asked two names at a time, and a hundred wait at most", async () => {
  const open: (() => void)[] = [];
  let most = 0;
  let running = 0;
  const look = boundedLook(async () => {
    running += 1;
    most = Math.max(most, running);
    await new Promise<void>((resolve) => open.push(resolve));
    running -= 1;
    return ["192.0.2.1"];
  });
  const settled = Promise.allSettled(Array.from({ length: 110 }, (_, i) => look(`host${i}`)));
  for (let ended = 0; ended < 102;) {
    const end = open.shift();
    if (end !== undefined) ended += 1;
    end?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
  const failed = (await settled).filter(({ status }) => status === "rejected").length;
  assert.equal(failed, 8);
  assert.equal(most, 2);
});
