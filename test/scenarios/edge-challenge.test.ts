/**
 * The challenge on a real edge: who is asked, what is accepted and what never is, what a clearance is good for and where, and who is not asked at all.
 * Proofs are computed here by Node's own SHA-256, so that the edge and the page's script agree with a third party.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, test } from "node:test";
import { CHALLENGE_PATH, CLEARANCE_COOKIE, PROTECTION_DEFAULT } from "../../src/contract/protection.ts";
import type { ProtectionSettings } from "../../src/contract/protection.ts";
import { openOrigin, openStage, policyFor, type Answer, type Ask, type Origin, type Stage } from "./edge-stage.ts";

const UNDER_ATTACK: ProtectionSettings = {
  ...PROTECTION_DEFAULT,
  underAttack: { on: true, paths: [], endsAt: null },
};
let stage: Stage;
let origin: Origin;

before(async () => {
  stage = await openStage();
  origin = await openOrigin();
  const settings = { ...UNDER_ATTACK, neverChallenge: ["/api/*"] };
  const policy = policyFor(origin.port, { protection: settings });
  assert.equal((await stage.apply(policy)).ok, true);
});
after(async () => {
  await stage.end();
  await origin.end();
});

test("a page is asked for a proof, and whoever brings one gets the page", async () => {
  const asked = await stage.send({ host: "forum.example", path: "/threads?page=2" });
  assert.equal(asked.status, 403);
  assert.equal(asked.headers["cache-control"], "no-store");
  assert.match(asked.headers["x-request-id"] as string, /^[0-9a-f]{16}$/);
  assert.ok(asked.body.includes(asked.headers["x-request-id"] as string));
  assert.ok(asked.body.length < 12_288, `${asked.body.length} bytes`);
  const brought = await bring(asked);
  assert.equal(brought.status, 303, brought.body);
  assert.equal(brought.headers.location, "http://forum.example/threads?page=2");
  const cookie = cookieOf(brought);
  const passed = await stage.send({ host: "forum.example", path: "/threads?page=2", headers: { cookie } });
  assert.equal(passed.status, 200);
  assert.equal(passed.body, "hello from the origin");
});

export const fieldOf = (page: Answer, name: string): string =>
  new RegExp(`name="${name}" value="([^"]*)"`).exec(page.body)?.[1] ?? "";

/** A nonce with so many zero bits, found by counting. */
export function solve(token: string, bits = Number(token.split(".")[2])): string {
  const block = Buffer.from(`parapet-proof-1\n${token}`.padEnd(64, "\n"));
  for (let i = 0; ; i++) {
    const nonce = letters(i);
    const digest = createHash("sha256").update(block).update(nonce).digest();
    if (digest.readUInt32BE(0) < 2 ** (32 - bits)) return nonce;
  }
}

function letters(i: number): string {
  return [...i.toString(16).padStart(12, "0")]
    .map((digit) => String.fromCharCode(0x61 + Number.parseInt(digit, 16)))
    .join("");
}

function bring(page: Answer, changes: Record<string, string> = {}, more: Partial<Ask> = {}): Promise<Answer> {
  const token = fieldOf(page, "token");
  const fields = { token, target: fieldOf(page, "target").replaceAll("&amp;", "&"), ...changes };
  const nonce = changes["nonce"] ?? solve(token);
  return post({ ...fields, nonce }, more);
}

function post(fields: Record<string, string>, more: Partial<Ask> = {}): Promise<Answer> {
  return stage.send({
    host: "forum.example",
    path: CHALLENGE_PATH,
    method: "POST",
    body: new URLSearchParams(fields).toString(),
    ...more,
    headers: { "content-type": "application/x-www-form-urlencoded", ...more.headers },
  });
}

function cookieOf(answer: Answer): string {
  const line = answer.headers["set-cookie"]?.[0] ?? "";
  assert.ok(line.startsWith(`${CLEARANCE_COOKIE}=`), line);
  return line.split(";")[0]!;
}
