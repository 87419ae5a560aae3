import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { createLocalBus } from "../bus/bus.ts";
import { EDGE_SECRETS_TOPIC } from "../contract/topics.ts";
import { openTestDb } from "../store/testing.ts";
import { publishEdgeSecrets } from "./edge-secrets.ts";

test("the fleet's secret is made once and is the same after every start", async () => {
  const t = await openTestDb();
  const read = async (): Promise<unknown> => {
    const bus = createLocalBus({ onError: (error) => assert.fail(String(error)) });
    const random = (bytes: number): Uint8Array => randomBytes(bytes);
    await Promise.all([1, 2, 3].map(() => publishEdgeSecrets({ db: t.db, bus, random })));
    const kept = await bus.last(EDGE_SECRETS_TOPIC);
    await bus.close();
    assert.equal(kept.length, 1);
    return kept[0]?.value;
  };
  try {
    const first = await read();
    assert.match((first as { ticketSecret: string }).ticketSecret, /^[A-Za-z0-9_-]{43}$/);
    assert.deepEqual(await read(), first);
  } finally {
    await t.close();
  }
});
