/** Protection rules on a request that is written down, for vectors: whether the rule speaks of it, and what it is counted by. */
import { MATCH_ALL, type ProtectionRule } from "../contract/protection.ts";
import { addressBytes } from "./network.ts";
import { cookieOf } from "./cookie.ts";
import { countedBy, prepareProtectionRules, speaksOf, type RequestFacts } from "./protection-rules.ts";
import { canonicalPath, decodedPath } from "./request-target.ts";

const RULE: ProtectionRule = {
  name: "rule",
  match: MATCH_ALL,
  rate: null,
  action: "log",
  isShadow: false,
  holdSeconds: 0,
  endsAt: null,
  reason: "",
};

/**
 * `asked`: path, method, address, asn, country, tls, and fields by their names in lower case. "" when the rule does not speak of it, else a "+" and what it
 * counts by, of addresses the number of bytes.
 */
export function ruleVerdict(
  rule: Partial<ProtectionRule>,
  asked: Record<string, string | undefined>,
): string {
  const given = { ...RULE, ...rule };
  const prepared = prepareProtectionRules([{ ...given, match: { ...MATCH_ALL, ...given.match } }])[0]!;
  const of = (name: string, otherwise: string): string => asked[name] ?? otherwise;
  const facts: RequestFacts = {
    path: () => decodedPath(canonicalPath(of("path", "/"))),
    method: () => of("method", "GET"),
    address: () => addressBytes(of("address", "192.0.2.1")),
    asn: () => of("asn", ""),
    country: () => of("country", ""),
    tls: () => of("tls", ""),
    header: (name) => asked["header " + name],
    cookie: (name) => cookieOf(of("header cookie", ""), name),
    hash: (value) => "#" + value,
  };
  if (!speaksOf(prepared, facts)) return "";
  if (prepared.rate === undefined) return "+";
  const counted = countedBy(prepared.rate, facts);
  const kind = counted.charAt(0);
  return kind === "a" || kind === "n" ? `+${kind}${counted.length - 1}` : "+" + counted;
}
