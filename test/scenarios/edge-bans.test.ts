/** Clients that are kept out: on one site, on all, for a time, and let in again; and what they are told. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ask, openOrigin, openStage, policyFor, until } from "./edge-stage.ts";

test("a banned client gets the page for it on that site alone, until the ban ends or is lifted", async () => {
  const origin = await openOrigin();
  const stage = await openStage();
  try {
    const one = policyFor(origin.port, { hostnames: ["one.example"] });
    const two = policyFor(origin.port, {
      hostnames: ["two.example"],
      limit: { requestsPerSecond: 1000, burst: 1000 },
    });
    for (const policy of [one, two]) assert.ok((await stage.apply(policy)).ok);
    const at = stage.node.address;
    const statuses = async (): Promise<number[]> => [
      (await ask(at, { host: "one.example" })).status,
      (await ask(at, { host: "two.example" })).status,
    ];
    // Often enough in a row that every worker was asked.
    const always = async (wanted: string): Promise<boolean> => {
      for (let i = 0; i < 12; i++) if ((await statuses()).join() !== wanted) return false;
      return true;
    };
    assert.deepEqual(await statuses(), [200, 200]);

    await stage.node.ban([{ siteId: one.siteId, address: "127.0.0.1", seconds: 60 }]);
    await until(() => always("403,200"));
    const heard = origin.requests.length;
    // A new second: its first refusals have a number.
    let page = await ask(at, { host: "one.example" });
    await until(async () => {
      page = await ask(at, { host: "one.example" });
      return page.headers["x-request-id"] !== undefined;
    });
    assert.match(page.body, /client\.banned/);
    assert.match(page.body, /lang=fr/);
    assert.match(String(page.headers["x-request-id"]), /^[0-9a-f]{16}$/);
    assert.equal(page.headers["cache-control"], "no-store");
    assert.match(String(page.headers["content-type"]), /^text\/html/);
    assert.equal(origin.requests.length, heard, "the origin heard nothing of it");

    // An address that begins with the same bytes is another client.
    await stage.node.ban([{ siteId: one.siteId, address: "127.0.0.1", seconds: 0 }]);
    await stage.node.ban([{ siteId: one.siteId, address: "127.0.0.10", seconds: 60 }]);
    await until(() => always("200,200"));

    await stage.node.ban([{ siteId: null, address: "127.0.0.1", seconds: 3 }]);
    await until(() => always("403,403"));
    await until(() => always("200,200"));
  } finally {
    await stage.end();
    await origin.end();
  }
});

test("a refused client is told in the page's own number when to come back", async () => {
  const origin = await openOrigin();
  const stage = await openStage();
  try {
    const policy = policyFor(origin.port, { limit: { requestsPerSecond: 0.05, burst: 1 } });
    assert.ok((await stage.apply(policy)).ok);
    await until(async () => (await ask(stage.node.address, { host: "forum.example" })).status === 429);
    const page = await ask(stage.node.address, { host: "forum.example" });
    assert.ok(Number(page.headers["retry-after"]) >= 1);
    assert.match(page.body, /limit\.client/);
    assert.ok(page.body.includes(String(page.headers["x-request-id"])));
  } finally {
    await stage.end();
    await origin.end();
  }
});
