/**
 * Who is always let in: the networks that a site's owner or the operator names. It wins over bans, limits, rules, challenges and mitigations, and never
 * over a measure of the desk. Nobody is looked up before something is about to stop the request, so that the list costs those nothing whom nothing stops.
 */
import { isInNetworks, prepareNetworks, type NetworkSet } from "../network.ts";
import type { Loaded } from "./sites.ts";

/** The operator's networks, for all sites. */
export const everywhere: { networks: NetworkSet | undefined } = { networks: undefined };

export function setAllowedEverywhere(ranges: readonly string[]): void {
  everywhere.networks = ranges.length === 0 ? undefined : prepareNetworks(ranges);
}

export function isAllowed(site: Loaded): boolean {
  const own = site.allowNetworks;
  const operators = everywhere.networks;
  if (own === undefined && operators === undefined) return false;
  const address = ngx.var["binary_remote_addr"]!;
  if (own !== undefined && isInNetworks(own, address)) return true;
  return operators !== undefined && isInNetworks(operators, address);
}
