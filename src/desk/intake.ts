/**
 * A report comes in: its identity is sealed before anything is written, its original kept byte-exact, its case found or opened, its
 * copies recognised, its danger read. One transaction keeps all of it or nothing, and only then does the reporter get the code.
 * Without a vault an identity is refused, and nothing of it kept (design law 1). Everything a stranger sends is bounded.
 */
import { createHash } from "node:crypto";
import { Fault } from "../contract/fault.ts";
import { HARMS, PERSON_DANGER_HARMS, type Harm } from "../contract/desk-states.ts";
import { newId, type CaseId, type ReportId } from "../contract/ids.ts";
import type { Db, Tx } from "../store/db.ts";
import { appendAudit } from "../store/desk-audit.ts";
import {
  findOpenCase,
  insertCase,
  markEvidence,
  nextCaseNumber,
  reopenCase,
  setBrigade,
  setHarm,
  type CaseRecord,
} from "../store/desk-cases.ts";
import {
  clustersOfCase,
  countReports,
  deskSecret,
  insertMessage,
  insertReport,
  printsOfCase,
  vaultKey,
  type KeptOriginal,
} from "../store/desk-reports.ts";
import { firstAssessment, FLOOR_BY_HARM, rescore } from "./assess.ts";
import { iso, present, type DeskContext } from "./context.ts";
import { decisionDueMs } from "./core/clocks.ts";
import { clusterOf, looksLikeBrigade, printOf } from "./core/similar.ts";
import { higher } from "./core/proposal.ts";
import type { IdentityInput, ReportInput } from "./desk.ts";
import { followReport } from "./follow-name.ts";
import { gatherKey } from "./gather-key.ts";
import { redact } from "./redact.ts";
import { codeLookupKey, newReportCode } from "./report-code.ts";
import { seal, Sealed } from "./vault.ts";

export const STATEMENT_CHARS_MAX = 20_000;
export const QUOTED_CHARS_MAX = 50_000;
export const ORIGINAL_BYTES_MAX = 256 * 1024;
const IDENTITY_CHARS_MAX = 320;
const URL_CHARS_MAX = 2048;
/** Copies beyond this say nothing new and are refused; a report with words of its own is taken up to ten times as many. */
export const COPIES_MAX = 2000;

export async function receiveReport(
  desk: DeskContext,
  input: ReportInput,
): Promise<{ reportId: ReportId; code: string; caseNumber: string; sha256: string }> {
  const url = checkInput(input);
  const identity = input.identity === null ? null : trimmed(input.identity);
  const reportId = newId<ReportId>("rept", desk.random);
  const blind = desk.random(32);
  const sha256 = originalDigest(blind, input.original);
  const kept = await keepOriginal(desk, { input, identity, reportId, blind });
  const code = newReportCode(desk.random);
  const codeHash = await codeLookupKey(code.replaceAll(" ", ""), await codeSalt(desk.db, desk.random));
  const statement = redact(input.statement, identity, { keepName: false });
  const quoted = redact(input.quoted, identity, { keepName: true });
  const print = printOf(`${statement}\n${quoted}`);
  const caseNumber = await desk.db.transaction(async (tx) => {
    const found = await caseFor(tx, desk, { url: withoutReporter(url, identity), harm: input.harm });
    const { cluster, copyOf } = clusterOf(print, await printsOfCase(tx, found.caseId));
    await refuseWhenFull(tx, found, copyOf !== null);
    await insertReport(tx, {
      reportId,
      caseId: found.caseId,
      at: iso(desk.now()),
      channel: input.channel,
      harm: input.harm,
      url: redact(input.url, identity, { keepName: false }),
      statement,
      quoted,
      language: input.language,
      partsSha256: partsDigest({ statement, quoted }),
      originalSha256: sha256,
      originalType: input.originalContentType.slice(0, 200),
      kept,
      codeHash,
      simhash: print.simhash,
      words: print.words,
      cluster,
      copyOf,
    });
    await insertMessage(tx, {
      reportId,
      at: iso(desk.now()),
      sender: "desk",
      text: RECEIVED[input.language],
    });
    await takeIn(tx, desk, { found, harm: input.harm, copy: copyOf !== null });
    return found.number;
  });
  return { reportId, code, caseNumber, sha256 };
}

