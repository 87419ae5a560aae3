/**
 * An incident and what is told of it survive kill -9 at any moment: each flood is one incident, one mail and one message of its beginning and of its end. A message to a
 * webhook may come twice, as nobody can know whether the receiver took it when the power went; it has the same id then.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import type { IncidentRow } from "../../src/contract/http-protection.ts";
import { templateFolder } from "../../src/store/testing.ts";

const ROUNDS = 5;
const WRITER = fileURLToPath(new URL("./incident-kill-writer.ts", import.meta.url));

/** The next number of a seed, 0 to 1 (a linear congruential generator: any spread will do). */
function numbersFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) % 2 ** 31;
    return Math.abs(state) / 2 ** 31;
  };
}

test("kill -9 while floods are told: no incident is lost, and each beginning and end is told once", async (t) => {
  const seed = Number(process.env["PARAPET_SEED"] ?? 20_261_123);
  t.diagnostic(`PARAPET_SEED=${seed}`);
  const chance = numbersFrom(seed);
  const dataDir = mkdtempSync(join(tmpdir(), "parapet-incident-kill-"));
  t.after(() => rmSync(dataDir, { recursive: true, force: true }));
  cpSync(await templateFolder(), join(dataDir, "database"), { recursive: true });
  const hooks: { id: string; type: string; incidentId: string }[] = [];
  const server = createServer((asked, answer) => {
    if (asked.method !== "POST") return void answer.end("<title>A shop</title>");
    let body = "";
    asked.setEncoding("utf8").on("data", (part: string) => (body += part));
    asked.on("end", () => {
      const told = JSON.parse(body) as { type: string; data: { incidentId: string } };
      hooks.push({
        id: String(asked.headers["webhook-id"]),
        type: told.type,
        incidentId: told.data.incidentId,
      });
      answer.writeHead(204).end();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const originUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  /** Runs the writer up to flood `last`, or kills it so many milliseconds after it was ready. Answers with what it said. */
  async function run(last: number, killAfterMs: number | null): Promise<string[]> {
    const child = spawn(process.execPath, [WRITER, dataDir, originUrl, String(last)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    t.after(() => child.kill("SIGKILL"));
    const closed = once(child, "close") as Promise<[number | null, string | null]>;
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (part: string) => {
      const wasReady = output.includes("ready");
      output += part;
      if (killAfterMs !== null && !wasReady && output.includes("ready"))
        setTimeout(() => child.kill("SIGKILL"), killAfterMs);
    });
    const [code, signal] = await closed;
    if (killAfterMs === null) assert.equal(code, 0, output);
    else assert.equal(signal, "SIGKILL", output);
    return output.trim().split("\n");
  }

  const acknowledged = new Set<number>();
  const note = (lines: readonly string[]): void => {
    for (const line of lines) {
      const n = /^(\d+) told$/.exec(line)?.[1];
      if (n !== undefined) acknowledged.add(Number(n));
    }
  };
  for (let round = 0; round < ROUNDS; round++) note(await run(1_000_000, Math.floor(chance() * 1000)));
  const highest = Math.max(0, ...acknowledged);
  const lines = await run(highest + 2, null);
  note(lines);
  const end = JSON.parse(lines.at(-1) ?? "") as {
    floods: number;
    total: number;
    items: IncidentRow[];
    mails: { about: string; subject: string }[];
  };

  t.diagnostic(`${end.total} incidents, ${hooks.length} messages, ${acknowledged.size} acknowledged`);
  assert.equal(end.total, end.floods, "each flood is one incident");
  assert.ok(end.floods >= highest + 2);
  assert.ok(end.items.every(({ state }) => state === "ended"));
  assert.equal(end.mails.length, 2 * end.total, "one mail of each beginning and end");
  assert.equal(new Set(end.mails.map(({ about, subject }) => `${about} ${subject}`)).size, 2 * end.total);
  // Several with one id are one message that came twice.
  const messages = new Map(hooks.map((hook) => [hook.id, hook]));
  assert.equal(messages.size, 2 * end.total, "one message of each beginning and end");
  const told = new Set([...messages.values()].map(({ incidentId, type }) => `${incidentId} ${type}`));
  assert.equal(told.size, 2 * end.total);
  assert.ok(hooks.length - messages.size <= ROUNDS, "at most the one that was under way comes twice");
});
