import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { getMigrations } from "better-auth/db/migration";
import {
  browserOf,
  enrol,
  enterWith,
  expectOk,
  PASSWORD,
  startControl,
  totp,
  type TestControl,
} from "./testing.ts";
import { createSignIn, SIGN_IN_ENDPOINTS } from "./sign-in.ts";
import { randomBytes } from "node:crypto";

let server: TestControl;
before(async () => {
  server = await startControl();
});
after(() => server.close());

const codeOf = async (response: Response): Promise<string> =>
  ((await response.json()) as { code: string }).code;

test("The library has no migration to add to ours", async () => {
  const signIn = createSignIn({
    db: server.db,
    settings: server.settings,
    secret: randomBytes(32),
    now: Date.now,
    random: randomBytes,
  });
  const { compileMigrations } = await getMigrations(signIn.options as never);
  const sql = await compileMigrations();
  signIn.close();
  assert.equal(sql.replace(/[;\s]/g, ""), "");
});

test("An officer enrols by a link, a password and an authenticator, and may decide then", async () => {
  const { browser } = await enrol(server, {
    name: "A. Officer",
    email: "a@desk.example",
    roles: ["officer"],
  });
  const me = (await (await browser.get("/api/v1/me")).json()) as Record<string, unknown>;
  assert.equal(me["mayDecide"], true);
  assert.equal(me["whyNot"], null);
  assert.equal((await browser.get("/api/v1/cases")).status, 200);
});

test("A link opens enrolment and nothing else", async () => {
  const { signInLink } = await server.control.invite({
    name: "B. Officer",
    email: "b@desk.example",
    roles: ["officer", "operator"],
  });
  const browser = await enterWith(server, signInLink);
  const me = (await (await browser.get("/api/v1/me")).json()) as Record<string, unknown>;
  assert.equal(me["mayDecide"], false);
  assert.match(String(me["whyNot"]), /Set a password/);
  for (const path of ["/api/v1/cases", "/api/v1/sites", "/api/v1/overview", "/api/v1/people"]) {
    const response = await browser.get(path);
    assert.equal(response.status, 403, path);
    assert.equal(await codeOf(response), "auth.second-factor-required");
  }
});

test("A link works once, and an older link stops when a newer one is issued", async () => {
  const { signInLink } = await server.control.invite({
    name: "C",
    email: "c@desk.example",
    roles: ["officer"],
  });
  const newer = await server.control.signInLink("c@desk.example");
  await assert.rejects(enterWith(server, signInLink), /used already/);
  await enterWith(server, newer);
  await assert.rejects(enterWith(server, newer), /used already/);
  for (const token of ["", "x", "a".repeat(43), "a".repeat(5000)]) {
    await assert.rejects(server.control.enter(token, "test"), /used already/);
  }
});

test("The database holds no link that could be used", async () => {
  const { signInLink } = await server.control.invite({
    name: "D",
    email: "d@desk.example",
    roles: ["officer"],
  });
  const token = new URL(signInLink).searchParams.get("token") ?? "";
  const rows = await server.db.query<Record<string, unknown>>(`select * from "verification"`);
  assert.ok(rows.length > 0);
  assert.ok(!JSON.stringify(rows).includes(token));
});

test("A link expires after its time", async () => {
  await server.control.invite({ name: "E", email: "e@desk.example", roles: ["officer"] });
  const link = await server.control.signInLink("e@desk.example");
  await server.db.query(`update "verification" set "expiresAt" = now() - interval '1 second'`);
  await assert.rejects(enterWith(server, link), /used already, or is too old/);
});

test("No link is issued to somebody who has a second factor, unless an operator resets them", async () => {
  const { browser } = await enrol(server, { name: "F", email: "f@desk.example", roles: ["officer"] });
  await assert.rejects(server.control.signInLink("f@desk.example"), /has a second factor/);
  const link = await server.control.signInLink("f@desk.example", { reset: true });
  assert.equal((await browser.get("/api/v1/me")).status, 401, "the reset ends the sessions");
  const again = await enterWith(server, link);
  await expectOk(again.send("POST", "/api/auth/enrol/password", { password: PASSWORD }));
});

test("A password alone neither decides nor enrols a second factor", async () => {
  const { signInLink } = await server.control.invite({
    name: "G",
    email: "g@desk.example",
    roles: ["officer"],
  });
  const enrolling = await enterWith(server, signInLink);
  await expectOk(enrolling.send("POST", "/api/auth/enrol/password", { password: PASSWORD }));
  const thief = browserOf(server.url);
  await expectOk(
    thief.send("POST", "/api/auth/sign-in/email", { email: "g@desk.example", password: PASSWORD }),
  );
  assert.equal(await codeOf(await thief.get("/api/v1/cases")), "auth.second-factor-required");
  for (const path of ["/api/auth/two-factor/enable", "/api/auth/enrol/password"]) {
    const refused = await thief.send("POST", path, { password: PASSWORD });
    assert.equal(refused.status, 403, path);
  }
  const passkey = await thief.get("/api/auth/passkey/generate-register-options");
  assert.equal(passkey.status, 403);
});

