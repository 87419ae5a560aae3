/**
 * What the desk can do to a subject, as both sides of the wire know it. One `MeasureRecord` is the single source of the
 * notice page, the customer's statement of reasons, the reporter's outcome and the log entry (design law 6). It carries
 * no reporter field, and no free text but `facts` and `reason`, which two officers have read.
 */
import type { CaseId, DecisionId, MeasureId, SiteId } from "./ids.ts";

/** From mild to severe (design law 5: narrowest first). */
export const MEASURE_KINDS = ["warn", "restrict", "withhold", "withdraw"] as const;
export type MeasureKind = (typeof MEASURE_KINDS)[number];

/** From narrow to wide. */
export const SCOPES = ["url", "path", "hostname", "site", "account"] as const;
export type Scope = (typeof SCOPES)[number];

/** The clauses of the default policy. Closed: a measure without a clause does not exist. */
export const CLAUSES = {
  "life-threat": "Threat to a person's life or physical safety",
  "doxxing-with-danger": "A private person's home or location, posted beside a threat",
  "incitement-violence": "Specific and credible incitement to violence",
  ncii: "Intimate images shared without consent",
  "child-safety": "Sexual abuse or exploitation of children",
  trafficking: "Trafficking in human beings",
  phishing: "Phishing or credential theft",
  malware: "Malware distribution or control",
  "court-order": "An order of a court or authority with jurisdiction",
} as const satisfies Record<string, string>;
export type Clause = keyof typeof CLAUSES;

export type MeasureSubject = {
  readonly siteId: SiteId;
  /** Lower-case A-labels. Absent for scope `site` and `account`. */
  readonly hostname?: string;
  /** Begins with "/". For scope `path` a prefix that ends at a segment border; for `url` exact, with its query. */
  readonly path?: string;
};

export type MeasureRecord = {
  readonly schema: 1;
  readonly measureId: MeasureId;
  readonly decisionId: DecisionId;
  readonly caseId: CaseId;
  /** The public number of the case, like "2026-000012". */
  readonly caseNumber: string;
  readonly kind: MeasureKind;
  readonly scope: Scope;
  readonly subject: MeasureSubject;
  readonly clause: Clause;
  /** What was found, in words that are safe to publish. At most FACTS_CHARS_MAX characters. */
  readonly facts: string;
  /** ISO 3166-1 alpha-2 codes, or ["*"] for everywhere. */
  readonly territory: readonly string[];
  /** RFC 3339, UTC, milliseconds. */
  readonly startsAt: string;
  /** RFC 3339 or null. The edge lifts the measure by itself at this moment. */
  readonly endsAt: string | null;
  /** RFC 3339 or null. One of endsAt and reviewAt is always set. */
  readonly reviewAt: string | null;
  /** Who may appeal, in words, and where. */
  readonly appealBy: readonly ("customer" | "reporter")[];
  readonly appealUrl: string;
  /** The operator that blocks, for `Link: rel="blocked-by"` (RFC 7725 §4). */
  readonly blockedByUrl: string;
  readonly operatorName: string;
  /** True while one officer alone stands behind it (design law 2). */
  readonly brake: boolean;
};

export const FACTS_CHARS_MAX = 2000;
export const REASON_CHARS_MAX = 5000;
/** How long a brake holds without a second officer. */
export const BRAKE_HOLD_MS = 60 * 60 * 1000;

/**
 * A measure on its way to an edge: the record, and the proof that the public log holds a commitment to exactly this
 * record. An edge that cannot verify the proof with its pinned key does not enforce the measure (design law 3).
 */
export type ReceiptedMeasure = {
  readonly record: MeasureRecord;
  /** 32 random bytes, hex: the blinding of the commitment. */
  readonly salt: string;
  /** The log entry's bytes, base64. */
  readonly entry: string;
  /** A C2SP tlog-proof: index, inclusion hashes, checkpoint. */
  readonly proof: string;
};