const RECEIVED = {
  en: "Your report is in. Keep your code: it is the only way back here. If you or somebody else is in danger now, call the emergency number of your country as well; we cannot send anybody.",
  fr: "Votre signalement est arrivé. Gardez votre code : c'est le seul moyen de revenir ici. Si vous ou une autre personne êtes en danger maintenant, appelez aussi le numéro d'urgence de votre pays ; nous ne pouvons envoyer personne.",
} as const;

function checkInput(input: ReportInput): URL {
  const fields: Record<string, string> = {};
  if (!HARMS.includes(input.harm)) fields["harm"] = "Choose what kind of harm it is";
  const url = input.url.length <= URL_CHARS_MAX && URL.canParse(input.url) ? new URL(input.url) : null;
  if (url === null || !["http:", "https:"].includes(url.protocol)) {
    fields["url"] = `Give the address of the page, from "https://", at most ${URL_CHARS_MAX} characters`;
  }
  if (input.statement.trim() === "") fields["statement"] = "Tell in a few words what happens";
  if (input.statement.length > STATEMENT_CHARS_MAX) {
    fields["statement"] = `Shorten this to ${STATEMENT_CHARS_MAX} characters`;
  }
  if (input.quoted.length > QUOTED_CHARS_MAX)
    fields["quoted"] = `Shorten this to ${QUOTED_CHARS_MAX} characters`;
  if (input.language !== "en" && input.language !== "fr") fields["language"] = "Choose English or French";
  for (const [name, value] of Object.entries(input.identity ?? {})) {
    // The value is not repeated: an identity is in no error.
    if (value.length > IDENTITY_CHARS_MAX) fields[name] = `Shorten this to ${IDENTITY_CHARS_MAX} characters`;
  }
  if (input.original.length > ORIGINAL_BYTES_MAX) {
    throw new Fault(
      "input.too-large",
      `A report has at most ${ORIGINAL_BYTES_MAX / 1024} KiB: send the address instead of the page`,
    );
  }
  if (Object.keys(fields).length > 0 || url === null) {
    throw new Fault("input.invalid", "Some fields need another look", { fields });
  }
  return url;
}

/** An identity of blanks is none. */
function trimmed(identity: IdentityInput): IdentityInput | null {
  const plain = { name: identity.name.trim(), email: identity.email.trim(), phone: identity.phone.trim() };
  return plain.name === "" && plain.email === "" && plain.phone === "" ? null : plain;
}

/** The digest that the reporter and the officers see. Blinded, so that it helps nobody to guess what was sent. */
export function originalDigest(blind: Uint8Array, original: Uint8Array): string {
  return createHash("sha256")
    .update("parapet/report-original/v1\n")
    .update(blind)
    .update(original)
    .digest("hex");
}

/** Over the parts that officers read; checked whenever a report is shown. */
export function partsDigest(parts: { readonly statement: string; readonly quoted: string }): string {
  return createHash("sha256")
    .update(`parapet/report-parts/v1\n${parts.statement.length}\n${parts.statement}\n${parts.quoted}`)
    .digest("hex");
}

async function keepOriginal(
  desk: DeskContext,
  given: {
    readonly input: ReportInput;
    readonly identity: IdentityInput | null;
    readonly reportId: ReportId;
    readonly blind: Uint8Array;
  },
): Promise<KeptOriginal> {
  const { identity, input, blind } = given;
  if (identity === null) {
    return { original: input.original, blind: Buffer.from(blind).toString("hex") };
  }
  const key = await vaultKey(desk.db);
  if (key === null) {
    throw new Fault(
      "desk.no-vault",
      "This desk cannot keep your name safe yet, so nothing was kept: report without name, address and telephone, or come back later",
    );
  }
  const plain = Sealed.of(
    new TextEncoder().encode(
      JSON.stringify({
        version: 1,
        identity,
        blind: Buffer.from(blind).toString("hex"),
        contentType: input.originalContentType,
        original: Buffer.from(input.original).toString("base64"),
      }),
    ),
  );
  const sealed = await seal(plain, {
    publicKey: Buffer.from(key.publicKey, "hex"),
    associated: given.reportId,
  });
  return { sealed, sealedTo: key.fingerprint };
}

