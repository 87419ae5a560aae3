/**
 * Is what the origin said an answer at all? nginx 1.22 takes the first interim answer (100, 103) for the final one and hands everything behind
 * it to the visitor as it is, and so it does with bytes that begin as no answer does ("HTTP/0.9"): an origin could then write the
 * edge's own words. Both have a status below 200 here, and become 502. A 101 passes when the visitor asked for a WebSocket.
 */
import { restoreVersion } from "./head.ts";

const FINAL_STATUS_MIN = 200;
const SWITCHING_PROTOCOLS = 101;
const BAD_GATEWAY = 502;

export function judgeAnswer(): void {
  const status = ngx.status;
  if (status >= FINAL_STATUS_MIN) return;
  if (status === SWITCHING_PROTOCOLS && ngx.var["p_upgrade"] === "websocket") return;
  restoreVersion();
  return ngx.exit(BAD_GATEWAY);
}
