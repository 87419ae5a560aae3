/** Which known crawler a User-Agent claims to be. A claim is worth nothing by itself: `nginx/crawlers.ts` asks whether it was proved for the address. */
import { CRAWLERS } from "../contract/crawlers.ts";

/** The crawler's name, "" for none. */
export function claimedCrawler(userAgent: string): string {
  for (const { name } of CRAWLERS) if (userAgent.includes(name)) return name;
  return "";
}
