import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { EvidenceId, ReportId } from "../../contract/ids.ts";
import { rate, scoresOf } from "./danger.ts";
import { detect, detectAcceleration, detectSituation, isUnreadLanguage, LINES_MAX } from "./detect.ts";
import { unpublishable } from "./proposal.ts";
import { alike, clusterOf, looksLikeBrigade, printOf } from "./similar.ts";

const read = (...lines: string[]): ReturnType<typeof detect> =>
  detect({ source: "evid_x" as EvidenceId, certainty: "seen", lines });
const levelOf = (...lines: string[]): string =>
  rate({ scores: scoresOf(read(...lines)), credibility: 1, harm: "harassment", confirmed: false }).level;

test("escalations in English and in French are read as what they are", () => {
  const rows: readonly (readonly [string, readonly string[]])[] = [
    [
      "IMMINENT",
      ["Erika Musterfrau lives at 12 Harbour Street", "someone should shoot her tonight", "count me in"],
    ],
    [
      "IMMINENT",
      ["Erika Musterfrau habite au 12 rue du Port", "on va la tuer ce soir à 21h", "j'en suis, je viens"],
    ],
    ["IMMINENT", ["she lives at 4 Mill Lane, kill her", "I'm outside her house right now"]],
    ["HIGH", ["her home address: 12 Harbour Street", "who is coming? let's go there"]],
    ["ELEVATED", ["Erika Musterfrau, 12 Harbour Street"]],
    ["ELEVATED", ["someone should shoot him"]],
    ["MODERATE", ["her license plate and her workplace are known"]],
  ];
  for (const [level, lines] of rows) assert.equal(levelOf(...lines), level, lines.join(" / "));
});

test("everyday words, insults and machines are no threats", () => {
  const lines = [
    "kill the process and restart it tonight",
    "this update is killing me",
    "we shoot the film tomorrow at 9:00",
    "il faut tuer le processus ce soir",
    "what an idiot, worst post ever",
    "our office: Harbour Office, telephone on the contact page",
    "the die is cast",
    "je suis mort de rire",
  ];
  for (const line of lines) assert.equal(levelOf(line), "LOW", line);
});

test("every hit points at its line with its quote", () => {
  const pointers = read("calm", "someone should shoot her tonight", "calm");
  assert.ok(pointers.length >= 3);
  for (const pointer of pointers) {
    assert.equal(pointer.line, 2);
    assert.equal(pointer.quote, "someone should shoot her tonight");
    assert.equal(pointer.certainty, "seen");
    assert.notEqual(pointer.why, "");
  }
});

test("a thousand copies of a line say no more than a few", () => {
  const once = read("someone should shoot her tonight");
  const often = read(...Array.from({ length: 1000 }, () => "someone should shoot her tonight"));
  assert.deepEqual(scoresOf(often), scoresOf(once));
  assert.ok(often.length <= 3 * once.length);
});

test("the reporter's own words tell how they are, and are never a threat", () => {
  const statement = "He said: someone should shoot her tonight. I am afraid and went to the police.";
  const pointers = detectSituation("rept_x" as ReportId, statement);
  assert.deepEqual(
    pointers.map((pointer) => [pointer.dimension, pointer.score]),
    [["V", 2]],
  );
});

test("growth is seen between two captures of one page only", () => {
  const at = (hours: number, lines: readonly string[], url = "https://a.example/x") => ({
    evidenceId: `evid_${hours}` as EvidenceId,
    url,
    atMs: hours * 3_600_000,
    lines,
  });
  const calm = ["boats"];
  const hot = ["someone should shoot her"];
  const score = (...captures: ReturnType<typeof at>[]): number[] =>
    detectAcceleration(captures).map((p) => p.score);
  assert.deepEqual(score(at(0, hot)), []);
  assert.deepEqual(score(at(0, calm), at(48, hot)), [3]);
  assert.deepEqual(score(at(0, calm), at(49, hot)), [2]);
  assert.deepEqual(score(at(0, calm), at(169, hot)), [1]);
  assert.deepEqual(score(at(0, hot), at(10, hot)), [1]);
  assert.deepEqual(score(at(0, calm), at(10, calm)), []);
  assert.deepEqual(score(at(0, calm), at(10, hot, "https://a.example/y")), []);
});

