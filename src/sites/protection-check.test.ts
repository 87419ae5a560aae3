/** What of protection settings is refused, and with which field; what is taken and warned about; and what passes in silence. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Fault } from "../contract/fault.ts";
import {
  MATCH_ALL,
  PROTECTION_DEFAULT,
  type ProtectionRule,
  type ProtectionSettings,
} from "../contract/protection.ts";
import { checkProtection, protectionWarnings } from "./protection-check.ts";

const NOW = Date.parse("2026-11-23T03:00:00Z");
const NONE = { countryDatabase: "", asnDatabase: "" };
const BOTH = { countryDatabase: "/srv/country.mmdb", asnDatabase: "/srv/asn.mmdb" };
const RATE = { key: { by: "address" as const }, requests: 10, windowSeconds: 60, statuses: [] };
const RULE: ProtectionRule = {
  name: "logins",
  match: { ...MATCH_ALL, paths: ["/login"] },
  rate: RATE,
  action: "throttle",
  isShadow: false,
  holdSeconds: 60,
  endsAt: null,
  reason: "",
};
const withRule = (rule: Partial<ProtectionRule>): ProtectionSettings => ({
  ...PROTECTION_DEFAULT,
  rules: [{ ...RULE, ...rule }],
});

test("what cannot work is refused with its field and with what to do", () => {
  const table: readonly (readonly [ProtectionSettings, string, RegExp])[] = [
    [
      { ...PROTECTION_DEFAULT, allowNetworks: ["192.0.2.0/24", "0.0.0.0/0"] },
      "protection.allowNetworks.1",
      /every address/,
    ],
    [{ ...PROTECTION_DEFAULT, allowNetworks: ["::/0"] }, "protection.allowNetworks.0", /every address/],
    [
      withRule({ match: { ...MATCH_ALL, countries: ["FR"] } }),
      "protection.rules.0.match.countries",
      /countryDatabase/,
    ],
    [withRule({ match: { ...MATCH_ALL, asns: [64500] } }), "protection.rules.0.match.asns", /asnDatabase/],
    [
      withRule({ rate: { ...RATE, key: { by: "country" } } }),
      "protection.rules.0.rate.key",
      /countryDatabase/,
    ],
    [withRule({ rate: { ...RATE, key: { by: "asn" } } }), "protection.rules.0.rate.key", /asnDatabase/],
    [withRule({ rate: null, holdSeconds: 0 }), "protection.rules.0.rate", /say how many/],
    [withRule({ rate: null, action: "block" }), "protection.rules.0.holdSeconds", /set holdSeconds to 0/],
    [
      { ...PROTECTION_DEFAULT, underAttack: { on: true, paths: [], endsAt: "2026-11-23T02:59:59Z" } },
      "protection.underAttack.endsAt",
      /has passed/,
    ],
    [
      withRule({
        match: {
          ...MATCH_ALL,
          headers: Array.from({ length: 9 }, () => ({
            name: "A",
            value: `*${"x".repeat(490)}*`,
            isAbsent: false,
          })),
        },
      }),
      "protection.rules",
      /shorter patterns/,
    ],
  ];
  for (const [settings, field, why] of table) {
    assert.throws(
      () => checkProtection(settings, NONE, NOW),
      (error: unknown) =>
        error instanceof Fault && error.code === "input.invalid" && why.test(error.fields?.[field] ?? ""),
      field,
    );
  }
});

test("what works is taken: with databases, with an end to come, with wide but bounded lists", () => {
  for (const settings of [
    PROTECTION_DEFAULT,
    withRule({}),
    withRule({
      match: { ...MATCH_ALL, countries: ["FR"], asns: [64500] },
      rate: { ...RATE, key: { by: "asn" } },
    }),
    { ...PROTECTION_DEFAULT, allowNetworks: ["10.0.0.0/8", "2001:db8::/32"] },
    { ...PROTECTION_DEFAULT, underAttack: { on: true, paths: [], endsAt: "2026-11-23T04:00:00Z" } },
  ]) {
    checkProtection(settings, BOTH, NOW);
  }
});

test("what may surprise is said, and nothing else", () => {
  const table: readonly (readonly [ProtectionSettings, readonly RegExp[]])[] = [
    [PROTECTION_DEFAULT, []],
    [withRule({}), []],
    [withRule({ match: MATCH_ALL, rate: null, action: "block" }), [/stops every request/]],
    [withRule({ match: MATCH_ALL, rate: null, action: "block", isShadow: true }), []],
    [withRule({ match: MATCH_ALL, rate: null, action: "challenge" }), []],
    [withRule({ match: MATCH_ALL, rate: null, action: "log" }), []],
    [
      {
        ...PROTECTION_DEFAULT,
        rules: [
          { ...RULE, match: MATCH_ALL, rate: null, action: "block" },
          { ...RULE, name: "b" },
        ],
      },
      [/stops every request/, /never reached/],
    ],
    [
      withRule({ match: MATCH_ALL, rate: null, action: "block", endsAt: "2026-11-01T00:00:00Z" }),
      [/has ended/],
    ],
    [{ ...PROTECTION_DEFAULT, underAttack: { on: true, paths: [], endsAt: null } }, [/without an end/]],
    [{ ...PROTECTION_DEFAULT, underAttack: { on: true, paths: [], endsAt: "2026-11-24T00:00:00Z" } }, []],
    [{ ...PROTECTION_DEFAULT, floods: "off" }, [/neither looked for nor stopped/]],
    [withRule({ rate: { ...RATE, key: { by: "header", name: "X-Key" } } }), [/value that clients choose/]],
    [
      { ...PROTECTION_DEFAULT, allowNetworks: ["64.0.0.0/2", "10.0.0.0/8"] },
      [/very large networks \(64\.0\.0\.0\/2\)/],
    ],
  ];
  for (const [settings, expected] of table) {
    const said = protectionWarnings(settings, NOW);
    assert.equal(said.length, expected.length, said.join("\n"));
    for (const [i, pattern] of expected.entries()) assert.match(said[i] ?? "", pattern);
  }
});
