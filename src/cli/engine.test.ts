/** The engine's rounds: what is slow outside holds up nothing inside. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { test } from "node:test";
import { openMail } from "../mail/open-mail.ts";
import { openTestDb } from "../store/testing.ts";
import { startEngine } from "./engine.ts";

test("a mail server that never greets holds up no decision; once it is gone, all comes to rest", async (t) => {
  const { db, close } = await openTestDb();
  const silent = new Set<Socket>();
  const server = createServer((socket) => {
    silent.add(socket);
    socket.on("error", () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const mail = await openMail({
    db,
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
  await db.transaction((tx) =>
    mail.send(tx, { to: "owner@site.example", subject: "A notice", text: "Words", about: "decision x" }),
  );
  const seen = { rounds: 0 };
  const still = { moved: 0 };
  const engine = startEngine({
    desk: { advance: () => Promise.resolve(((seen.rounds += 1), still)) } as never,
    sites: {
      publish: () => Promise.resolve({ published: 0 }),
      protection: { advance: () => Promise.resolve(0) },
      origins: { checkDue: () => undefined },
    } as never,
    certificates: { advance: () => Promise.resolve(still) } as never,
    ledger: { refresh: () => Promise.resolve() },
    mail,
    onAlarm: () => undefined,
  });
  t.after(async () => {
    for (const socket of silent) socket.destroy();
    await engine.close();
    await mail.close();
    await new Promise<void>((resolve) => server.close(() => resolve()));
    await close();
  });
  await until(() => silent.size > 0);
  seen.rounds = 0;
  // The letter hangs for twenty seconds; a round is due every quarter of one.
  await until(() => seen.rounds >= 4);
  assert.equal((await mail.status()).waiting, 1);
  server.close();
  for (const socket of silent) socket.destroy();
  await engine.settled();
});

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 10));
}
