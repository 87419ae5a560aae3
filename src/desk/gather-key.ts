/** Which reports are one case: those that speak of the same page of one site, and of one family of harms. */
import { createHash } from "node:crypto";
import type { Harm } from "../contract/desk-states.ts";

const TRACKING = /^(?:utm_[a-z]+|fbclid|gclid|ref|ref_src|igshid|mc_[a-z]+)$/i;

/** These turn into each other as a campaign goes on, so they stay one case, from the gravest to the least. */
const GATHERED: readonly Harm[] = ["threat-to-life", "swatting", "doxxing", "harassment"];

/** Two reports are one case when they speak of the same page and of one family of harms. */
export function gatherKey(siteId: string, url: URL, harm: Harm): string {
  const clean = new URL(url);
  const names = Array.from(clean.searchParams.keys());
  for (const name of names) if (TRACKING.test(name)) clean.searchParams.delete(name);
  const family = GATHERED.includes(harm) ? "person" : harm;
  return createHash("sha256")
    .update(["parapet/case/v1", siteId, family, clean.hostname, clean.pathname + clean.search].join("\n"))
    .digest("hex");
}