test("whatever a stranger writes, the detector answers in bounds", () => {
  fc.assert(
    fc.property(fc.array(fc.string({ maxLength: 300, unit: "grapheme" }), { maxLength: 40 }), (lines) => {
      for (const pointer of read(...lines)) {
        assert.ok(pointer.line >= 1 && pointer.line <= lines.length);
        assert.ok(pointer.quote.length <= 240);
      }
    }),
    { seed: 3, numRuns: 200 },
  );
  const started = performance.now();
  const nasty = ["12 ", "a ", "kill ", "(0 ", "her "].map((text) => text.repeat(2000));
  read(...Array.from({ length: LINES_MAX * 2 }, (_, i) => nasty[i % nasty.length] ?? ""));
  assert.ok(performance.now() - started < 20_000, "hostile lines took too long");
});

test("a language that is neither English nor French is called unread when there is enough of it", () => {
  assert.equal(
    isUnreadLanguage("the boat is in the harbour and we go to it with her every day in the week as you know"),
    false,
  );
  assert.equal(
    isUnreadLanguage(
      "le bateau est dans le port et nous y allons avec elle tous les jours de la semaine sur la mer",
    ),
    false,
  );
  assert.equal(isUnreadLanguage("лодка стоит в порту ".repeat(8)), true);
  assert.equal(isUnreadLanguage("коротко"), false);
});

test("copies with small changes are one source, different accounts are two", () => {
  const call =
    "This blog doxxes people and you have to take it down at once, it publishes home addresses and destroys lives of innocent people";
  const known = [{ id: "a", cluster: 1, ...printOf(call) }];
  for (const copy of [
    call,
    call.toUpperCase(),
    `Hello, ${call}`,
    call.replace("at once", "now"),
    `${call}!!!`,
  ]) {
    assert.deepEqual(clusterOf(printOf(copy), known), { cluster: 1, copyOf: "a" }, copy);
  }
  const own =
    "I am the neighbour. Since Tuesday three cars have been standing before her door and somebody took photographs of the letter box.";
  assert.deepEqual(clusterOf(printOf(own), known), { cluster: 2, copyOf: null });
  assert.equal(alike(printOf("help me"), printOf("help him")), false);
  assert.equal(alike(printOf("help me"), printOf("Help, me!")), true);
});

test("a brigade is many of one kind, and most of all", () => {
  assert.equal(looksLikeBrigade([1, 1, 1, 1]), false);
  assert.equal(looksLikeBrigade([1, 1, 1, 1, 1]), true);
  assert.equal(looksLikeBrigade([1, 1, 1, 1, 1, 2, 3, 4, 5, 6]), true);
  assert.equal(looksLikeBrigade([1, 1, 1, 1, 1, 2, 3, 4, 5, 6, 7]), false);
  assert.equal(looksLikeBrigade([]), false);
});

test("facts that would publish a person are refused, plain ones pass", () => {
  const bad = [
    "write to her at someone@mail.example",
    "call 01 99 00 12 34",
    "call +1 555 010 0199",
    "see https://forum.example/thread/7",
    "see forum.example/thread/7",
    "she lives at 12 Harbour Street",
    "au 12 rue du Port",
  ];
  for (const text of bad) assert.notEqual(unpublishable(text), null, text);
  const good = [
    "Between 2026-11-20 and 2026-11-22 a thread named a place and a time. 14 people answered.",
    "Une page nomme une personne privée, un lieu et une heure ; 3 personnes proposent d'y aller.",
    "Captured on 2026-11-22 14:05, 3 lines of 120.",
  ];
  for (const text of good) assert.equal(unpublishable(text), null, text);
});