export async function codeSalt(db: Db, random: (bytes: number) => Uint8Array): Promise<string> {
  return await deskSecret(db, "report-code-salt", Buffer.from(random(32)).toString("hex"));
}

/**
 * The address that a case is about, which referrals and statements carry on. When the reporter's own e-mail address or number
 * stands in the query (a page opened while signed in), the query is left out.
 */
function withoutReporter(url: URL, identity: IdentityInput | null): URL {
  const plain = (() => {
    try {
      return decodeURIComponent(url.search);
    } catch {
      return url.search; // Not every query is well-formed.
    }
  })();
  const told = [url.search, plain].some((text) => redact(text, identity, { keepName: true }) !== text);
  if (!told) return url;
  const clean = new URL(url);
  clean.search = "";
  return clean;
}

async function caseFor(tx: Tx, desk: DeskContext, about: { url: URL; harm: Harm }): Promise<CaseRecord> {
  const hostname = about.url.hostname.replace(/\.$/, "");
  const site = await desk.sites.find(tx, hostname);
  if (site === null) {
    throw new Fault(
      "state.not-found",
      `"${hostname.slice(0, 100)}" is not protected here: report it to its own provider`,
      {
        fields: { url: "Choose an address of a site that is protected here" },
      },
    );
  }
  await followReport(tx, desk, { hostname, site });
  const key = gatherKey(site.siteId, about.url, about.harm);
  const known = await findOpenCase(tx, key);
  if (known !== null) return known;
  const nowMs = desk.now();
  const caseId = newId<CaseId>("case", desk.random);
  const danger = firstAssessment(about.harm, nowMs);
  await insertCase(tx, {
    caseId,
    number: await nextCaseNumber(tx, new Date(nowMs).getUTCFullYear()),
    tag: Buffer.from(desk.random(16)).toString("hex"),
    siteId: site.siteId,
    harm: about.harm,
    gatherKey: key,
    hostname,
    path: about.url.pathname + about.url.search,
    danger,
    at: iso(nowMs),
    dueAt: iso(decisionDueMs(danger.level, nowMs)),
  });
  await appendAudit(tx, { caseId, at: iso(nowMs), who: null, what: `Opened by a report of ${about.harm}` });
  return present(await findOpenCase(tx, key), "the case that was just opened");
}

async function refuseWhenFull(tx: Tx, found: CaseRecord, copy: boolean): Promise<void> {
  const count = await countReports(tx, found.caseId);
  if (count >= (copy ? COPIES_MAX : COPIES_MAX * 10)) {
    throw new Fault(
      "limit.full",
      "This page was reported in these words many times, and the desk is at it: if you know more, say what is new",
    );
  }
}

/** What a report does to its case. A copy counts, and changes nothing else. */
async function takeIn(
  tx: Tx,
  desk: DeskContext,
  input: { readonly found: CaseRecord; readonly harm: Harm; readonly copy: boolean },
): Promise<void> {
  const { found, copy } = input;
  const at = iso(desk.now());
  await appendAudit(tx, {
    caseId: found.caseId,
    at,
    who: null,
    what: copy ? "A report came in that repeats an earlier one" : "A report came in",
  });
  if (looksLikeBrigade(await clustersOfCase(tx, found.caseId)) && !found.brigade) {
    await setBrigade(tx, found.caseId, true);
    await appendAudit(tx, {
      caseId: found.caseId,
      at,
      who: null,
      what: "Most reports repeat each other: they count once",
    });
  }
  if (copy) return;
  const graver =
    PERSON_DANGER_HARMS.includes(input.harm) &&
    higher(FLOOR_BY_HARM[input.harm], FLOOR_BY_HARM[found.harm]) !== FLOOR_BY_HARM[found.harm];
  if (graver) await setHarm(tx, found.caseId, input.harm);
  await markEvidence(tx, found.caseId, at);
  const level = await rescore(tx, desk, found.caseId);
  if (found.state === "decided") await reopenCase(tx, found.caseId, iso(decisionDueMs(level, desk.now())));
}
