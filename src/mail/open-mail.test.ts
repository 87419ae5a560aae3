import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { createServer, type AddressInfo } from "node:net";
import { test, type TestContext } from "node:test";
import { SMTPServer } from "smtp-server";
import { openTestDb, type TestDb } from "../store/testing.ts";
import { parseMailbox } from "./address.ts";
import type { Mail } from "./mail.ts";
import { openMail, RETRY_AFTER_MS, TEXT_CHARS_MAX, TRIES_MAX } from "./open-mail.ts";

type Rig = {
  t: TestDb;
  mail: Mail;
  got: string[];
  alarms: string[];
  tick(ms: number): void;
  answer(code: number): void;
};

async function rig(test: TestContext, options: { readonly route: boolean } = { route: true }): Promise<Rig> {
  const t = await openTestDb();
  const got: string[] = [];
  const alarms: string[] = [];
  let nowMs = Date.now();
  let code = 250;
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ["STARTTLS", "AUTH"],
    onRcptTo(_address, _session, done) {
      done(code === 250 ? null : Object.assign(new Error("not now"), { responseCode: code }));
    },
    onData(stream, _session, done) {
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("end", () => {
        got.push(Buffer.concat(chunks).toString("utf8"));
        done();
      });
    },
  });
  const port = await new Promise<number>((resolve) => {
    const listening = server.listen(0, "127.0.0.1", () => resolve((listening.address() as AddressInfo).port));
  });
  const mail = await openMail({
    db: t.db,
    settings: {
      smtpUrl: options.route ? `smtp://127.0.0.1:${port}` : "",
      mailFrom: "desk@operator.example",
      operatorName: "Example Edge",
      publicUrl: "https://desk.example",
    },
    now: () => nowMs,
    random: randomBytes,
    onAlarm: (name) => void alarms.push(name),
  });
  test.after(async () => {
    await mail.close();
    await new Promise<void>((resolve) => server.close(() => resolve()));
    await t.close();
  });
  return { t, mail, got, alarms, tick: (ms) => void (nowMs += ms), answer: (next) => void (code = next) };
}

const letter = {
  to: "owner@site.example",
  subject: "A notice",
  text: "The secret link",
  about: "decision x",
};

test("a mail is delivered once, and its words are forgotten after", async (test) => {
  const r = await rig(test);
  const { mailId } = await r.t.db.transaction((tx) => r.mail.send(tx, letter));
  assert.equal(await r.mail.stateOf(mailId), "waiting");
  assert.deepEqual(await r.mail.deliver(), { sent: 1, failed: 0, waiting: 0 });
  assert.deepEqual(await r.mail.deliver(), { sent: 0, failed: 0, waiting: 0 });
  assert.equal(r.got.length, 1);
  assert.match(r.got[0] ?? "", /Auto-Submitted: auto-generated/i);
  assert.equal(await r.mail.stateOf(mailId), "sent");
  assert.deepEqual(await r.t.db.query(`select body from mail_out`), [{ body: null }]);
});

test("a transaction that fails takes its mail with it", async (test) => {
  const r = await rig(test);
  await assert.rejects(
    r.t.db.transaction(async (tx) => {
      await r.mail.send(tx, letter);
      throw new Error("no");
    }),
  );
  assert.deepEqual(await r.mail.deliver(), { sent: 0, failed: 0, waiting: 0 });
});

test("a server that says later is asked again, with pauses, and at the end an alarm is raised", async (test) => {
  const r = await rig(test);
  r.answer(451);
  const { mailId } = await r.t.db.transaction((tx) => r.mail.send(tx, letter));
  for (let tries = 1; tries < TRIES_MAX; tries++) {
    assert.deepEqual(await r.mail.deliver(), { sent: 0, failed: 0, waiting: 1 }, `try ${tries}`);
    assert.deepEqual(await r.mail.deliver(), { sent: 0, failed: 0, waiting: 1 }, "nothing is due yet");
    r.tick(RETRY_AFTER_MS[tries - 1] ?? 0);
  }
  assert.deepEqual(r.alarms, []);
  assert.deepEqual(await r.mail.deliver(), { sent: 0, failed: 1, waiting: 0 });
  assert.deepEqual(r.alarms, ["mail.not-delivered"]);
  assert.equal(await r.mail.stateOf(mailId), "failed");
  const rows = await r.t.db.query<{ tries: number }>(`select tries from mail_out`);
  assert.equal(rows[0]?.tries, TRIES_MAX);
});

