/** A site's protection rules as a worker keeps them: each with the name of its counters in shared memory and what was counted since the last flush. */
import type { EdgeSite } from "../../contract/edge-site.ts";
import { prepareProtectionRules, type PreparedRule } from "../protection-rules.ts";
import { siteIdOf } from "./preview.ts";

/** What this worker counted of a rule and has not told the others yet. */
export type Tally = {
  readonly siteId: string;
  readonly rule: string;
  matched: number;
  met: number;
  stopped: number;
  isWaiting: boolean;
};
export type LoadedRule = {
  readonly rule: PreparedRule;
  /** What its counters' names begin with: the same in every worker, another one once its rate is counted otherwise. */
  readonly key: string;
  readonly tally: Tally;
};

const MARK_BYTES = 6;

/** Undefined for a site without such rules. `prefix`: the site's short name and a space. */
export function loadProtectionRules(site: EdgeSite, prefix: string): readonly LoadedRule[] | undefined {
  const { rules } = site.protection;
  if (rules.length === 0) return undefined;
  const loaded: LoadedRule[] = [];
  for (const rule of prepareProtectionRules(rules)) {
    const { rate } = rule;
    const counted =
      rate === undefined ? "" : string.format("%s %s %d", rate.by, rate.name, rate.windowSeconds);
    const mark = string.sub(ngx.md5_bin(`${rule.name}\n${counted}`), 1, MARK_BYTES);
    const siteId = siteIdOf(site.siteId);
    loaded.push({
      rule,
      key: prefix + mark,
      tally: { siteId, rule: rule.name, matched: 0, met: 0, stopped: 0, isWaiting: false },
    });
  }
  return loaded;
}
