/**
 * What every part of the desk is given when it is opened: the services it stands on, the operator's settings, and time and
 * randomness from outside. Held by the parts of one desk together; nothing here changes after the start.
 */
import type { ActorContext } from "./desk.ts";
import type { May, ActingOfficer } from "./core/decide.ts";
import { Fault } from "../contract/fault.ts";
import type { CaseId } from "../contract/ids.ts";
import type { Settings } from "../contract/settings.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Mail } from "../mail/mail.ts";
import type { Sites } from "../sites/sites.ts";
import type { Db, Queryable, Tx } from "../store/db.ts";
import { conflictOf } from "../store/desk-conflicts.ts";

export type DeskOptions = {
  readonly db: Db;
  readonly ledger: Ledger;
  readonly sites: Sites;
  readonly mail: Mail;
  readonly settings: Settings;
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number;
  /** `random(n)` returns n unpredictable bytes. */
  readonly random: (bytes: number) => Uint8Array;
  readonly onAlarm: (code: string, what: string) => void;
  /** "HOST:PORT" of our own edge, through which pages are captured. */
  readonly edgeAddress: string;
};

export type DeskContext = DeskOptions;

export const iso = (ms: number): string => new Date(ms).toISOString();
export const isoOf = (date: Date | null): string | null => (date === null ? null : date.toISOString());

/** The value of a permission, or its refusal as a Fault. */
export function demand<T>(may: May<T>): T {
  if (!may.ok) throw new Fault(may.code, may.why);
  return may.value;
}

/** `actor` as the rules see them: with what makes them too near to this case, if anything. */
export async function officerIn(q: Queryable, actor: ActorContext, caseId: CaseId): Promise<ActingOfficer> {
  return {
    userId: actor.userId,
    roles: actor.roles,
    conflict: await conflictOf(q, { caseId, userId: actor.userId }),
  };
}

export function officerOnly(actor: ActorContext): void {
  if (!actor.roles.includes("officer")) {
    throw new Fault("auth.forbidden", "Only an officer sees the desk: ask the operator for the role");
  }
}

/** A database row that the program itself wrote and now misses is a broken invariant, not a fault of a person. */
export function present<T>(value: T | null | undefined, what: string): T {
  if (value === null || value === undefined) throw new Error(`${what} is missing`);
  return value;
}

export type { Tx };
