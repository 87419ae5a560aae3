import assert from "node:assert/strict";
import { test } from "node:test";
import { createLocalBus, type Message } from "./bus.ts";

test("a subscriber gets what was kept before it came, then what follows, in order", async () => {
  const bus = createLocalBus({ onError: (error) => assert.fail(String(error)) });
  const seen: unknown[] = [];
  await bus.publish("policy.a", 1, { keep: true });
  await bus.publish("policy.a", 2, { keep: true });
  await bus.publish("policy.b", 3);
  bus.subscribe("policy.", ({ value }) => void seen.push(value));
  await bus.publish("policy.a", 4, { keep: true });
  await bus.publish("ack.a", 5);
  await bus.close();
  assert.deepEqual(seen, [2, 4]);
});

test("a slow subscriber gets every message, one at a time", async () => {
  const bus = createLocalBus({ onError: (error) => assert.fail(String(error)) });
  const seen: unknown[] = [];
  let inside = 0;
  bus.subscribe("t.", async ({ value }) => {
    assert.equal(++inside, 1);
    await new Promise((resolve) => setImmediate(resolve));
    seen.push(value);
    inside -= 1;
  });
  for (let i = 0; i < 20; i++) await bus.publish(`t.${i % 3}`, i);
  await bus.close();
  assert.deepEqual(
    seen,
    Array.from({ length: 20 }, (_, i) => i),
  );
});

test("a subscriber that throws is reported, goes on, and hurts no other", async () => {
  const errors: string[] = [];
  const bus = createLocalBus({ onError: (_error, topic) => errors.push(topic) });
  const seen: Message[] = [];
  bus.subscribe("t.", () => {
    throw new Error("no");
  });
  bus.subscribe("t.", (message) => void seen.push(message));
  await bus.publish("t.1", 1);
  await bus.publish("t.2", 2);
  await bus.close();
  assert.deepEqual(errors, ["t.1", "t.2"]);
  assert.equal(seen.length, 2);
});

test("the way out ends delivery", async () => {
  const bus = createLocalBus({ onError: (error) => assert.fail(String(error)) });
  const seen: unknown[] = [];
  const off = bus.subscribe("t.", ({ value }) => void seen.push(value));
  off();
  await bus.publish("t.1", 1);
  await bus.close();
  assert.deepEqual(seen, []);
  assert.deepEqual(await bus.last("t."), []);
});
