/**
 * What the agent tells the request path of a site's calm days, for the gate that opens when many more requests come. It travels as one short line of
 * text, since nginx keeps it as such.
 */

/** What the node knows of a site's calm days. */
export type GateTerms = {
  /** Requests within a twentieth of a second, in one worker, from which the gate looks on. */
  readonly requestsPerTick: number;
  /** Requests at the origin at once, in one worker, to begin with. */
  readonly atOnce: number;
  /** How long the origin takes for an answer, in seconds; 0 for unknown. */
  readonly usualSeconds: number;
};

/** For a site of which nothing is known yet. */
export const GATE_TERMS_DEFAULT: GateTerms = { requestsPerTick: 15, atOnce: 16, usualSeconds: 0 };

export const GATE_AT_ONCE_MIN = 4;
export const GATE_AT_ONCE_MAX = 1024;

export function writeGateTerms(terms: GateTerms): string {
  return `${terms.requestsPerTick} ${terms.atOnce} ${terms.usualSeconds}`;
}

/** "REQUESTS-PER-TICK AT-ONCE USUAL-SECONDS", as `writeGateTerms` writes it; the default for anything else. */
export function readGateTerms(text: string): GateTerms {
  const parts = text.split(" ");
  const requestsPerTick = Number(parts[0] ?? "");
  const atOnce = Number(parts[1] ?? "");
  const usualSeconds = Number(parts[2] ?? "");
  if (!(requestsPerTick >= 1) || !(atOnce >= 1) || !(usualSeconds >= 0)) return GATE_TERMS_DEFAULT;
  return {
    requestsPerTick: Math.min(requestsPerTick, 100_000),
    atOnce: Math.min(GATE_AT_ONCE_MAX, Math.max(GATE_AT_ONCE_MIN, atOnce)),
    usualSeconds: Math.min(usualSeconds, 60),
  };
}
