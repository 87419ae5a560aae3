/**
 * Which sites are in a rush: within one tick more requests came than is usual on calm days, so that the gate has to look on (`gate.ts`). Clients that were
 * here on a calm day are remembered for some hours, to go first in a rush; nobody new is remembered while one is on.
 */
import { GATE_TERMS_DEFAULT, readGateTerms, type GateTerms } from "../../contract/gate.ts";

const terms = ngx.shared["parapet_gates"]!;
const known = ngx.shared["parapet_known"]!;

const KNOWN_SECONDS = 6 * 3600;

/** Since when, by the site's id; of this worker alone. */
export const rush: Record<string, number | undefined> = {};
export const rushes = { any: false };

/** What the agent told of a site's calm days. */
export function termsOf(siteId: string): GateTerms {
  const [text] = terms.get(siteId);
  return text === undefined ? GATE_TERMS_DEFAULT : readGateTerms(text as string);
}

/** `fresh`: requests of this site since the last tick, of which the one that runs now is one. `client`: its site and address. */
export function noteArrival(siteId: string, fresh: number, client: string): void {
  if (rush[siteId] !== undefined) return;
  if (fresh > termsOf(siteId).requestsPerTick) {
    rush[siteId] = ngx.now();
    rushes.any = true;
  } else known.set(client, 1, KNOWN_SECONDS);
}

export function isKnown(client: string): boolean {
  const [found] = known.get(client);
  return found !== undefined;
}
