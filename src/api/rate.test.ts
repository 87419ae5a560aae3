import assert from "node:assert/strict";
import { test } from "node:test";
import { Fault } from "../contract/fault.ts";
import { clientKey, createRate } from "./rate.ts";

test("A key has its allowance in each window and no more", () => {
  let now = 0;
  const rate = createRate({ max: 2, windowMs: 1000, keysMax: 10, now: () => now });
  rate.take("a");
  rate.take("a");
  assert.throws(
    () => rate.take("a"),
    (error) => error instanceof Fault && error.code === "limit.rate" && error.retryAfterMs === 1000,
  );
  rate.take("b");
  now = 999;
  assert.throws(() => rate.take("a"), Fault);
  now = 1000;
  rate.take("a");
});

test("A try that is given back does not count", () => {
  const rate = createRate({ max: 1, windowMs: 1000, keysMax: 10, now: () => 0 });
  for (let i = 0; i < 5; i++) {
    rate.take("a");
    rate.giveBack("a");
  }
  rate.take("a");
  assert.throws(() => rate.check("a"), Fault);
});

test("A full table neither grows nor forgets: newcomers share one allowance", () => {
  let now = 0;
  const rate = createRate({ max: 3, windowMs: 1000, keysMax: 100, now: () => now });
  for (let i = 0; i < 100; i++) rate.take(`early ${i}`);
  for (let i = 0; i < 3; i++) rate.take(`late ${i}`);
  assert.throws(() => rate.take("late 4"), Fault);
  for (let i = 0; i < 10_000; i++) assert.throws(() => rate.take(`flood ${i}`), Fault);
  assert.ok(rate.size() <= 101);
  rate.take("early 5");
  now = 1000;
  rate.take("late 4");
  assert.ok(rate.size() <= 101);
});

test("A client is an IPv4 address or the /64 of an IPv6 address", () => {
  const table: [string, string][] = [
    ["192.0.2.7", "192.0.2.7"],
    ["::ffff:192.0.2.7", "192.0.2.7"],
    ["2001:db8::1", "2001:db8:0:0"],
    ["2001:db8:0:0:ffff::1", "2001:db8:0:0"],
    ["2001:0db8:0001:0002:3:4:5:6", "2001:db8:1:2"],
    ["fe80::1%eth0", "fe80:0:0:0"],
    ["::1", "0:0:0:0"],
    ["local", "local"],
  ];
  for (const [address, key] of table) assert.equal(clientKey(address), key, address);
});

test("a clock that was set back locks nobody out for longer than a window", () => {
  let nowMs = 86_400_000;
  const rate = createRate({ max: 1, windowMs: 1000, keysMax: 2, now: () => nowMs });
  rate.take("a");
  rate.take("b");
  nowMs = 0;
  for (const key of ["a", "b", "c"]) rate.take(key);
  nowMs = 1001;
  rate.take("a");
});
