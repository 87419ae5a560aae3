/**
 * Clients that are kept out for a time, on one site or on all. A ban is a key in a dictionary of its own with an end, so that invented keys of
 * other features can never push one out, and so that it ends by itself. IPv6 clients are banned by /64, as limits count them. While no
 * ban is in force a request does not even look: the workers share the moment at which the last one ends. Bans of whole networks, autonomous systems
 * and countries lie in `wide-bans.ts`, and are asked about only while there are any.
 */
import * as cjson from "cjson.safe";
import type { EdgeBan } from "../../contract/ban.ts";
import { BANNED_LOGGED_PER_SECOND } from "../../contract/banned-page.ts";
import { isAllowed } from "./allowed.ts";
import { requestId } from "./request-id.ts";
import { shortName, type Loaded } from "./sites.ts";
import { applyWideBan, catchUpWideBans, isBannedWidely, isWide, wideBans } from "./wide-bans.ts";

const bans = ngx.shared["parapet_bans"]!;
const control = ngx.shared["parapet_control"]!;
const EVERYWHERE = "* ";

/** Whether any ban is in force, and whether on one site or on all. Kept by `catchUpBans`. */
export const inForce = { any: false, onSite: false, everywhere: false };

/** Runs with every look at the journal. */
export function catchUpBans(): void {
  const now = ngx.now();
  inForce.onSite = now < until("bans-site-until");
  inForce.everywhere = now < until("bans-everywhere-until");
  catchUpWideBans(now);
  inForce.any = inForce.onSite || inForce.everywhere || wideBans.any;
}

/**
 * `client`: the site's short prefix and the client's address bytes, as `admit` makes it; `address`: the bytes alone. Whoever is on an allow-list is
 * looked up there only once a ban was found.
 */
export function isBanned(site: Loaded, client: string, address: string): boolean {
  if (inForce.onSite) {
    const [found] = bans.get(client);
    if (found !== undefined) return !isAllowed(site);
  }
  if (inForce.everywhere) {
    const [found] = bans.get(EVERYWHERE + address);
    if (found !== undefined) return !isAllowed(site);
  }
  return wideBans.any && isBannedWidely(site.limitPrefix, EVERYWHERE, address) && !isAllowed(site);
}

/**
 * Cheapest of all answers: whoever is kept out must cost less than whoever is let in. The first in each second get a number and a line in
 * the access log; the rest are counted, and their count goes to the error log once a second.
 */
export function refuseBanned(siteId: string): void {
  const second = ngx.time();
  if (second !== countedSecond) {
    sayUnlogged();
    countedSecond = second;
    refused = 0;
  }
  refused += 1;
  if (refused > BANNED_LOGGED_PER_SECOND) return ngx.exec("@banned");
  ngx.var["p_site"] = siteId;
  ngx.var["p_reason"] = "client.banned";
  requestId();
  return ngx.exec("@banned_and_logged");
}

let countedSecond = 0;
let refused = 0;

function sayUnlogged(): void {
  const more = refused - BANNED_LOGGED_PER_SECOND;
  if (more > 0) ngx.log(ngx.NOTICE, "client.banned: requests refused beyond those in the access log: ", more);
}

/** POST /bans: `{"bans":[EdgeBan]}`; `seconds` 0 lifts one. Says which of them, counted from 0, it has no room for. Answers when this worker has it; others follow within 50 ms. */
export function feedBans(): void {
  ngx.req.read_body();
  const [value] = cjson.decode(ngx.req.get_body_data() ?? "");
  if (value === undefined) {
    ngx.status = 400;
    ngx.print('{"why":"The body is not JSON, or does not fit the buffer"}');
    return;
  }
  const refused: string[] = [];
  for (const [place, ban] of ipairs((value as { bans: EdgeBan[] }).bans)) {
    if (!applyBan(ban)) refused.push(string.format("%d", place - 1));
  }
  catchUpBans();
  ngx.header["Content-Type"] = "application/json";
  ngx.print(`{"refused":[${refused.join(",")}]}`);
}

function applyBan(ban: EdgeBan): boolean {
  const isEverywhere = (ban.siteId as unknown) === cjson.null || ban.siteId === null;
  const prefix = isEverywhere ? EVERYWHERE : `${shortName(ban.siteId as string)} `;
  const bytes = bytesOf(ban.addressHex);
  if (isWide(ban)) return applyWideBan(ban, prefix, bytes, isEverywhere);
  const key = prefix + bytes;
  if (ban.seconds <= 0) {
    bans.delete(key);
    return true;
  }
  // `set` makes room by dropping the ban that was looked at least recently: under a flood that is the quietest client.
  const [kept] = bans.set(key, 1, ban.seconds);
  if (!kept) return false;
  const name = isEverywhere ? "bans-everywhere-until" : "bans-site-until";
  const end = ngx.now() + ban.seconds;
  if (until(name) < end) control.set(name, end);
  return true;
}

function until(name: string): number {
  const [known] = control.get(name);
  return known === undefined ? 0 : (known as number);
}

function bytesOf(hex: string): string {
  let bytes = "";
  for (let i = 1; i < hex.length; i += 2) bytes += string.char(tonumber(string.sub(hex, i, i + 1), 16)!);
  return bytes;
}