test("a server that says never is believed at once", async (test) => {
  const r = await rig(test);
  r.answer(550);
  await r.t.db.transaction((tx) => r.mail.send(tx, letter));
  assert.deepEqual(await r.mail.deliver(), { sent: 0, failed: 1, waiting: 0 });
  assert.deepEqual(r.alarms, ["mail.not-delivered"]);
});

test("without a route mail waits and the status says so", async (test) => {
  const r = await rig(test, { route: false });
  await r.t.db.transaction((tx) => r.mail.send(tx, letter));
  assert.deepEqual(await r.mail.deliver(), { sent: 0, failed: 0, waiting: 1 });
  assert.deepEqual(await r.mail.status(), { route: false, waiting: 1, failed: 0 });
});

test("addresses, headers and sizes that are no mail are refused", async (test) => {
  const r = await rig(test);
  const bad = [
    "",
    "owner",
    "@site.example",
    "owner@",
    "owner@localhost",
    "a@b.example, c@d.example",
    "owner@site.example\r\nBcc: x@y.example",
    '"quoted"@site.example',
    "owner@[192.0.2.1]",
    "<owner@site.example>",
    `${"a".repeat(65)}@site.example`,
    `a@${"b.".repeat(130)}example`,
    "a..b@site.example",
    "a@-site.example",
  ];
  for (const to of bad) {
    assert.equal(parseMailbox(to).ok, false, to);
    await assert.rejects(
      r.t.db.transaction((tx) => r.mail.send(tx, { ...letter, to })),
      { code: "input.invalid" },
    );
  }
  assert.deepEqual(parseMailbox("Owner+x@Site.Example"), { ok: true, value: "Owner+x@site.example" });
  assert.equal(parseMailbox(`${"a".repeat(64)}@site.example`).ok, true);
  const long = { ...letter, text: "a".repeat(TEXT_CHARS_MAX + 1) };
  await assert.rejects(
    r.t.db.transaction((tx) => r.mail.send(tx, long)),
    { code: "input.too-large" },
  );
  await r.t.db.transaction((tx) => r.mail.send(tx, { ...letter, subject: "x\r\nBcc: spy@other.example" }));
  await r.mail.deliver();
  assert.equal(/^Bcc:/im.test(r.got[0] ?? ""), false);
});

test("letters of the desk go before those that a customer can cause", async (test) => {
  const { t, mail, got } = await rig(test);
  for (const about of ["incident i", "member of s", "decision d", "appeal a"]) {
    await t.db.transaction((tx) => mail.send(tx, { ...letter, subject: about, about }));
  }
  assert.equal((await mail.deliver()).sent, 4);
  assert.deepEqual(
    got.map((text) => /^Subject: (.*)$/m.exec(text)?.[1]?.trim()),
    ["decision d", "appeal a", "incident i", "member of s"],
  );
});

test("a server that hangs up at once is not asked for each letter that waits", async (test) => {
  const t = await openTestDb();
  let asked = 0;
  const server = createServer((socket) => {
    asked += 1;
    socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const mail = await openMail({
    db: t.db,
    settings: {
      smtpUrl: `smtp://127.0.0.1:${(server.address() as AddressInfo).port}`,
      mailFrom: "desk@operator.example",
      operatorName: "Example Edge",
      publicUrl: "https://desk.example",
    },
    now: Date.now,
    random: randomBytes,
    onAlarm: () => undefined,
  });
  test.after(async () => {
    await mail.close();
    await new Promise<void>((resolve) => server.close(() => resolve()));
    await t.close();
  });
  for (let n = 0; n < 10; n++) await t.db.transaction((tx) => mail.send(tx, letter));
  assert.deepEqual(await mail.deliver(), { sent: 0, failed: 0, waiting: 10 });
  assert.equal(asked, 2);
});
