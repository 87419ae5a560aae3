import assert from "node:assert/strict";
import { test } from "node:test";
import { AuthRefusal, createAuth, reasonOf, totpSecret, type Auth, type PasskeyDevice } from "./auth.ts";

type Sent = { method: string | undefined; url: string; body: unknown };

function authAnswering(
  answers: readonly (Response | Error)[],
  passkeys: PasskeyDevice | null = null,
): { sent: Sent[]; auth: Auth } {
  const sent: Sent[] = [];
  const left = [...answers];
  const auth = createAuth({
    passkeys,
    fetch: async (url, init) => {
      sent.push({
        method: init.method,
        url,
        body: init.body === undefined ? undefined : JSON.parse(String(init.body)),
      });
      const next = left.shift();
      if (next === undefined) throw new Error("no answer left");
      if (next instanceof Error) throw next;
      return next;
    },
  });
  return { sent, auth };
}

const refused = (code: string, status: number): Response =>
  Response.json({ code, message: "foreign <b>text</b>" }, { status });

const reason = async (promise: Promise<unknown>): Promise<string> => {
  const error = await promise.then(
    () => null,
    (e: unknown) => e,
  );
  assert.ok(error instanceof AuthRefusal);
  assert.doesNotMatch(error.message, /foreign/);
  return error.reason;
};

test("a right password leads to the second step when there is one", async () => {
  const { auth, sent } = authAnswering([
    Response.json({ twoFactorRedirect: true }),
    Response.json({ token: "t" }),
  ]);
  assert.equal(await auth.signIn({ email: "a@desk.example", password: "p" }), "second-step");
  assert.equal(await auth.signIn({ email: "a@desk.example", password: "p" }), "signed-in");
  assert.deepEqual(sent[0], {
    method: "POST",
    url: "/api/auth/sign-in/email",
    body: { email: "a@desk.example", password: "p" },
  });
});

test("every refusal has a reason that the screens have words for", () => {
  const table: [number, string, string][] = [
    [401, "INVALID_EMAIL_OR_PASSWORD", "wrong"],
    [401, "INVALID_CODE", "wrongCode"],
    [401, "INVALID_BACKUP_CODE", "wrongCode"],
    [400, "INVALID_PASSWORD", "wrongPassword"],
    [400, "TOO_MANY_ATTEMPTS_REQUEST_NEW_CODE", "tooMany"],
    [401, "INVALID_TWO_FACTOR_COOKIE", "session"],
    [429, "", "tooMany"],
    [401, "", "session"],
    [500, "", "failed"],
    [500, "constructor", "failed"],
  ];
  for (const [status, code, wanted] of table) assert.equal(reasonOf(status, code), wanted, code);
});

test("a refusal, a dead server and a page that is no JSON are told apart", async () => {
  const { auth } = authAnswering([
    refused("INVALID_CODE", 401),
    new TypeError("down"),
    new Response("<html>", { status: 502 }),
  ]);
  assert.equal(await reason(auth.verifyTotp("000000")), "wrongCode");
  assert.equal(await reason(auth.verifyTotp("000000")), "offline");
  assert.equal(await reason(auth.verifyTotp("000000")), "failed");
});

test("Parapet's own refusals are told in its own sentence where the screens have none", async () => {
  const told = (code: string, status: number): Response =>
    new Response(JSON.stringify({ code, status, detail: "Ask an operator for a new link." }), {
      status,
      headers: { "content-type": "application/problem+json" },
    });
  const { auth } = authAnswering([told("auth.second-factor-required", 403), told("limit.rate", 429)]);
  const first = await auth.enrolPassword("a long sentence").catch((e: unknown) => e);
  assert.ok(first instanceof AuthRefusal);
  assert.deepEqual([first.reason, first.detail], ["failed", "Ask an operator for a new link."]);
  assert.equal(await reason(auth.verifyTotp("000000")), "tooMany");
});

test("enrolling sends the password, then yields address and codes, and refuses an answer without them", async () => {
  const { auth, sent } = authAnswering([
    Response.json({ status: true }),
    Response.json({ totpURI: "otpauth://totp/Parapet:a?secret=ABCD", backupCodes: ["a-1", 7, "b-2"] }),
    Response.json({ totpURI: "https://evil.example/", backupCodes: [] }),
  ]);
  await auth.enrolPassword("a long sentence");
  assert.deepEqual(await auth.enableTotp("a long sentence"), {
    totpUri: "otpauth://totp/Parapet:a?secret=ABCD",
    backupCodes: ["a-1", "b-2"],
  });
  assert.equal(await reason(auth.enableTotp("a long sentence")), "failed");
  assert.deepEqual(
    sent.map((s) => s.url),
    ["/api/auth/enrol/password", "/api/auth/two-factor/enable", "/api/auth/two-factor/enable"],
  );
});

test("a passkey is asked of the browser and its JSON form is sent", async () => {
  const device: PasskeyDevice = {
    create: async () => ({ toJSON: () => ({ id: "made" }) }),
    get: async () => ({ toJSON: () => ({ id: "found" }) }),
  };
  const ok = (): Response => Response.json({});
  const { auth, sent } = authAnswering([ok(), ok(), ok(), ok()], device);
  await auth.signInWithPasskey();
  await auth.addPasskey("Desk");
  assert.deepEqual(sent[1]?.body, { response: { id: "found" } });
  assert.deepEqual(sent[3]?.body, { response: { id: "made" }, name: "Desk" });
});

test("no passkey device, and a person who cancels, are both a plain refusal", async () => {
  const cancels: PasskeyDevice = {
    create: async () => null,
    get: () => Promise.reject(new DOMException("", "NotAllowedError")),
  };
  for (const device of [null, cancels]) {
    const { auth } = authAnswering([Response.json({})], device);
    assert.equal(await reason(auth.signInWithPasskey()), "passkeyCancelled");
  }
});

test("the authenticator's key is shown in groups of four", () => {
  assert.equal(totpSecret("otpauth://totp/x?secret=ABCDEFGHIJ"), "ABCD EFGH IJ");
  assert.equal(totpSecret("nonsense"), "");
});
