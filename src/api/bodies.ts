/**
 * What clients may send, as zod schemas: every string, list and number bounded, unknown keys refused, NUL refused as no
 * database row can hold it. Whether a well-formed request makes sense is for the rooms below to say.
 */
import { z } from "@hono/zod-openapi";
import { CERTAINTIES } from "../contract/danger.ts";
import {
  DECISION_ACTIONS,
  OPENING_ACTIONS,
  OPENING_GROUNDS,
  PURPOSE_CHARS_MAX,
  PURPOSE_CHARS_MIN,
  REFERRAL_KINDS,
  ROLES,
  type DecisionAction,
  type OpeningAction,
} from "../contract/desk-states.ts";
import { SITE_ROLES } from "../contract/http-sites.ts";
import type { EvidenceId, ReportId, SiteId, UserId } from "../contract/ids.ts";
import { ID_PATTERN } from "../contract/ids.ts";
import { FACTS_CHARS_MAX, MEASURE_KINDS, REASON_CHARS_MAX, SCOPES } from "../contract/measure.ts";
import { HOSTNAME_CHARS_MAX } from "../contract/policy.ts";
import { clause, credibility, dimension, scores } from "./views.ts";

const URL_CHARS_MAX = 2048;
const NAME_CHARS_MAX = 200;
const EMAIL_CHARS_MAX = 254;
const EVIDENCE_MAX = 100;
const TERRITORY_MAX = 250;
const QUOTE_CHARS_MAX = 2000;
const LINE_MAX = 1_000_000;

const words = (max: number): z.ZodString =>
  z
    .string()
    .max(max)
    .refine((value) => !value.includes("\0"), "Remove the NUL character") as z.ZodString;
const id = <Id extends string>(prefixes: readonly string[]): z.ZodType<Id> =>
  z
    .string()
    .max(40)
    .refine(
      (value) => ID_PATTERN.test(value) && prefixes.includes(value.slice(0, 4)),
      `Give an id that begins with ${prefixes.map((prefix) => `"${prefix}_"`).join(" or ")}`,
    ) as unknown as z.ZodType<Id>;
const moment = z.iso.datetime({ message: "Give a time like 2026-11-22T20:00:00.000Z" }).max(40);

export const params = {
  siteId: id<SiteId>(["site"]),
  caseId: id(["case"]),
  decisionId: id(["deci"]),
  measureId: id(["meas"]),
  appealId: id(["appl"]),
  openingId: id(["open"]),
  certificateId: id(["cert"]),
  /** An edge names its own bans: letters, digits, "-", "_". */
  banId: words(60).regex(/^[A-Za-z0-9_-]+$/, "Give a ban's id"),
  incidentId: id(["inci"]),
  nodeId: id(["node"]),
  userId: words(64).min(1) as unknown as z.ZodType<UserId>,
  hostname: words(HOSTNAME_CHARS_MAX).min(1),
  revision: z
    .string()
    .max(9)
    .regex(/^[1-9]\d*$/, "Give a revision's number"),
  step: z.enum(OPENING_ACTIONS) as z.ZodType<OpeningAction>,
  action: z.enum(DECISION_ACTIONS) as z.ZodType<DecisionAction>,
};

const reason = words(REASON_CHARS_MAX).min(1, "Write a reason");
export const reasonOnly = z.strictObject({ reason });

const hostname = words(HOSTNAME_CHARS_MAX).min(1);
export const newSite = z.strictObject({
  hostname,
  originUrl: words(URL_CHARS_MAX).min(1),
  account: words(NAME_CHARS_MAX).min(1),
});
const email = z.email("Give an address like name@host.example").max(EMAIL_CHARS_MAX).toLowerCase();
export const newSiteLocal = newSite.extend({ accountEmail: email.exactOptional() });
export const hostnameOnly = z.strictObject({ hostname });
export const memberBody = z.strictObject({ email, role: z.enum(SITE_ROLES) });

export const newPerson = z.strictObject({
  name: words(NAME_CHARS_MAX).min(1, "Give a name"),
  email,
  roles: z.array(z.enum(ROLES)).min(1, "Give at least one role").max(ROLES.length),
  /** The account whose sites a customer may see. */
  account: words(NAME_CHARS_MAX).min(1).exactOptional(),
});
export const signInLink = z.strictObject({ email, reset: z.boolean().exactOptional() });

export const vaultKey = z.strictObject({ publicKey: words(200).min(1) });

export const capture = z.strictObject({ url: words(URL_CHARS_MAX).min(1) });

export const newAssessment = z.strictObject({
  scores,
  credibility,
  evidence: z
    .array(
      z.strictObject({
        dimension,
        score: credibility,
        certainty: z.enum(CERTAINTIES),
        source: id<EvidenceId | ReportId>(["evid", "rept"]),
        line: z.int().min(1).max(LINE_MAX),
        quote: words(QUOTE_CHARS_MAX),
        why: words(QUOTE_CHARS_MAX),
      }),
    )
    .max(EVIDENCE_MAX),
  reason,
});

export const proposal = z.strictObject({
  kind: z.enum(MEASURE_KINDS),
  scope: z.enum(SCOPES),
  subject: z.strictObject({
    siteId: id<SiteId>(["site"]),
    hostname: hostname.exactOptional(),
    path: words(URL_CHARS_MAX).exactOptional(),
  }),
  clause,
  facts: words(FACTS_CHARS_MAX).min(1, "Say what was found"),
  territory: z.array(words(2)).min(1).max(TERRITORY_MAX),
  endsAt: moment.nullable(),
  reviewAt: moment.nullable(),
  reasonWider: words(REASON_CHARS_MAX).nullable(),
  reason,
});

export const refusal = z.strictObject({ facts: words(FACTS_CHARS_MAX).min(1, "Say what was found"), reason });

export const newReferral = z.strictObject({
  kind: z.enum(REFERRAL_KINDS),
  to: words(EMAIL_CHARS_MAX).min(1),
  note: words(REASON_CHARS_MAX),
});

export const newOpening = z.strictObject({
  reportId: id<ReportId>(["rept"]),
  ground: z.enum(OPENING_GROUNDS, { message: `Choose a ground: ${OPENING_GROUNDS.join(", ")}` }),
  purpose: words(PURPOSE_CHARS_MAX).min(
    PURPOSE_CHARS_MIN,
    `Write the purpose in at least ${PURPOSE_CHARS_MIN} characters`,
  ),
});

export const appealDecision = z.strictObject({ outcome: z.enum(["granted", "refused"]), reason });

/** Query of GET /cases and GET /transparency. */
export const casesQuery = z.strictObject({
  state: z.enum(["new", "in_review", "decided", "closed"]).exactOptional(),
});
export const rangeQuery = z.strictObject({ from: moment.exactOptional(), until: moment.exactOptional() });
export const noQuery = z.strictObject({});
/** Lists that go on: the number of the last row that was seen, of at most so many digits. */
export const beforeQuery = (what: string, digitsMax: number) =>
  z.strictObject({
    before: z
      .string()
      .regex(new RegExp(`^[1-9]\\d{0,${digitsMax - 1}}$`), `Give ${what} number`)
      .exactOptional(),
  });
