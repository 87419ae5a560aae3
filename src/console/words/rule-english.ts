/**
 * The words of protection's settings in English: how floods are met, who is never stopped, the owner's rules and the sentence that says what a rule
 * does. They are the parts `settings` and `rule` of the words of protection.
 */
import type { FloodMode } from "../../contract/flood.ts";
import type { CountKey, ProtectionRule } from "../../contract/protection.ts";
import type { FieldState } from "../site/protection-rule.ts";

const many = (n: number, one: string, other: string): string =>
  `${n.toLocaleString("en")} ${n === 1 ? one : other}`;

type Action = ProtectionRule["action"];

export const MODE_ENGLISH = {
  mode: {
    act: "Stop floods",
    shadow: "Watch only",
    off: "Do not look for floods",
  } satisfies Record<FloodMode, string>,
  modeMeaning: {
    act: "Floods are recognised and stopped by themselves, and what was done is lifted when they end.",
    shadow: "Floods are recognised and told, and nothing is done: you see what would have been done.",
    off: "Nothing is recognised, told or done. Your own rules and bans go on.",
  } satisfies Record<FloodMode, string>,
};

export const RULE_SETTINGS_ENGLISH = {
  floods: "Floods",
  mode: "When a flood comes",
  offWarn: "While this is off, a flood reaches your server as it comes.",
  attackElsewhere: "To have every visitor prove a browser now, switch on “Under attack”:",
  exempt: "Never stopped",
  allow: "Networks that are always let in",
  allowHelp: (max: number) =>
    `No rule, ban, limit or challenge ever stops them; a measure of the abuse desk does. Up to ${max}.`,
  never: "Paths that are never challenged",
  neverHelp: (max: number) =>
    `Where programs come, not browsers. Feeds, /.well-known/ and favicons need no mention. Up to ${max}. Such as`,
};

export const RULE_ENGLISH = {
  order:
    "They run in this order; the first whose action is met decides. A new rule begins in shadow: it only counts.",
  edit: "Change this rule",
  name: "Name",
  nameHelp: "Shown in logs and to people. Letters, digits, spaces, dots and hyphens.",
  reason: "Why it is there",
  reasonHelp: "For those who come after you.",
  which: "Which requests",
  howMany: "How many are too many",
  thenDo: "What is done",
  everybody: "This rule speaks of every request of the site.",
  everybodyRate: "This rule counts every request of the site.",
  tlsShapes: "TLS shapes",
  tlsShapesHelp: "Marks as incidents show them, such as 3fa2c91b.",
  headers: "Header fields",
  cookies: "Cookies",
  addHeader: "Add a header field",
  addCookie: "Add a cookie",
  fieldName: "Name of the field",
  fieldState: "Condition",
  fieldStates: { there: "is there", is: "says", absent: "is not there" } satisfies Record<FieldState, string>,
  fieldValue: "Text",
  fieldValueHelp: "A * stands for anything.",
  removeField: (name: string) => (name === "" ? "Remove this field" : `Remove the field “${name}”`),
  withRate: "Only when there are too many",
  withRateHelp: "Without this, the rule speaks of every request that matches.",
  requests: "More than … requests",
  window: "within … seconds",
  key: "Counted per",
  keys: {
    address: "Address (of IPv6 its /64)",
    network: "Network (its /24 or /48)",
    asn: "Network operator (AS)",
    country: "Country",
    tls: "TLS shape",
    site: "Whole site",
    header: "Value of a header field",
    cookie: "Value of a cookie",
  } satisfies Record<CountKey["by"], string>,
  keyName: "Name of that field or cookie",
  keyNameHelp: "Whoever comes without it is counted by address.",
  statuses: "Count only answers with these statuses",
  statusesHelp: "Such as 401, 403. Empty: every request counts.",
  hold: "Then go on for … seconds",
  holdHelp: "0: as long as it is too many.",
  action: "Action",
  actions: {
    log: "Note it",
    throttle: "Slow down",
    challenge: "Ask for a browser",
    block: "Block",
  } satisfies Record<Action, string>,
  actionMeaning: {
    log: "Nothing is done; it stands in the log.",
    throttle: "The visitor is asked to come back later (429).",
    challenge: "The visitor’s browser has to prove itself once. Programs do not pass.",
    block: "The visitor gets a page that says so (403).",
  } satisfies Record<Action, string>,
  ends: "Ends",
  endsHelp: "In your own time. Empty: no end.",
  shadow: "Shadow: count what it would do, and do nothing",
  shadowHelp: "Leave it on for a day, look at the count, then take it off.",
  shadowTag: "Shadow",
  overTag: "Has ended",
  says: {
    every: "Every request",
    requests: "Requests",
    methods: (list: string) => `with ${list}`,
    paths: (list: string) => `for ${list}`,
    networks: (list: string) => `from ${list}`,
    asns: (list: string) => `from ${list}`,
    countries: (list: string) => `from ${list}`,
    tlsShapes: (list: string) => `with the TLS shape ${list}`,
    header: {
      there: (name: string, _value: string) => `with the field ${name}`,
      is: (name: string, value: string) => `whose field ${name} says “${value}”`,
      absent: (name: string, _value: string) => `without the field ${name}`,
    } satisfies Record<FieldState, (name: string, value: string) => string>,
    cookie: {
      there: (name: string, _value: string) => `with the cookie ${name}`,
      is: (name: string, value: string) => `whose cookie ${name} says “${value}”`,
      absent: (name: string, _value: string) => `without the cookie ${name}`,
    } satisfies Record<FieldState, (name: string, value: string) => string>,
    over: (requests: number, seconds: number) =>
      `more than ${requests.toLocaleString("en")} in ${many(seconds, "second", "seconds")}`,
    answered: (list: string) => `answered with ${list}`,
    per: {
      address: "from one address",
      network: "from one network",
      asn: "from one network operator",
      country: "from one country",
      tls: "with one TLS shape",
      site: "on the whole site",
      header: (name: string) => `with one value of ${name}`,
      cookie: (name: string) => `with one value of the cookie ${name}`,
    },
    held: (seconds: number) => `and for ${many(seconds, "second", "seconds")} after`,
    does: {
      log: "it is noted",
      throttle: "asked to come back later",
      challenge: "asked for a browser",
      block: "blocked",
    } satisfies Record<Action, string>,
  },
};
