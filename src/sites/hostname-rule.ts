/**
 * THE rule of who holds a name, as pure functions: docs/decisions/hostname-ownership.md says it in words, hostname-rule.test.ts as a
 * table. A claim becomes the holder when its proof was found and nobody else's stands; a holder whose proof is missing keeps the name
 * for a grace; a DNS record outranks a file on a server, as whoever has the zone decides where the name leads. `chance`, from
 * 0 up to 1, spreads checks over time.
 */
import type { HostnameState } from "../contract/http-sites.ts";
import type { ClaimRow, ClaimState, LeadsHere, ReleaseRow } from "../store/hostname-proofs.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** A holder whose proof is missing keeps the name for this long. */
export const GRACE_MS = 7 * DAY_MS;
/** A DNS proof of another account takes a name whose own proof has been missing, or outranked, for this long. */
export const CONTEST_MS = DAY_MS;
/** After a release only a DNS proof gives the name to another account. */
export const COOL_MS = 7 * DAY_MS;
/** A name whose DNS has not answered for this long counts as one without a proof. */
export const SILENT_MS = 14 * DAY_MS;
/** A claim that showed nothing for this long is no longer looked at by itself. */
export const CLAIM_CHECKED_MS = 14 * DAY_MS;

/** What was found for one claim. `silent`: nothing could be learnt. */
export type Found = { readonly proof: "dns-txt" | "http-token"; readonly leadsHere: LeadsHere };
export type NotFound = {
  readonly proof: "missing" | "silent";
  readonly why: string;
  readonly leadsHere: LeadsHere;
};
export type Finding = Found | NotFound;

export const isProof = (finding: Finding): finding is Found =>
  finding.proof === "dns-txt" || finding.proof === "http-token";

type Clock = { readonly nowMs: number; readonly chance: number };

/** `event`: what owners are told, once. */
export type HolderOutcome = {
  readonly state: ClaimState;
  readonly event: "lapsing" | "found-again" | "released" | null;
};

/** A holder after a check of its own proof. `contested`: another account shows a DNS proof at this time. */
export function checkHolder(
  claim: ClaimRow,
  input: Clock & { readonly finding: Finding; readonly contested: boolean },
): HolderOutcome {
  const { finding, nowMs, chance, contested } = input;
  const at = new Date(nowMs);
  const kept = { ...claim, checkedAt: at, leadsHere: finding.leadsHere, tries: 0, waitingSince: null };
  const daily = new Date(nowMs + DAY_MS * (0.8 + 0.4 * chance));
  const dnsFound = finding.proof === "dns-txt";
  const contestedSince = contested && !dnsFound ? claim.contestedSince : null;
  if (claim.provenBy === "operator") {
    return { state: stateOf({ ...kept, why: null, contestedSince: null, nextCheckAt: daily }), event: null };
  }
  if (isProof(finding)) {
    const state = stateOf({
      ...kept,
      provenBy: finding.proof,
      seenAt: at,
      missingSince: null,
      contestedSince,
      why: null,
      nextCheckAt: contestedSince === null ? daily : new Date(nowMs + HOUR_MS),
    });
    return { state, event: claim.missingSince === null ? null : "found-again" };
  }
  const lastMs = (claim.seenAt ?? claim.provenAt ?? claim.claimedAt).getTime();
  const silent = finding.proof === "silent" && nowMs - lastMs < SILENT_MS;
  // A file cannot be fetched from behind this edge, whose answer would prove nothing: that the name leads here has to do.
  const behindUs = claim.provenBy === "http-token" && finding.leadsHere === "yes";
  if (silent || behindUs) {
    const soon = claim.missingSince !== null || contestedSince !== null || silent;
    const state = stateOf({
      ...kept,
      missingSince: behindUs ? null : claim.missingSince,
      contestedSince,
      why: silent ? finding.why : null,
      nextCheckAt: soon ? new Date(nowMs + HOUR_MS * (0.5 + chance)) : daily,
    });
    return { state, event: null };
  }
  const missingSince = claim.missingSince ?? at;
  if (nowMs - missingSince.getTime() >= GRACE_MS) {
    return { state: letGo(claim, { why: finding.why, at }), event: "released" };
  }
  const next = Math.min(nowMs + 6 * HOUR_MS * (0.5 + chance), missingSince.getTime() + GRACE_MS);
  const state = stateOf({
    ...kept,
    missingSince,
    contestedSince,
    why: finding.why,
    nextCheckAt: new Date(Math.max(next, nowMs + MINUTE_MS)),
  });
  return { state, event: claim.missingSince === null ? "lapsing" : null };
}

/** What a claim is after it lost the name: a claim as any other, to be proven anew. */
export function letGo(claim: ClaimState, input: { readonly why: string; readonly at: Date }): ClaimState {
  return {
    provenAt: null,
    provenBy: null,
    seenAt: claim.seenAt,
    checkedAt: input.at,
    missingSince: null,
    contestedSince: null,
    waitingSince: null,
    tries: 0,
    nextCheckAt: new Date(input.at.getTime() + HOUR_MS),
    why: input.why,
    leadsHere: claim.leadsHere,
  };
}

