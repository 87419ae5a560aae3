/**
 * Takes mitigations from the node and tells every worker. The node sends one post at a time and has checked what is in it; here only what nginx alone can know may
 * fail: how many a site has already, and memory. An end is kept as a moment, so that mitigations end with everybody else dead.
 */
import * as cjson from "cjson.safe";
import { MITIGATIONS_PER_SITE_MAX, type EdgeMitigation } from "../../contract/flood.ts";
import { keptMitigations, type KeptMitigation } from "./guard-site.ts";
import { announce } from "./journal.ts";
import { catchUp } from "./sync.ts";

const mitigations = ngx.shared["parapet_mitigations"]!;

/** POST /mitigations: `{"mitigations":[EdgeMitigation]}`. In force here when this answers, in every worker within 50 ms. */
export function feedMitigations(): void {
  ngx.req.read_body();
  const [value] = cjson.decode(ngx.req.get_body_data() ?? "");
  const list = (value as { mitigations?: EdgeMitigation[] } | undefined)?.mitigations;
  if (list === undefined || type(list) !== "table") {
    ngx.status = 400;
    ngx.print('{"why":"The body is not JSON with mitigations, or does not fit the buffer"}');
    return;
  }
  const refused: string[] = [];
  const sites: Record<string, KeptMitigation[] | undefined> = {};
  const nowMs = ngx.now() * 1000;
  for (const one of list) {
    const kept = sites[one.siteId] ?? keptMitigations(one.siteId, nowMs);
    sites[one.siteId] = kept;
    if (!merge(kept, one, nowMs)) refused.push(one.mitigationId);
  }
  for (const [siteId, kept] of pairs(sites)) {
    if (!store(siteId, kept, nowMs)) for (const { mitigationId } of kept) refused.push(mitigationId);
    announce(siteId);
  }
  catchUp();
  ngx.header["Content-Type"] = "application/json";
  ngx.print(`{"refused":[${refused.map((id) => `"${id}"`).join(",")}]}`);
}

/** Takes one up, renews it or lifts it. False when the site has too many. */
function merge(kept: KeptMitigation[], one: EdgeMitigation, nowMs: number): boolean {
  const at = kept.findIndex(({ mitigationId }) => mitigationId === one.mitigationId);
  if (one.seconds <= 0) {
    if (at >= 0) kept.splice(at, 1);
    return true;
  }
  const { mitigationId, where, action, difficultyBits, perSecond } = one;
  const endsAtMs = nowMs + one.seconds * 1000;
  const fresh = { mitigationId, where, action, difficultyBits, perSecond, endsAtMs };
  if (at >= 0) kept[at] = fresh;
  else if (kept.length >= MITIGATIONS_PER_SITE_MAX) return false;
  else kept.push(fresh);
  return true;
}

function store(siteId: string, kept: readonly KeptMitigation[], nowMs: number): boolean {
  if (kept.length === 0) {
    mitigations.delete(siteId);
    return true;
  }
  let endsAtMs = 0;
  for (const one of kept) endsAtMs = math.max(endsAtMs, one.endsAtMs);
  const [before] = mitigations.get(siteId);
  const seconds = (endsAtMs - nowMs) / 1000;
  const [stored] = mitigations.safe_set(siteId, cjson.encode(kept)[0]!, seconds);
  if (stored) return true;
  // A failed set drops the old value first: put it back, there is room for it.
  if (before !== undefined) mitigations.safe_set(siteId, before, seconds);
  return false;
}
