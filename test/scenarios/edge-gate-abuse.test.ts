/** Those who would turn the gate against the site it stands before: slow pages asked for on purpose, clients that hang up, errors that come fast. */
import assert from "node:assert/strict";
import { connect } from "node:net";
import { after, before, beforeEach, test } from "node:test";
import type { SitePolicy } from "../../src/contract/policy.ts";
import { PROTECTION_DEFAULT } from "../../src/contract/protection.ts";
import {
  ask,
  newSiteId,
  openOrigin,
  openStage,
  policyFor,
  until,
  type Origin,
  type Stage,
} from "./edge-stage.ts";

const PAGE_MS = 40;
const SLOW_MS = 3000;
let stage: Stage;
let origin: Origin;
let atOnce = 0;
let peak = 0;
let answerMs = PAGE_MS;
let policy: SitePolicy;
let host = "";
let n = 0;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

before(async () => {
  // It works on when a client leaves, as programs with a database do.
  origin = await openOrigin((asked, answer) => {
    atOnce += 1;
    peak = Math.max(peak, atOnce);
    const end = (): void => {
      atOnce -= 1;
      if (asked.url?.startsWith("/broken") === true) answer.statusCode = 500;
      answer.end("served");
    };
    if (asked.url?.startsWith("/broken") === true) end();
    else setTimeout(end, asked.url?.startsWith("/export") === true ? SLOW_MS : answerMs);
  });
  stage = await openStage({ workers: 1 });
});
beforeEach(async () => {
  n += 1;
  host = `gate-${n}.example`;
  answerMs = PAGE_MS;
  peak = 0;
  policy = policyFor(origin.port, { siteId: newSiteId(), hostnames: [host] });
  await stage.apply(policy);
});
after(async () => {
  await stage.end();
  await origin.end();
});

/** The status, or 0 where there was no answer. */
async function get(path: string, localAddress: string): Promise<number> {
  const answer = await ask(stage.node.address, { host, path, localAddress }).catch(() => null);
  return answer?.status ?? 0;
}

/** Ten a second, each from an address of its own. Resolves with how many there were and how many were served. */
async function visitors(seconds: number): Promise<{ came: number; served: number }> {
  const all: Promise<number>[] = [];
  for (let i = 0; i < seconds * 10; i++) {
    all.push(get(`/page-${i}`, `127.0.${40 + n}.${1 + i}`));
    await pause(100);
  }
  const statuses = await Promise.all(all);
  return { came: statuses.length, served: statuses.filter((status) => status === 200).length };
}

/** Asks and hangs up with a reset after `ms`. */
function hangUp(path: string, localAddress: string, ms: number): void {
  const [to = "", port] = stage.node.address.split(":");
  const socket = connect({ host: to, port: Number(port), localAddress });
  socket.on("error", () => undefined);
  socket.resume();
  socket.write(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
  setTimeout(() => socket.resetAndDestroy(), ms);
}

test("slow pages asked for on purpose do not close the gate on everybody else", async () => {
  const flood = { isOn: true, others: [] as Promise<number>[] };
  for (let i = 0; i < 60; i++) flood.others.push(get("/", `127.0.80.${1 + i}`));
  const attack = (async () => {
    for (let i = 0; flood.isOn; i++) {
      flood.others.push(get(`/export-${i}`, `127.0.81.${1 + (i % 200)}`));
      await pause(125);
    }
  })();
  await pause(1000);
  const { came, served } = await visitors(10);
  flood.isOn = false;
  await attack;
  assert.ok(served >= came * 0.9, `${served} of ${came} were served`);
  await Promise.all(flood.others);
});

test("clients that hang up take a place for as long as the origin works for them, and no turn from those who wait", async () => {
  answerMs = 400;
  for (let i = 0; i < 60; i++) void get("/", `127.0.82.${1 + i}`);
  await pause(500);
  peak = 0;
  const flood = { isOn: true, sent: 0 };
  const attack = (async () => {
    while (flood.isOn) {
      for (let i = 0; i < 20; i++, flood.sent += 1) {
        hangUp(`/left-${flood.sent}`, `127.0.${83 + (flood.sent % 4)}.${1 + (flood.sent % 200)}`, 120);
      }
      await pause(50);
    }
  })();
  const { came, served } = await visitors(6);
  flood.isOn = false;
  await attack;
  assert.ok(flood.sent > 1000, `${flood.sent} hung up`);
  assert.ok(peak < 100, `${peak} at once at the origin, of ${flood.sent}`);
  assert.ok(served >= came * 0.7, `${served} of ${came} were served`);
});

test("whoever is on an allow-list does not wait", async () => {
  answerMs = 1500;
  const allowing = { ...PROTECTION_DEFAULT, allowNetworks: ["127.0.95.0/24"] };
  await stage.apply({ ...policy, version: policy.version + 1, protection: allowing });
  const rush = Array.from({ length: 300 }, (_, i) => get(`/rush-${i}`, `127.0.96.${1 + (i % 200)}`));
  await until(() => atOnce >= 16);
  const before = origin.requests.length;
  const allowed = Array.from({ length: 20 }, (_, i) => get(`/allowed-${i}`, `127.0.95.${1 + i}`));
  await until(
    () =>
      origin.requests.slice(before).filter(({ url }) => url?.startsWith("/allowed") === true).length === 20,
  );
  assert.ok((await Promise.all(allowed)).every((status) => status === 200));
  assert.ok((await Promise.all(rush)).includes(503), "others were told to come back");
});

test("errors that come fast do not open the gate", async () => {
  const broken = Array.from({ length: 600 }, (_, i) =>
    get(`/broken-${i}`, `127.0.${87 + (i % 4)}.${1 + (i % 200)}`),
  );
  assert.ok((await Promise.all(broken)).every((status) => status === 500));
  answerMs = 300;
  peak = 0;
  await Promise.all(Array.from({ length: 300 }, (_, i) => get(`/page-${i}`, `127.0.91.${1 + (i % 200)}`)));
  assert.ok(peak <= 40, `${peak} at once`);
});
