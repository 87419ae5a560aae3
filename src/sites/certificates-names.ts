/**
 * Which certificate is shown for which name of a site. Pure. A name gets one certificate at a time, so that an edge never has to
 * choose: a usable uploaded one before one that was asked for, as whoever uploads has a reason; among equals the one that
 * lasts longest. Names that no certificate covers are simply absent.
 */

export type Candidate = {
  readonly id: string;
  readonly source: "acme" | "uploaded";
  /** Names that the certificate carries, lower case. */
  readonly names: readonly string[];
  /** Milliseconds since the Unix epoch; null: there is no certificate in hand. */
  readonly notAfterMs: number | null;
};

/** Whether a certificate's name stands for a hostname: a wildcard for exactly one label, or for itself (RFC 9525 §6.3). */
export function covers(name: string, hostname: string): boolean {
  if (name === hostname) return true;
  if (!name.startsWith("*.") || hostname.startsWith("*.")) return false;
  const dot = hostname.indexOf(".");
  return dot > 0 && hostname.slice(dot) === name.slice(1);
}

/** For each candidate the names that it is shown for, sorted. An ended certificate is shown only where there is no other. */
export function assignNames(
  hostnames: readonly string[],
  candidates: readonly Candidate[],
  nowMs: number,
): ReadonlyMap<string, readonly string[]> {
  const shown = new Map<string, string[]>(candidates.map((candidate) => [candidate.id, []]));
  for (const hostname of [...hostnames].sort()) {
    let best: Candidate | null = null;
    for (const candidate of candidates) {
      if (candidate.notAfterMs === null) continue;
      if (!candidate.names.some((name) => covers(name, hostname))) continue;
      if (best === null || isBetter(candidate, best, nowMs)) best = candidate;
    }
    if (best !== null) shown.get(best.id)?.push(hostname);
  }
  return shown;
}

function isBetter(one: Candidate, other: Candidate, nowMs: number): boolean {
  const usable = (candidate: Candidate): boolean => (candidate.notAfterMs ?? 0) > nowMs;
  if (usable(one) !== usable(other)) return usable(one);
  if (one.source !== other.source) return one.source === "uploaded";
  return (one.notAfterMs ?? 0) > (other.notAfterMs ?? 0);
}

/** The names for which an authority has to be asked: those that no usable uploaded certificate covers. */
export function namesToAsk(
  hostnames: readonly string[],
  candidates: readonly Candidate[],
  nowMs: number,
): readonly string[] {
  const uploaded = candidates.filter(
    (candidate) => candidate.source === "uploaded" && (candidate.notAfterMs ?? 0) > nowMs,
  );
  return hostnames.filter(
    (hostname) => !uploaded.some((candidate) => candidate.names.some((name) => covers(name, hostname))),
  );
}