export type ClaimantOutcome = {
  readonly state: ClaimState;
  /** `takes`: it holds the name from now on; a holder has to be let go of first. `contests`: the holder is told. */
  readonly verdict: "takes" | "contests" | "waits" | "unproven";
};

/** A claim that does not hold its name, after a check. `holder` is another claim of the same name, just checked itself. */
export function checkClaimant(
  claim: ClaimRow,
  input: Clock & {
    readonly finding: Finding;
    readonly holder: ClaimRow | null;
    readonly release: ReleaseRow | null;
    /** The wildcard of another account that covers this name. */
    readonly underWildcard: boolean;
  },
): ClaimantOutcome {
  const { finding, holder, release, nowMs, chance } = input;
  const at = new Date(nowMs);
  const checked = { ...claim, checkedAt: at, leadsHere: finding.leadsHere };
  if (!isProof(finding)) {
    const tries = claim.tries + 1;
    const given = nowMs - claim.claimedAt.getTime() >= CLAIM_CHECKED_MS;
    const next =
      nowMs + Math.min(6 * HOUR_MS, 2 * MINUTE_MS * 2 ** Math.min(20, claim.tries)) * (0.75 + chance / 2);
    const nextCheckAt = given ? null : new Date(next);
    const state = stateOf({ ...checked, tries, waitingSince: null, why: finding.why, nextCheckAt });
    return { state, verdict: "unproven" };
  }
  const byDns = finding.proof === "dns-txt";
  const waits = (verdict: "waits" | "contests", why: string): ClaimantOutcome => ({
    verdict,
    state: stateOf({
      ...checked,
      seenAt: at,
      tries: 0,
      // Only a DNS proof can take a name from somebody, so only such a one counts as waiting.
      waitingSince: byDns ? (claim.waitingSince ?? at) : null,
      why,
      nextCheckAt: new Date(nowMs + HOUR_MS * (0.75 + chance / 2)),
    }),
  });
  const takes: ClaimantOutcome = {
    verdict: "takes",
    state: stateOf({
      ...checked,
      provenAt: at,
      provenBy: finding.proof,
      seenAt: at,
      missingSince: null,
      contestedSince: null,
      waitingSince: null,
      tries: 0,
      why: null,
      nextCheckAt: new Date(nowMs + DAY_MS * (0.8 + 0.4 * chance)),
    }),
  };
  if (holder === null) {
    if (release?.underMeasure === true) {
      return waits(
        "waits",
        "A measure stood on this name when it was let go of: remove it here and add it as a site of its own, which a person will look at",
      );
    }
    const cooling =
      release !== null &&
      release.accountId !== claim.accountId &&
      nowMs - release.releasedAt.getTime() < COOL_MS;
    if (!byDns && cooling) {
      return waits(
        "waits",
        "Another account has let go of this name lately: for a week only the TXT record proves it",
      );
    }
    if (!byDns && input.underWildcard) {
      return waits("waits", "A wildcard of another account covers this name: only the TXT record proves it");
    }
    return takes;
  }
  if (holder.accountId === claim.accountId) {
    return waits("waits", "Another site of your account has this name: remove it there first");
  }
  if (holder.provenBy === "operator") {
    return waits(
      "contests",
      "Another account has this name, and the operator has vouched for it: ask the operator",
    );
  }
  if (!byDns) {
    return waits(
      "waits",
      "Another account has this name: only the TXT record can take it over, once their proof is gone",
    );
  }
  const outranked = holder.missingSince !== null || holder.provenBy === "http-token";
  if (!outranked) {
    return waits(
      "waits",
      "Another account has this name, and its own record still stands in the DNS: remove that one",
    );
  }
  const since = holder.missingSince ?? holder.contestedSince ?? at;
  if (nowMs - since.getTime() >= CONTEST_MS) return takes;
  const until = new Date(since.getTime() + CONTEST_MS).toISOString();
  return waits(
    "contests",
    `Another account has this name: it becomes yours at ${until}, unless they show a record of their own`,
  );
}

/** What an owner reads of a claim. */
export function shownState(claim: ClaimState): {
  readonly state: HostnameState;
  readonly lapsesAt: Date | null;
} {
  if (claim.provenAt === null) {
    return { state: claim.waitingSince === null ? "unproven" : "conflict", lapsesAt: null };
  }
  const since = claim.missingSince ?? claim.contestedSince;
  if (claim.contestedSince !== null && claim.provenBy !== "operator") {
    return { state: "conflict", lapsesAt: new Date((since ?? claim.contestedSince).getTime() + CONTEST_MS) };
  }
  if (claim.missingSince !== null) {
    return { state: "lapsing", lapsesAt: new Date(claim.missingSince.getTime() + GRACE_MS) };
  }
  return { state: "proven", lapsesAt: null };
}

/** Only what checks change, so that a row and a state are never mixed up. */
function stateOf(claim: ClaimState): ClaimState {
  return {
    provenAt: claim.provenAt,
    provenBy: claim.provenBy,
    seenAt: claim.seenAt,
    checkedAt: claim.checkedAt,
    missingSince: claim.missingSince,
    contestedSince: claim.contestedSince,
    waitingSince: claim.waitingSince,
    tries: claim.tries,
    nextCheckAt: claim.nextCheckAt,
    why: claim.why,
    leadsHere: claim.leadsHere,
  };
}
