/**
 * Opens the desk: wires its parts to one set of services and hands out the `Desk` interface. Nothing is decided here; each method
 * is one line to the part that owns it.
 */
import { Fault } from "../contract/fault.ts";
import { DANGER_LEVELS } from "../contract/danger.ts";
import { CASE_STATES, type CaseState } from "../contract/desk-states.ts";
import { appendAudit } from "../store/desk-audit.ts";
import { countCases, findCase, listCases, queueCounts } from "../store/desk-cases.ts";
import { declareConflict } from "../store/desk-conflicts.ts";
import { countWaiting } from "../store/desk-decisions.ts";
import { insertVaultKey, vaultKey } from "../store/desk-reports.ts";
import { findMeasure } from "../store/measures.ts";
import { appeals, customerAppeal, decideAppeal, exportFor, statement } from "./appeals.ts";
import { assess } from "./assess.ts";
import { capture } from "./capture.ts";
import { iso, officerOnly, type DeskOptions } from "./context.ts";
import { checkText } from "./core/proposal.ts";
import { act, propose, proposeLift, proposeRefusal, pullBrake } from "./decisions.ts";
import type { Desk } from "./desk.ts";
import { receiveReport } from "./intake.ts";
import { actOnOpening, requestOpening, sealedForOpening } from "./openings.ts";
import { mailbox, mailboxWrite, reporterAppeal } from "./mailbox.ts";
import { createEngine } from "./pipeline.ts";
import { refer } from "./referrals.ts";
import { publicRecord, transparency } from "./transparency.ts";
import { parseVaultKey } from "./vault.ts";
import { caseRows, caseView, measureView } from "./views.ts";

export async function openDesk(options: DeskOptions): Promise<Desk> {
  const desk = options;
  const { db } = desk;
  const engine = createEngine(desk);
  return {
    receiveReport: (input) => receiveReport(desk, input),
    mailbox: (code) => mailbox(desk, code),
    mailboxWrite: (code, text) => mailboxWrite(desk, code, text),
    reporterAppeal: (code, text) => reporterAppeal(desk, code, text),

    async vault() {
      const key = await vaultKey(db);
      return { ready: key !== null, fingerprint: key?.fingerprint ?? null };
    },
    async setVaultKey(publicKeyHex) {
      const key = parseVaultKey(publicKeyHex);
      if (!key.ok) throw new Fault("input.invalid", `Cannot use this key: ${key.why}`);
      const publicKey = Buffer.from(key.value.publicKey).toString("hex");
      const { fingerprint } = key.value;
      const known = await db.transaction(async (tx) => {
        if (await insertVaultKey(tx, { publicKey, fingerprint, at: iso(desk.now()) })) {
          await appendAudit(tx, {
            caseId: null,
            at: iso(desk.now()),
            who: null,
            what: `Vault key set: ${fingerprint}`,
          });
        }
        return await vaultKey(tx);
      });
      // Whoever could replace the key in silence could read every identity from then on.
      if (known?.publicKey !== publicKey) {
        throw new Fault(
          "state.conflict",
          `The vault has a key already (${known?.fingerprint ?? ""}): it is never replaced`,
        );
      }
      return { fingerprint };
    },

    async cases(actor, filter) {
      officerOnly(actor);
      const state = filter?.state ?? null;
      if (state !== null && !CASE_STATES.includes(state as CaseState)) {
        throw new Fault("input.invalid", `Choose a state: ${CASE_STATES.join(", ")}`);
      }
      const wanted = { state: state as CaseState | null };
      return {
        items: await caseRows(desk, await listCases(db, wanted)),
        total: await countCases(db, wanted),
      };
    },
    async case(actor, caseId) {
      officerOnly(actor);
      return await caseView(desk, actor, caseId);
    },
    capture: (actor, caseId, input) => capture(desk, actor, { caseId, ...input }),
    assess: (actor, caseId, input) => assess(desk, actor, { caseId, ...input }),
    async declareConflict(actor, caseId, input) {
      officerOnly(actor);
      const why = checkText(input.reason, { what: "your reason", charsMax: 1000, publish: false });
      if (why !== null) throw new Fault("input.invalid", why);
      await db.transaction(async (tx) => {
        const found = await findCase(tx, caseId);
        if (found === null)
          throw new Fault("state.not-found", `There is no case ${caseId}: look at the queue`);
        await declareConflict(tx, {
          caseId,
          userId: actor.userId,
          reason: input.reason,
          at: iso(desk.now()),
        });
        await appendAudit(tx, {
          caseId,
          at: iso(desk.now()),
          who: actor,
          what: "Declared a conflict of interest",
        });
      });
    },

    propose: (actor, caseId, proposal) => propose(desk, actor, { caseId, proposal }),
    brake: (actor, caseId, proposal) => pullBrake(desk, actor, { caseId, proposal }),
    refuse: (actor, caseId, input) => proposeRefusal(desk, actor, { caseId, ...input }),
    proposeLift: (actor, measureId, input) => proposeLift(desk, actor, { measureId, ...input }),
    act: (actor, decisionId, input) => act(desk, actor, { decisionId, ...input }),
    async measure(measureId) {
      const measure = await findMeasure(db, measureId);
      if (measure === null) throw new Fault("state.not-found", `There is no measure ${measureId}`);
      return await measureView(desk, measure);
    },

    refer: (actor, caseId, input) => refer(desk, actor, { caseId, ...input }),
    appeals: (actor) => appeals(desk, actor),
    decideAppeal: (actor, appealId, input) => decideAppeal(desk, actor, { appealId, ...input }),

    requestOpening: (actor, caseId, input) => requestOpening(desk, actor, { caseId, ...input }),
    actOnOpening: (actor, openingId, input) => actOnOpening(desk, actor, { openingId, ...input }),
    sealedForOpening: (actor, openingId) => sealedForOpening(desk, actor, openingId),

    statement: (token) => statement(desk, token),
    customerAppeal: (token, text) => customerAppeal(desk, token, text),
    exportFor: (token) => exportFor(desk, token),

    transparency: (range) => transparency(desk, range),
    publicRecord: (logIndex) => publicRecord(desk, logIndex),
    waitingForSecond: () => countWaiting(db),
    async queueByLevel() {
      const counts = new Map((await queueCounts(db, iso(desk.now()))).map((row) => [row.level, row]));
      return [...DANGER_LEVELS].reverse().map((level) => counts.get(level) ?? { level, open: 0, overdue: 0 });
    },

    advance: () => engine.advance(),
    close: () => engine.settled(),
  };
}
