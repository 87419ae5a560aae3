/**
 * `ban ADDRESS|RANGE|AS64500|country:XX [--site HOST] [--for 2h] --reason "…"` keeps a client out of every site or of one; `ban list
 * [--search WORDS]` finds bans, by an address also the ranges that hold it; `ban lift ID|ADDRESS` ends them.
 */
import { parseArgs } from "node:util";
import type { BanKind } from "../contract/ban.ts";
import { Fault } from "../contract/fault.ts";
import type { BanMade, BanView, CursorPage } from "../contract/http-protection.ts";
import { DATA_OPTION, dataDirFrom } from "./data-dir.ts";
import { durationSeconds } from "./duration.ts";
import { callLocal } from "./local-client.ts";
import { printable } from "./printable.ts";
import type { Verb } from "./verb.ts";

const USAGE =
  'Cannot tell what to ban: ./parapet ban ADDRESS|RANGE|AS64500|country:XX [--site HOST] [--for 2h] --reason "why", ban list [--search WORDS] [--all], or ban lift ID|ADDRESS';
const PAGES_MAX = 40;

export const verb: Verb = async (args) => {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: {
      ...DATA_OPTION,
      site: { type: "string" },
      for: { type: "string", default: "1d" },
      reason: { type: "string", default: "" },
      search: { type: "string" },
      all: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
    },
    allowPositionals: true,
  });
  const dataDir = dataDirFrom(values.data);
  const [first, second] = positionals;
  const site = values.site === undefined ? {} : { site: values.site };
  if (first === "list" && positionals.length === 1) {
    const bans = await listed(dataDir, {
      ...site,
      ...(values.search === undefined ? {} : { q: values.search }),
      ...(values.all ? {} : { state: "in-force" }),
    });
    if (values.json) process.stdout.write(`${JSON.stringify(bans)}\n`);
    else if (bans.length === 0)
      process.stdout.write(
        `${values.search === undefined ? "Nobody is banned." : "No ban fits this search."}\n`,
      );
    else for (const ban of bans) process.stdout.write(`${lineOf(ban)}\n`);
    return 0;
  }
  if (first === "lift" && second !== undefined && positionals.length === 2)
    return lift(dataDir, second, site);
  if (first === undefined || first === "lift" || positionals.length !== 1)
    throw new Fault("input.invalid", USAGE);
  if (values.reason.trim() === "") {
    throw new Fault(
      "input.invalid",
      'Cannot ban without a reason: add --reason "why", for those who come after',
    );
  }
  const made = await callLocal<BanMade>(dataDir, {
    method: "POST",
    path: "/bans",
    body: {
      hostname: values.site ?? null,
      ban: { ...whomOf(first), seconds: durationSeconds(values.for), reason: values.reason, force: true },
    },
  });
  process.stdout.write(`${lineOf(made.ban)}\n`);
  for (const warning of made.warnings) process.stderr.write(`parapet: ${warning}\n`);
  return 0;
};

/** "AS64500", "country:FR", "192.0.2.0/24" or an address. */
export function whomOf(text: string): { readonly kind: BanKind; readonly value: string } {
  const country = /^country:(.*)$/i.exec(text)?.[1];
  if (country !== undefined) return { kind: "country", value: country };
  const asn = /^AS(\d+)$/i.exec(text)?.[1];
  if (asn !== undefined) return { kind: "asn", value: asn };
  return { kind: text.includes("/") ? "network" : "address", value: text };
}

export function lineOf(ban: BanView): string {
  const what =
    ban.kind === "asn" ? `AS${ban.value}` : ban.kind === "country" ? `country ${ban.value}` : ban.value;
  const where = ban.siteId === null ? "every site" : (ban.siteName ?? ban.siteId);
  const state = {
    "in-force": `until ${clock(ban.endsAt)}`,
    lifted: `lifted by ${ban.liftedBy ?? "somebody"} at ${clock(ban.liftedAt ?? ban.endsAt)}`,
    expired: `over since ${clock(ban.endsAt)}`,
  }[ban.state];
  return `${ban.banId} ${what} on ${where}, ${state}, by ${ban.by}: ${printable(ban.reason)}`;
}

const clock = (at: string): string => at.slice(0, 16).replace("T", " ");

async function listed(dataDir: string, query: Readonly<Record<string, string>>): Promise<BanView[]> {
  const found: BanView[] = [];
  let next: string | null = null;
  for (let page = 0; page < PAGES_MAX; page++) {
    const parameters: string = new URLSearchParams({
      ...query,
      ...(next === null ? {} : { cursor: next }),
    }).toString();
    const answer: CursorPage<BanView> = await callLocal(dataDir, {
      method: "GET",
      path: `/bans?${parameters}`,
    });
    found.push(...answer.items);
    next = answer.next;
    if (next === null) break;
  }
  return found;
}

/** By its id, or all bans in force of exactly this address, range, system or country. */
async function lift(dataDir: string, what: string, site: { readonly site?: string }): Promise<number> {
  const isId = /^[A-Za-z0-9]{2,8}_[A-Za-z0-9_-]+$/.test(what);
  const { value } = whomOf(what);
  const same = (ban: BanView): boolean => ban.value.toLowerCase() === value.toLowerCase();
  const ids = isId
    ? [what]
    : (await listed(dataDir, { ...site, q: value, state: "in-force" }))
        .filter(same)
        .map(({ banId }) => banId);
  if (ids.length === 0) {
    throw new Fault(
      "state.not-found",
      `Nothing bans exactly "${what.slice(0, 60)}": ./parapet ban list --search ${what.slice(0, 60)} shows what meets it`,
    );
  }
  for (const banId of ids) {
    const path = `/bans/${encodeURIComponent(banId)}/lift`;
    process.stdout.write(`${lineOf(await callLocal<BanView>(dataDir, { method: "POST", path }))}\n`);
  }
  return 0;
}
