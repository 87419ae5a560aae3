/**
 * What may travel on from the client to the origin. Fields that say who the client is are written by nginx from what it
 * saw itself; this file decides the two cases that need thought: a request that came through this edge before (CDN-Loop, RFC 8586), and
 * fields that the client names in Connection (RFC 9110 §7.6.1), which are for the edge and not for the origin.
 */
import { trimmed } from "./trimmed.ts";

/** More than this many parties in front of an origin is a loop that hides its names. */
export const CDN_LOOP_PARTIES_MAX = 20;
const NOMINATED_MAX = 20;

/** Fields that a client cannot remove by naming them in Connection: without them the message means something else. */
const NEVER_REMOVED = [
  "host",
  "content-length",
  "transfer-encoding",
  "content-type",
  "content-encoding",
  "authorization",
  "cookie",
  "cdn-loop",
];

/** Whether `cdnLoop` (all its lines joined by ", ") already names `cdnId`, or is too long to be honest. */
export function isLoop(cdnLoop: string, cdnId: string): boolean {
  const parties = cdnLoop.toLowerCase().split(",");
  if (parties.length > CDN_LOOP_PARTIES_MAX) return true;
  const own = cdnId.toLowerCase();
  for (const party of parties) {
    const name = trimmed(party.split(";")[0] ?? "");
    if (name === own) return true;
  }
  return false;
}

/** Lower-case names of the fields to remove as Connection names them. Null: there are too many, refuse the request. */
export function nominatedFields(connection: string): string[] | null {
  const names: string[] = [];
  const options = connection.toLowerCase().split(",");
  if (options.length > NOMINATED_MAX) return null;
  for (const option of options) {
    const name = trimmed(option);
    if (name === "" || name === "close" || name === "keep-alive" || name === "upgrade") continue;
    if (!NEVER_REMOVED.includes(name)) names.push(name);
  }
  return names;
}

/** The size a Content-Length announces, or -1 if it is not digits alone (RFC 9110 §8.6). */
export function contentLength(raw: string): number {
  if (raw.length === 0 || raw.length > 14) return -1;
  for (let i = 0; i < raw.length; i++) if (!"0123456789".includes(raw.charAt(i))) return -1;
  return Number(raw);
}
