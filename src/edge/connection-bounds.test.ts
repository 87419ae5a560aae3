import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  boundsOf,
  CLIENT_CONNECTIONS_MIN,
  cutRank,
  isOverdue,
  isTrickling,
  PROGRESS_BYTES_MIN,
  type Progress,
} from "./connection-bounds.ts";

const heldBy = (counts: readonly number[]): Record<number, number> => {
  const clientsWith: Record<number, number> = {};
  for (const count of counts) clientsWith[count] = (clientsWith[count] ?? 0) + 1;
  return clientsWith;
};
const bounds = (slots: number, counts: readonly number[], others = 0): ReturnType<typeof boundsOf> =>
  boundsOf({
    slots,
    used: counts.reduce((sum, count) => sum + count, others),
    clients: counts.length,
    clientsWith: heldBy(counts),
  });

test("with room to spare a campus keeps its connections, and one client a quarter", () => {
  assert.deepEqual(bounds(16_384, [3000, 2, 2]), { perClient: 4096, headMs: 0, idleMs: 0 });
  assert.equal(bounds(40, [1]).perClient, CLIENT_CONNECTIONS_MIN);
});

test("as slots become scarce who holds most gives first, and small ones give nothing", () => {
  const greedy = bounds(1000, [600, 4, 4, 4]);
  assert.ok(greedy.perClient >= 250 && greedy.perClient <= 500, `${greedy.perClient}`);
  assert.equal(greedy.headMs, 5000);
  const many = bounds(
    1000,
    Array.from({ length: 20 }, () => 40),
  );
  assert.equal(many.perClient, 25, "half of the slots by twenty");
  assert.equal(many.headMs, 2000);
  const tiny = bounds(
    1000,
    Array.from({ length: 900 }, () => 1),
  );
  assert.equal(tiny.perClient, CLIENT_CONNECTIONS_MIN);
});

test("what all may hold together never exceeds half of the slots, unless each is at the least", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 64, max: 20_000 }),
      fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 1, maxLength: 200 }),
      (slots, counts) => {
        const { perClient } = bounds(slots, counts);
        assert.ok(perClient >= CLIENT_CONNECTIONS_MIN);
        const used = counts.reduce((sum, count) => sum + count, 0);
        if (used < slots / 2 || perClient === CLIENT_CONNECTIONS_MIN) return;
        const held = counts.reduce((sum, count) => sum + Math.min(count, perClient), 0);
        assert.ok(held <= slots / 2, `${held} of ${slots}`);
        const more = counts.reduce((sum, count) => sum + Math.min(count, perClient + 1), 0);
        const isMost = perClient === Math.max(CLIENT_CONNECTIONS_MIN, Math.floor(slots / 4));
        assert.ok(isMost || more > slots / 2, "no smaller than it has to be");
      },
    ),
  );
});

test("who has asked for nothing gets less time as slots become scarce; who is served is left alone", () => {
  const full = bounds(
    100,
    Array.from({ length: 80 }, () => 1),
  );
  assert.ok(isOverdue("head", 2001, full));
  assert.ok(!isOverdue("head", 1999, full));
  assert.ok(isOverdue("idle", 5001, full));
  assert.ok(!isOverdue("busy", 1e9, full));
  const calm = bounds(100, [1]);
  assert.ok(!isOverdue("head", 1e9, calm) && !isOverdue("idle", 1e9, calm));
});

test("of too many those go first that hold nothing a visitor waits for, the oldest before", () => {
  const rows = [
    ["busy", 1],
    ["idle", 9],
    ["head", 4294967295],
    ["idle", 3],
    ["head", 2],
  ] as const;
  const sorted = rows.toSorted(([a, n], [b, m]) => cutRank(a, n) - cutRank(b, m));
  assert.deepEqual(
    sorted.map(([state, order]) => `${state} ${order}`),
    ["head 2", "head 4294967295", "idle 3", "idle 9", "busy 1"],
  );
});

test("drop by drop is told from slow, silent and done", () => {
  const at: Progress = { acked: 1000, received: 1000, unsent: 500, isReadingBody: false, requests: 1 };
  const move = (before: Partial<Progress>, now: Partial<Progress>): string | undefined =>
    isTrickling({ ...at, ...before }, { ...at, ...now });
  assert.equal(move({}, { acked: 1200 }), "read");
  assert.equal(move({}, { acked: 1000 + PROGRESS_BYTES_MIN }), undefined, "a slow telephone");
  assert.equal(move({}, { unsent: 0 }), undefined, "nothing waits: an event stream, a WebSocket");
  assert.equal(move({ unsent: 0 }, {}), undefined);
  assert.equal(move({ acked: 4294967000 }, { acked: 50 }), "read", "sums wrap");
  assert.equal(move({ acked: 4294960000 }, { acked: 5000 }), undefined);
  const body = { unsent: 0, isReadingBody: true };
  assert.equal(move(body, { ...body, received: 1030 }), "body");
  assert.equal(move(body, { ...body, received: 1000 + PROGRESS_BYTES_MIN }), undefined);
  assert.equal(move(body, body), undefined, "silence is for nginx's own time");
  assert.equal(move(body, { ...body, received: 1030, requests: 2 }), undefined, "another request");
  assert.equal(move(body, { unsent: 0, received: 1030 }), undefined, "the origin is at work");
});
