/**
 * What a schema cannot know of protection settings: whether the operator has the database that a rule asks for, whether a rule can do what it says, whether the
 * allow-list lets in everybody. What makes no sense is refused with the field's name; what makes sense and may surprise becomes a warning.
 */
import { Fault } from "../contract/fault.ts";
import type { ProtectionRule, ProtectionSettings } from "../contract/protection.ts";
import { GLOB_CHARS_MAX } from "../contract/site-rules.ts";
import type { Settings } from "../contract/settings.ts";

/** Throws a Fault that names the field. */
export function checkProtection(
  protection: ProtectionSettings,
  operator: Pick<Settings, "countryDatabase" | "asnDatabase">,
  nowMs: number,
): void {
  for (const [i, range] of protection.allowNetworks.entries()) {
    if (!range.endsWith("/0")) continue;
    throw refuse(
      `protection.allowNetworks.${i}`,
      `"${range}" is every address there is, so nothing would be protected: name the networks that you trust, or set floods to "off" and remove the rules`,
    );
  }
  const { underAttack } = protection;
  if (underAttack.on && underAttack.endsAt !== null && Date.parse(underAttack.endsAt) <= nowMs) {
    throw refuse("protection.underAttack.endsAt", "it has passed: give a moment to come, or null for no end");
  }
  let searched = 0;
  for (const [i, rule] of protection.rules.entries()) {
    const found = whyUnusable(rule, operator);
    if (found !== null)
      throw refuse(`protection.rules.${i}.${found[0]}`, `of the rule "${rule.name}": ${found[1]}`);
    searched += searchedChars(rule);
  }
  if (searched > GLOB_CHARS_MAX) {
    throw refuse(
      "protection.rules",
      `rules search for ${searched} characters between the first "*" and the last: use shorter patterns, at most ${GLOB_CHARS_MAX} characters in all`,
    );
  }
}

/** The field and what to do about it; null for nothing. */
function whyUnusable(
  rule: ProtectionRule,
  operator: Pick<Settings, "countryDatabase" | "asnDatabase">,
): readonly [string, string] | null {
  const { match, rate, action, holdSeconds } = rule;
  const by = rate?.key.by;
  const databases: readonly [boolean, string, string, string][] = [
    [match.countries.length > 0, "match.countries", operator.countryDatabase, "countryDatabase"],
    [match.asns.length > 0, "match.asns", operator.asnDatabase, "asnDatabase"],
    [by === "country", "rate.key", operator.countryDatabase, "countryDatabase"],
    [by === "asn", "rate.key", operator.asnDatabase, "asnDatabase"],
  ];
  for (const [asks, field, path, setting] of databases) {
    if (asks && path === "") {
      return [
        field,
        `this edge has no database for it: ask the operator to set ${setting}, or use networks instead`,
      ];
    }
  }
  if (action === "throttle" && rate === null) {
    return ["rate", "to throttle is to let some through: say how many in rate, or set action to block"];
  }
  if (holdSeconds > 0 && rate === null) {
    return ["holdSeconds", "nobody goes over a rate that is not there: set holdSeconds to 0, or give a rate"];
  }
  return null;
}

/** What has to be searched for in a path or a value, and not only compared at its ends. */
function searchedChars({ match }: ProtectionRule): number {
  const values = [...match.headers, ...match.cookies].map(({ value }) =>
    (value ?? "").replaceAll("\\*", "."),
  );
  let sum = 0;
  for (const text of [...match.paths, ...values]) {
    sum += Math.max(0, text.lastIndexOf("*") - text.indexOf("*") - 1);
  }
  return sum;
}

function refuse(field: string, why: string): Fault {
  return new Fault("input.invalid", `Cannot use these settings: ${field}: ${why}`, {
    fields: { [field]: why },
  });
}

/** Sentences that each say what to look at and what to do. */
export function protectionWarnings(protection: ProtectionSettings, nowMs: number): readonly string[] {
  const { rules, underAttack, floods, allowNetworks } = protection;
  const living = rules.filter(({ endsAt }) => endsAt === null || Date.parse(endsAt) > nowMs);
  const stopsAll = living.findIndex(
    (rule) => matchesAll(rule) && rule.rate === null && stops(rule) && rule.action !== "challenge",
  );
  const warnings: string[] = [];
  if (stopsAll >= 0) {
    warnings.push(
      `The protection rule "${living[stopsAll]?.name ?? ""}" stops every request but those of allowed networks: say in its match whom it means, or set isShadow first and look at its counts.`,
    );
    if (stopsAll < living.length - 1) {
      warnings.push(
        "Protection rules stand behind one that stops everybody: they are never reached. Move them up or remove them.",
      );
    }
  }
  if (underAttack.on && underAttack.endsAt === null) {
    warnings.push(
      "Under attack is on without an end: every visitor is asked for a proof until somebody switches it off. Set underAttack.endsAt.",
    );
  }
  if (floods === "off") {
    warnings.push(
      "Floods are neither looked for nor stopped: set protection.floods to act, or to shadow to see what would be done.",
    );
  }
  const ended = rules.length - living.length;
  if (ended > 0) {
    warnings.push(
      `${ended === 1 ? "A protection rule has" : `${ended} protection rules have`} ended and ${ended === 1 ? "does" : "do"} nothing any more: remove what is not needed.`,
    );
  }
  if (
    rules.some(({ rate }) => rate?.key.by === "header" || rate?.key.by === "cookie") &&
    !rules.some(({ rate }) => rate?.key.by === "address" || rate?.key.by === "network")
  ) {
    warnings.push(
      "A rate is counted by a value that clients choose, and none by address: who invents a new value each time is never over it. Set a rate by address beside it.",
    );
  }
  const wide = allowNetworks.filter((range) => Number(range.split("/")[1]) < (range.includes(":") ? 19 : 8));
  if (wide.length > 0) {
    warnings.push(
      `The allow-list holds very large networks (${wide.slice(0, 3).join(", ")}): whoever attacks from there is not stopped. Name smaller ones.`,
    );
  }
  return warnings;
}

function matchesAll({ match }: ProtectionRule): boolean {
  return Object.values(match).every((list) => list.length === 0);
}

function stops({ action, isShadow }: ProtectionRule): boolean {
  return action !== "log" && !isShadow;
}