test("A password with an authenticator signs in, a wrong code does not", async () => {
  const { secret, backupCodes } = await enrol(server, {
    name: "H",
    email: "h@desk.example",
    roles: ["officer"],
  });
  const browser = browserOf(server.url);
  const first = await browser.send("POST", "/api/auth/sign-in/email", {
    email: "h@desk.example",
    password: PASSWORD,
  });
  assert.equal(((await first.json()) as { twoFactorRedirect: boolean }).twoFactorRedirect, true);
  assert.equal((await browser.get("/api/v1/me")).status, 401, "the password alone began no session");
  const right = totp(secret, Date.now());
  const wrong = right === "000000" ? "000001" : "000000";
  assert.equal((await browser.send("POST", "/api/auth/two-factor/verify-totp", { code: wrong })).status, 401);
  await expectOk(browser.send("POST", "/api/auth/two-factor/verify-totp", { code: right }));
  assert.equal((await browser.get("/api/v1/cases")).status, 200);

  const other = browserOf(server.url);
  await other.send("POST", "/api/auth/sign-in/email", { email: "h@desk.example", password: PASSWORD });
  const code = backupCodes[0] ?? "";
  await expectOk(other.send("POST", "/api/auth/two-factor/verify-backup-code", { code }));
  assert.equal((await other.get("/api/v1/cases")).status, 200);
});

test("Nobody signs up, and the library's other endpoints do not exist", async () => {
  const stranger = browserOf(server.url);
  const signUp = { email: "x@desk.example", password: PASSWORD, name: "X" };
  assert.equal((await stranger.send("POST", "/api/auth/sign-up/email", signUp)).status, 404);
  for (const path of [
    "/sign-in/magic-link",
    "/two-factor/disable",
    "/delete-user",
    "/update-session",
    "/verify-password",
  ]) {
    assert.equal(SIGN_IN_ENDPOINTS[`POST ${path}`], undefined);
    assert.equal((await stranger.send("POST", `/api/auth${path}`, {})).status, 404, path);
  }
  assert.equal((await stranger.get("/api/auth/magic-link/verify?token=x")).status, 404);
});

test("A session can neither choose its own factor nor keep an address or a browser", async () => {
  const { browser } = await enrol(server, { name: "I", email: "i@desk.example", roles: ["officer"] });
  const rows = await server.db.query<Record<string, string>>(
    `select "factor", "ipAddress", "userAgent" from "session"`,
  );
  assert.ok(rows.some((row) => row["factor"] === "totp"));
  for (const row of rows) assert.equal(`${row["ipAddress"]}${row["userAgent"]}`, "");
  const forged = { email: "i@desk.example", password: PASSWORD, factor: "passkey" };
  await browserOf(server.url).send("POST", "/api/auth/sign-in/email", forged);
  const after = await server.db.query<{ n: string }>(
    `select count(*) as n from "session" where "factor" = 'passkey'`,
  );
  assert.equal(Number(after[0]?.n), 0);
  assert.equal((await browser.get("/api/v1/me")).status, 200);
});

test("Cookies are for scripts unreadable, for other sites unsendable, and for public pages absent", async () => {
  const { signInLink } = await server.control.invite({
    name: "J",
    email: "j@desk.example",
    roles: ["officer"],
  });
  const token = new URL(signInLink).searchParams.get("token") ?? "";
  const cookies = await server.control.enter(token, "test");
  assert.ok(cookies.length > 0);
  for (const cookie of cookies) {
    assert.match(cookie, /HttpOnly/i);
    assert.match(cookie, /SameSite=Strict/i);
    assert.match(cookie, /Path=\/api(;|$)/i);
  }
});

test("Signing in from another page is refused, with and without cookies", async () => {
  const { browser } = await enrol(server, { name: "K", email: "k@desk.example", roles: ["officer"] });
  for (const origin of ["https://evil.example", "null", `${server.url}.evil.example`]) {
    for (const from of [browser, browserOf(server.url)]) {
      const body = { email: "k@desk.example", password: PASSWORD };
      assert.equal(
        (await from.send("POST", "/api/auth/sign-in/email", body, { origin })).status,
        403,
        origin,
      );
    }
  }
});

test("Guessing a password is slowed down after a number of tries", async () => {
  const guesser = browserOf(server.url);
  let refused = 0;
  for (let i = 0; i < 80 && refused === 0; i++) {
    const body = { email: "nobody@desk.example", password: `wrong password ${i}` };
    const response = await guesser.send("POST", "/api/auth/sign-in/email", body);
    if (response.status === 429) {
      refused += 1;
      assert.match(response.headers.get("retry-after") ?? "", /^\d+$/);
    } else assert.equal(response.status, 401);
  }
  assert.equal(refused, 1);
});

test("The first operator gets a link until an operator has a second factor", async () => {
  const own = await startControl();
  try {
    assert.match((await own.control.operatorSignInLink()) ?? "", /\/enter\?token=/);
    assert.match((await own.control.operatorSignInLink()) ?? "", /\/enter\?token=/);
    await enrol(own, { name: "O", email: "o@desk.example", roles: ["operator"] });
    assert.equal(await own.control.operatorSignInLink(), null);
  } finally {
    await own.close();
  }
});
