/** FOR DEVELOPMENT ONLY: made-up protection settings of the forum, with a rule of each kind. */
import { MATCH_ALL, type ProtectionSettings } from "../../contract/protection.ts";

export function protectionSettingsAt(at: (ms: number) => string): ProtectionSettings {
  return {
    floods: "act",
    underAttack: { on: false, paths: [], endsAt: null },
    allowNetworks: ["192.0.2.0/28", "2001:db8:12::/48"],
    neverChallenge: ["/api/*", "/webhooks/*"],
    rules: [
      {
        name: "Sign-in",
        match: { ...MATCH_ALL, paths: ["/login"], methods: ["POST"] },
        rate: { key: { by: "address" }, requests: 10, windowSeconds: 60, statuses: [401, 403] },
        action: "block",
        isShadow: false,
        holdSeconds: 600,
        endsAt: null,
        reason: "Passwords were being guessed in spring.",
      },
      {
        name: "Search",
        match: { ...MATCH_ALL, paths: ["/search*"] },
        rate: { key: { by: "network" }, requests: 120, windowSeconds: 60, statuses: [] },
        action: "challenge",
        isShadow: true,
        holdSeconds: 0,
        endsAt: null,
        reason: "To see whom it would hit before it is in force.",
      },
      {
        name: "Old scraper",
        match: {
          ...MATCH_ALL,
          headers: [
            { name: "User-Agent", value: "*ScrapeIt/*", isAbsent: false },
            { name: "Accept-Language", value: null, isAbsent: true },
          ],
        },
        rate: null,
        action: "throttle",
        isShadow: false,
        holdSeconds: 0,
        endsAt: at(-3600_000),
        reason: "",
      },
    ],
  };
}
