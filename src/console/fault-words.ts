/**
 * What a person reads when a call failed: a title, what happened (the server's own sentence where there is one) and what to
 * do. One table for all fault codes, so that a new code does not compile until it has words.
 */
import type { ClientFault, ClientFaultCode } from "./client.ts";
import { span } from "./moments.ts";
import type { Words } from "./words/english.ts";

export type FaultWords = { readonly title: string; readonly detail: string; readonly todo: string | null };

type Entry = (w: Words["fault"]) => readonly [title: string, todo: string | null];

const ENTRIES = {
  offline: (w) => [w.offline, w.offlineDo],
  broken: (w) => [w.broken, w.brokenDo],
  "auth.required": (w) => [w.auth, w.authDo],
  "auth.second-factor-required": (w) => [w.secondFactor, w.secondFactorDo],
  "auth.forbidden": (w) => [w.forbidden, null],
  "auth.two-humans": (w) => [w.twoHumans, null],
  "auth.conflict-of-interest": (w) => [w.forbidden, null],
  "input.invalid": (w) => [w.invalid, null],
  "input.too-large": (w) => [w.invalid, null],
  "input.unknown-setting": (w) => [w.invalid, null],
  "state.conflict": (w) => [w.conflict, w.conflictDo],
  "state.not-found": (w) => [w.missing, null],
  "state.gone": (w) => [w.missing, null],
  "site.hostname-taken": (w) => [w.title, null],
  "site.held": (w) => [w.title, null],
  "site.origin-unusable": (w) => [w.title, null],
  "site.origin-unreachable": (w) => [w.title, null],
  "site.origin-loop": (w) => [w.title, null],
  "desk.not-narrowest": (w) => [w.wider, null],
  "desk.brake-spent": (w) => [w.brakeSpent, null],
  "desk.level-too-low": (w) => [w.title, null],
  "desk.no-vault": (w) => [w.vault, null],
  "ledger.behind": (w) => [w.ledger, null],
  "ledger.forked": (w) => [w.ledger, null],
  "edge.not-running": (w) => [w.edge, null],
  "policy.refused": (w) => [w.title, null],
  "limit.rate": (w) => [w.rate, w.rateDoSoon],
  "limit.full": (w) => [w.full, w.fullDo],
  "machine.incomplete": (w) => [w.title, null],
} as const satisfies Record<ClientFaultCode, Entry>;

/** `shownFields` are those that the form shows beside their input: the others are added to the detail, so that none is lost, save those that it says already. */
export function wordsOfFault(
  fault: ClientFault,
  input: { readonly words: Words; readonly shownFields?: readonly string[] },
): FaultWords {
  const { words } = input;
  const entry: Entry = ENTRIES[fault.code];
  const [title, todo] = entry(words.fault);
  const hidden = Object.entries(fault.fields)
    .filter(([name, why]) => !(input.shownFields ?? []).includes(name) && !fault.message.includes(why))
    .map(([name, why]) => `${name}: ${why}`);
  return {
    title,
    detail: [fault.message, ...hidden].filter((part) => part !== "").join(" "),
    todo:
      fault.code === "limit.rate" && fault.retryAfterMs !== null
        ? words.fault.rateDo(span(fault.retryAfterMs, words.time))
        : todo,
  };
}
