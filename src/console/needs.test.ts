import assert from "node:assert/strict";
import { test } from "node:test";
import type { OverviewView } from "../contract/http.ts";
import type { NodeId } from "../contract/ids.ts";
import { needsOf } from "./needs.ts";
import { ENGLISH as words } from "./words/english.ts";

const me = { mayDecide: true, whyNot: null, secondFactor: true };
const node = (name: string, alive: boolean): OverviewView["edges"][number] => ({
  nodeId: `node_${name}` as NodeId,
  name,
  seenAt: "2026-11-22T03:00:00.000Z",
  alive,
  nginxVersion: "1.22.1",
  workers: 2,
  sites: 1,
});
const calm: OverviewView = {
  operatorName: "Example Edge",
  sites: { active: 3, held: 0 },
  edges: [node("edge-1", true)],
  queue: (["IMMINENT", "HIGH", "ELEVATED", "MODERATE", "LOW"] as const).map((level) => ({
    level,
    open: 0,
    overdue: 0,
  })),
  waitingForSecond: 0,
  appealsOpen: 0,
  log: { origin: "log.example", vkey: "k", size: 1, checkpointAt: null, witnessed: false },
  vault: { ready: true, fingerprint: "ab" },
  mail: { route: true, waiting: 0, failed: 0 },
  database: "postgresql",
  alarms: [],
};
const keys = (more: Partial<OverviewView>, who = me): string[] =>
  needsOf({ ...calm, ...more }, { me: who, words }).map((n) => n.key);

test("a calm house needs nobody, an unwitnessed log and open low cases included", () => {
  assert.deepEqual(keys({}), []);
  assert.deepEqual(keys({ queue: [{ level: "LOW", open: 9, overdue: 0 }] }), []);
});

test("a life comes before everything, whatever the order in which the server lists the levels", () => {
  assert.deepEqual(
    keys({
      queue: [
        { level: "LOW", open: 4, overdue: 4 },
        { level: "HIGH", open: 3, overdue: 1 },
        { level: "IMMINENT", open: 1, overdue: 0 },
      ],
      edges: [node("edge-1", false)],
      waitingForSecond: 2,
      appealsOpen: 1,
      sites: { active: 1, held: 1 },
      vault: { ready: false, fingerprint: null },
      mail: { route: false, waiting: 3, failed: 0 },
    }),
    [
      "imminent",
      "edges",
      "overdue-HIGH",
      "overdue-LOW",
      "waiting",
      "mail-none",
      "vault",
      "high",
      "appeals",
      "held",
    ],
  );
});

test("a house without edges, with failed mail, and a person without a second step are told so", () => {
  assert.deepEqual(keys({ edges: [], mail: { route: true, waiting: 0, failed: 2 } }), [
    "no-edge",
    "mail-failed",
  ]);
  const needs = needsOf(calm, { me: { mayDecide: false, whyNot: "Set it up.", secondFactor: false }, words });
  assert.equal(needs[0]?.to, "/welcome");
  assert.match(needs[0]?.what ?? "", /Set it up/);
});

test("the missing vault names its command", () => {
  const needs = needsOf({ ...calm, vault: { ready: false, fingerprint: null } }, { me, words });
  assert.equal(needs[0]?.command, "./parapet vault init");
});
