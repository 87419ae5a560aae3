import assert from "node:assert/strict";
import { test } from "node:test";
import type { IncidentView } from "../contract/http-protection.ts";
import { whomOf } from "./ban.ts";
import { durationSeconds } from "./duration.ts";
import { chart, lineOf, told } from "./incidents.ts";

test("lengths of time are read as people type them, and nothing else is", () => {
  const good: [string, number][] = [
    ["90s", 90],
    ["45m", 2700],
    ["2h", 7200],
    ["7d", 604_800],
  ];
  for (const [text, seconds] of good) assert.equal(durationSeconds(text), seconds);
  for (const text of ["", "2", "h", "0h", "-1h", "1.5h", "2 h", "2w", "1e3s", "99999999s"])
    assert.throws(() => durationSeconds(text), /write 90s/, text);
});

test("whom to ban is told from how it is written", () => {
  assert.deepEqual(whomOf("192.0.2.7"), { kind: "address", value: "192.0.2.7" });
  assert.deepEqual(whomOf("2001:db8::/32"), { kind: "network", value: "2001:db8::/32" });
  assert.deepEqual(whomOf("as64500"), { kind: "asn", value: "64500" });
  assert.deepEqual(whomOf("country:FR"), { kind: "country", value: "FR" });
});

const INCIDENT: IncidentView = {
  incidentId: "inci_1",
  siteId: "site_1" as never,
  siteName: "shop.example",
  kind: "flood",
  mode: "act",
  state: "ended",
  beganAt: "2026-11-23T10:00:00.000Z",
  mitigatedAt: "2026-11-23T10:00:00.800Z",
  endedAt: "2026-11-23T10:01:00.000Z",
  usualPerSecond: 3.2,
  peakPerSecond: 4100,
  requests: 100_000,
  passed: 2000,
  challenged: 0,
  challengesPassed: 0,
  blocked: 98_000,
  throttled: 0,
  banned: 0,
  words: { en: "GET requests \u001b[31mwithout cookies", fr: "requêtes GET" },
  nodes: 1,
  triggers: ["rate"],
  originErrors: 12,
  originSecondsExtra: 4.5,
  sentBytes: 1_000_000,
  signatures: [],
  series: [
    [0, 100, 100],
    [1000, 1000, 50],
    [2000, 500, 0],
  ],
  reports: [],
};

test("an incident is told in a few lines, and nothing in it moves the terminal", () => {
  assert.match(lineOf(INCIDENT), /shop\.example flood .* 100,000 requests, 2\.0 % let through: GET requests/);
  assert.ok(!lineOf(INCIDENT).includes("\u001b"));
  assert.match(told(INCIDENT).join("\n"), /met +0\.8 s later/);
});

test("the chart shows what was stopped and what was let through", () => {
  const lines = chart(INCIDENT.series);
  assert.deepEqual(
    lines.slice(0, 9).map((line) => line.padEnd(4)),
    ["| # ", "| # ", "| # ", "| # ", "| ##", "| ##", "| ##", "|oo#", "+--- 2 s"],
  );
  assert.deepEqual(chart([]), ["No course was recorded."]);
  assert.equal(chart([[5, 0, 0]]).length, 10);
});
