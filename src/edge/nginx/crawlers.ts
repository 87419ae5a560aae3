/**
 * Is the client a crawler that was proved to be one? The node proves it, by published ranges or by reverse and forward DNS, and tells it here; while it
 * is not known the client is challenged like any other. What is asked, what was proved and what was refuted lie in three dictionaries: spoofers fill the first
 * and the last, and never push out what was proved.
 */
import * as cjson from "cjson.safe";
import { CRAWLERS_ASKED_MAX } from "../../contract/crawlers.ts";
import { claimedCrawler } from "../crawler-claim.ts";

const asked = ngx.shared["parapet_crawlers_asked"]!;
const proved = ngx.shared["parapet_crawlers"]!;
const refuted = ngx.shared["parapet_crawlers_refuted"]!;
const SECONDS_MAX = 7 * 24 * 3600;

export function isProvedCrawler(): boolean {
  const userAgent = ngx.var["http_user_agent"];
  if (userAgent === undefined) return false;
  const name = claimedCrawler(userAgent);
  if (name === "") return false;
  const address = ngx.var["remote_addr"] ?? "";
  const [known] = proved.get(address);
  if (known !== undefined) return known === name;
  if (refuted.get(address)[0] !== undefined) return false;
  // The oldest question gives way when there are too many.
  asked.add(address, name);
  return false;
}

/** GET /crawlers: who is asked about, each once. POST /crawlers: what was found. */
export function feedCrawlers(): void {
  ngx.header["Content-Type"] = "application/json";
  if (ngx.req.get_method() === "GET") {
    const parts: string[] = [];
    for (const address of asked.get_keys(CRAWLERS_ASKED_MAX)) {
      const [name] = asked.get(address);
      asked.delete(address);
      if (name !== undefined) parts.push(`{"address":"${address}","name":"${name}"}`);
    }
    ngx.print(`{"asked":[${parts.join(",")}]}`);
    return;
  }
  ngx.req.read_body();
  const [value] = cjson.decode(ngx.req.get_body_data() ?? "");
  const found = (value as { found?: { address: string; name: string; isProved: boolean; seconds: number }[] })
    ?.found;
  if (found === undefined || type(found) !== "table") {
    ngx.status = 400;
    ngx.print('{"why":"The body is not JSON with what was found"}');
    return;
  }
  for (const { address, name, isProved, seconds } of found) {
    const bounded = math.min(math.max(seconds, 1), SECONDS_MAX);
    if (isProved) proved.set(address, name, bounded);
    else refuted.set(address, name, bounded);
  }
  ngx.print("{}");
}
