import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import {
  placeholderSeed,
  ticketKey,
  ticketSlot,
  TICKET_SLOT_MS,
  whyNotSecrets,
  writeTicketKeys,
} from "./ticket-keys.ts";

const SECRET = Buffer.alloc(32, 7).toString("base64url");

/** RFC 5869 §2.2 and §2.3 by hand: no salt is a salt of zeros. */
function hkdf(secret: Buffer, info: string, bytes: number): Buffer {
  const pseudorandom = createHmac("sha256", Buffer.alloc(32)).update(secret).digest();
  let out = Buffer.alloc(0);
  let block = Buffer.alloc(0);
  for (let i = 1; out.length < bytes; i++) {
    block = createHmac("sha256", pseudorandom)
      .update(Buffer.concat([block, Buffer.from(info), Buffer.from([i])]))
      .digest();
    out = Buffer.concat([out, block]);
  }
  return out.subarray(0, bytes);
}

test("keys follow from the secret and the slot alone: every node and every version of this program makes the same", () => {
  const secret = Buffer.from(SECRET, "base64url");
  for (const slot of [0, 1, 41_000, 41_001]) {
    const expected = hkdf(secret, `parapet edge session ticket key 1 ${slot}`, 80);
    assert.deepEqual(ticketKey(SECRET, slot), expected, `slot ${slot}`);
  }
  assert.deepEqual(placeholderSeed(SECRET), hkdf(secret, "parapet edge placeholder certificate 1", 32));
  assert.equal(ticketKey(SECRET, 41_000).toString("hex").slice(0, 32), "1aca8a82b3696403ec95f624ad58e9d2");
  assert.equal(placeholderSeed(SECRET).toString("hex").slice(0, 32), "1023be618e4254b05db2987f213279a9");
});

test("no two slots and no two secrets share a key, nor any of its parts", () => {
  const parts = new Set<string>();
  const others = [SECRET, Buffer.alloc(32, 8).toString("base64url")];
  for (const secret of others) {
    for (let slot = 41_000; slot < 41_100; slot++) {
      const key = ticketKey(secret, slot);
      assert.equal(key.length, 80);
      // nginx's name, HMAC key and AES key.
      for (const [from, to] of [
        [0, 16],
        [16, 48],
        [48, 80],
      ] as const)
        parts.add(key.subarray(from, to).toString("hex"));
    }
  }
  assert.equal(parts.size, 2 * 100 * 3);
});

test("a slot begins at its first millisecond and ends before the next one's", () => {
  assert.equal(ticketSlot(0), 0);
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 100_000 }), (slot) => {
      const begin = slot * TICKET_SLOT_MS;
      assert.deepEqual([begin - 1, begin, begin + 1, begin + TICKET_SLOT_MS - 1].map(ticketSlot), [
        slot - 1,
        slot,
        slot,
        slot,
      ]);
    }),
  );
});

test("a ticket opens on every node whose clock is at most a slot away, and two slots later on none", () => {
  const folder = mkdtempSync(join(tmpdir(), "parapet-tickets-"));
  try {
    const read = (slot: number): readonly string[] =>
      writeTicketKeys(folder, { schema: 1, ticketSecret: SECRET }, slot).map((path) =>
        readFileSync(path).toString("hex"),
      );
    const [maker] = read(41_000);
    assert.ok(maker !== undefined);
    for (const [slot, opens] of [
      [40_998, false],
      [40_999, true],
      [41_000, true],
      [41_001, true],
      [41_002, false],
    ] as const)
      assert.equal(read(slot).includes(maker), opens, `slot ${slot}`);
    // The present slot's key makes tickets at any moment of it, also where one slot meets the next.
    for (const nowMs of [41_000 * TICKET_SLOT_MS, 41_001 * TICKET_SLOT_MS - 1])
      assert.equal(read(ticketSlot(nowMs))[0], maker);
    assert.notEqual(read(ticketSlot(41_001 * TICKET_SLOT_MS))[0], maker);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("key files are this user's alone, whatever lay there", () => {
  const folder = mkdtempSync(join(tmpdir(), "parapet-tickets-"));
  try {
    writeFileSync(join(folder, "ticket-0.key"), "older");
    chmodSync(join(folder, "ticket-0.key"), 0o666);
    const paths = writeTicketKeys(folder, { schema: 1, ticketSecret: SECRET }, 41_000);
    assert.deepEqual(
      paths.map((path) => basename(path)),
      ["ticket-0.key", "ticket-1.key", "ticket-2.key"],
    );
    for (const path of paths) assert.equal(statSync(path).mode & 0o777, 0o600, path);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("secrets of another shape are refused, and none of them is repeated", () => {
  assert.equal(whyNotSecrets({ schema: 1, ticketSecret: SECRET }), null);
  for (const value of [
    null,
    "text",
    [],
    {},
    { schema: 2, ticketSecret: SECRET },
    { schema: 1, ticketSecret: SECRET, more: 1 },
    { schema: 1, ticketSecret: `${SECRET}A` },
    { schema: 1, ticketSecret: SECRET.slice(1) },
    { schema: 1, ticketSecret: `${SECRET}\n` },
    { schema: 1, ticketSecret: 7 },
    { schema: 1 },
  ]) {
    const why = whyNotSecrets(value);
    assert.ok(why !== null && !why.includes(SECRET.slice(1, 9)), JSON.stringify(value));
  }
  fc.assert(fc.property(fc.anything(), (value) => assert.notEqual(whyNotSecrets(value), null)));
});
