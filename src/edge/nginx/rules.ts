/**
 * An owner's rules on a request, in their order: maintenance, who may come, crawlers, redirects, robots.txt; then the header fields that the
 * origin is to see. Runs only for sites that set one of them, after the desk's measures and before the client's allowance. A variable
 * is read only when a rule of the site asks for it: nginx looks an address up in a database at the moment its variable is read.
 */
import type { HeaderRule } from "../../contract/site-rules.ts";
import { isAiCrawler } from "../ai-crawlers.ts";
import { errorProblem, renderError } from "../error-page.ts";
import { asksForJson } from "./asked.ts";
import { redirectOf, redirectTarget } from "../redirect.ts";
import {
  isLetIn,
  isUnderMaintenance,
  maintenanceMessage,
  UNKNOWN,
  type PreparedMaintenance,
  type PreparedRules,
} from "../site-rules.ts";
import { answerError, contextOf, send } from "./answer.ts";
import { answerRedirect, answersWithOwnPage, answerText } from "./own-answers.ts";
import { settledSite, siteById, type Loaded } from "./sites.ts";

/** Which databases nginx was given; without one, its variable does not exist. */
export const databases = { country: false, asn: false };

const MAINTENANCE = "site.maintenance";
const ROBOTS_PATH = "/robots.txt";
const ROBOTS_SECONDS = 600;

/** True when a rule answered the request. */
export function stopsAtRules(site: Loaded): boolean {
  const rules = site.rules;
  if (rules === undefined) return false;
  ngx.var["p_site"] = site.siteId; // Who is answered here is in the site's log as well.
  if (rules.maintenance !== undefined && stopsForMaintenance(rules.maintenance)) return true;
  if (rules.access.length > 0 && !mayCome(rules)) {
    answerError("access.denied");
    return true;
  }
  if (rules.robots !== "" || rules.redirects.length > 0) {
    if (stopsAtPath(rules, ngx.var["uri"]!)) return true;
  }
  for (const { action, name, value } of rules.requestHeaders) {
    if (action === "set") ngx.req.set_header(name, value);
    else ngx.req.clear_header(name);
  }
  return false;
}

function stopsForMaintenance(maintenance: PreparedMaintenance): boolean {
  if (!isUnderMaintenance(maintenance, ngx.var["binary_remote_addr"]!)) return false;
  ngx.header["Retry-After"] = string.format("%d", maintenance.retryAfterSeconds);
  const json = asksForJson();
  if (!json && answersWithOwnPage(MAINTENANCE)) return true;
  const asked = contextOf();
  const context = { ...asked, message: maintenanceMessage(maintenance, asked.language) };
  send(MAINTENANCE, {
    body: json ? errorProblem(MAINTENANCE, context) : renderError(MAINTENANCE, context),
    json,
  });
  return true;
}

function mayCome(rules: PreparedRules): boolean {
  return isLetIn(
    rules.access,
    ngx.var["uri"]!,
    ngx.req.get_method(),
    rules.asksNetwork ? ngx.var["binary_remote_addr"]! : "",
    rules.asksAsn ? (databases.asn ? (ngx.var["p_asn"] ?? "") : UNKNOWN) : "",
    rules.asksCountry ? (databases.country ? (ngx.var["p_country"] ?? "") : UNKNOWN) : "",
  );
}

/** What depends on the path. A crawler that is kept out may read robots.txt all the same: that is where it is told. */
function stopsAtPath(rules: PreparedRules, path: string): boolean {
  const asksRobots = rules.robots !== "" && path === ROBOTS_PATH && isRead(ngx.req.get_method());
  if (rules.blocksAiCrawlers && !asksRobots && isAiCrawler(ngx.var["http_user_agent"] ?? "")) {
    answerError("access.crawler");
    return true;
  }
  const redirect = redirectOf(rules.redirects, path);
  if (redirect !== null) {
    const target = redirectTarget(redirect, path, redirect.keepQuery ? (ngx.var["args"] ?? "") : "");
    if (target === "") answerError("request.headers-too-large");
    else answerRedirect(redirect.status, target);
    return true;
  }
  if (!asksRobots) return false;
  answerText(rules.robots, ROBOTS_SECONDS);
  return true;
}

function isRead(method: string): boolean {
  return method === "GET" || method === "HEAD";
}

/** Header filter of the locations that sites with rules for the visitor's header fields are sent to. */
export function changeResponseHeaders(): void {
  const site = settledSite() ?? siteById(ngx.var["p_site"] ?? "");
  if (site === undefined || site.responseHeaders === undefined) return;
  applyResponseHeaders(site.responseHeaders);
}

function applyResponseHeaders(rules: readonly HeaderRule[]): void {
  for (const { action, name, value } of rules) ngx.header[name] = action === "set" ? value : undefined;
}
