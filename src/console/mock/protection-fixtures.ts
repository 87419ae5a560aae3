/**
 * FOR DEVELOPMENT ONLY: made-up incidents, bans and deliveries, typed by the contract. The flood under way began two minutes ago and is drawn from the clock,
 * so that its chart grows while one looks; the surge and the watched flood are over.
 */
import type {
  BanView,
  DeliveryView,
  IncidentRow,
  IncidentView,
  NotificationsView,
  ProtectionView,
  SignatureView,
} from "../../contract/http-protection.ts";
import { signatureInWords } from "../../contract/flood-words.ts";
import type { EdgeMitigation } from "../../contract/flood.ts";
import { fakeId } from "./fixtures.ts";
import { protectionSettingsAt } from "./protection-settings.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const HEADERS = "host user-agent accept accept-encoding connection cache-control";
const WHERE: EdgeMitigation["where"] = [
  { feature: "method", value: "GET" },
  { feature: "path", value: "/search" },
  { feature: "queryShape", value: "q=word&{key}=number" },
  { feature: "headers", value: "7be05d22" },
];
const WHERE_AGENT: EdgeMitigation["where"] = [
  {
    feature: "userAgent",
    value:
      "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/92.0.4515.107",
  },
  { feature: "language", value: "" },
];

const wordsOf = (where: EdgeMitigation["where"], headerNames: string) => ({
  en: signatureInWords({ where, headerNames }, "en"),
  fr: signatureInWords({ where, headerNames }, "fr"),
});

/** Counts of one second each: calm, then up within seconds, then stopped at the edge; what was stopped comes on. */
function floodSeries(
  beganMs: number,
  input: { readonly seconds: number; readonly peak: number; readonly stopped: boolean },
): IncidentView["series"] {
  const calm = 15;
  return Array.from({ length: Math.min(300, input.seconds + calm) }, (_, i) => {
    const since = i - calm;
    const wave = 6 * Math.sin(i / 5);
    const came =
      since < 0 ? 40 + wave : Math.min(1, (since + 1) / 4) * input.peak * (0.9 + 0.1 * Math.sin(i / 9));
    const passed = since < 0 ? came : !input.stopped || since < 2 ? came : 42 + wave;
    return [beganMs + since * SECOND, Math.round(came), Math.round(Math.min(came, passed))] as const;
  });
}

function rowsAt(now: number) {
  const at = (ms: number): string => new Date(now + ms).toISOString();
  const row = (n: number, given: Partial<IncidentRow>): IncidentRow => ({
    incidentId: `incident-${n}`,
    siteId: fakeId("site", 1),
    siteName: "forum.example",
    kind: "flood",
    mode: "act",
    state: "ended",
    beganAt: at(-2 * MINUTE),
    mitigatedAt: at(-2 * MINUTE + 1200),
    endedAt: null,
    usualPerSecond: 41,
    peakPerSecond: 9_420,
    requests: 1_048_210,
    passed: 7_930,
    challenged: 12_400,
    challengesPassed: 38,
    blocked: 1_010_300,
    throttled: 0,
    banned: 17_580,
    words: wordsOf(WHERE, HEADERS),
    nodes: 2,
    ...given,
  });
  return [
    row(1, { state: "active" }),
    row(2, {
      kind: "surge",
      beganAt: at(-DAY),
      mitigatedAt: null,
      endedAt: at(-DAY + 42 * MINUTE),
      peakPerSecond: 612,
      requests: 890_000,
      passed: 890_000,
      challenged: 0,
      challengesPassed: 0,
      blocked: 0,
      banned: 0,
      words: null,
    }),
    row(3, {
      mode: "shadow",
      beganAt: at(-3 * DAY),
      mitigatedAt: null,
      endedAt: at(-3 * DAY + 9 * MINUTE),
      peakPerSecond: 2_130,
      requests: 610_000,
      passed: 610_000,
      challenged: 0,
      challengesPassed: 0,
      blocked: 0,
      banned: 0,
      words: wordsOf(WHERE_AGENT, ""),
    }),
    row(4, {
      kind: "slow",
      beganAt: at(-9 * DAY),
      mitigatedAt: at(-9 * DAY + 4 * SECOND),
      endedAt: at(-9 * DAY + 6 * MINUTE),
      peakPerSecond: 44,
      requests: 15_000,
      passed: 14_200,
      challenged: 0,
      challengesPassed: 0,
      blocked: 800,
      banned: 0,
      words: null,
      nodes: 1,
    }),
  ];
}

function signaturesOf(row: IncidentRow, at: (ms: number) => string): readonly SignatureView[] {
  if (row.words === null) return [];
  const began = Date.parse(row.beganAt);
  const since = (ms: number): string => new Date(began + ms).toISOString();
  const liftedAt = row.endedAt;
  const nodes = [fakeId<SignatureView["nodes"][number]>("node", 1)];
  if (row.mode === "shadow")
    return [
      {
        words: row.words,
        where: WHERE_AGENT,
        headerNames: "",
        action: "challenge",
        cover: 0.71,
        collateral: 0.0004,
        since: since(2300),
        liftedAt,
        requests: 431_000,
        nodes,
      },
    ];
  return [
    {
      words: row.words,
      where: WHERE,
      headerNames: HEADERS,
      action: "block",
      cover: 0.964,
      collateral: 0.0031,
      since: since(900),
      liftedAt,
      requests: 1_010_300,
      nodes,
    },
    {
      words: wordsOf(WHERE_AGENT, ""),
      where: WHERE_AGENT,
      headerNames: "",
      action: "challenge",
      cover: 0.028,
      collateral: 0,
      since: since(4100),
      liftedAt: liftedAt ?? at(-30 * SECOND),
      requests: 12_400,
      nodes,
    },
  ];
}

function incidentOf(row: IncidentRow, now: number): IncidentView {
  const at = (ms: number): string => new Date(now + ms).toISOString();
  const began = Date.parse(row.beganAt);
  const seconds = Math.round(((row.endedAt === null ? now : Date.parse(row.endedAt)) - began) / SECOND);
  const spare = row.kind === "surge" || row.mode === "shadow";
  return {
    ...row,
    triggers: row.kind === "slow" ? ["origin-latency"] : ["rate", "new-clients"],
    originErrors: spare ? 210 : 14,
    originSecondsExtra: spare ? 1830 : 12.4,
    sentBytes: row.requests * 1400,
    signatures: signaturesOf(row, at),
    series: floodSeries(began, { seconds: Math.min(seconds, 280), peak: row.peakPerSecond, stopped: !spare }),
    reports: [1, 2].slice(0, row.nodes).map((n) => ({
      nodeId: fakeId("node", n),
      nodeName: `edge-${n}`,
      beganAt: row.beganAt,
      endedAt: row.endedAt,
      toldAt: row.endedAt ?? at(-SECOND),
      isSilent: n === 2 && row.endedAt !== null,
    })),
  };
}

function bansAt(at: (ms: number) => string): readonly BanView[] {
  const ban = (n: number, given: Partial<BanView>): BanView => ({
    banId: `ban-${n}`,
    siteId: fakeId("site", 1),
    siteName: "forum.example",
    kind: "address",
    value: "192.0.2.77",
    reason: "Kept asking after the block",
    by: "watch",
    createdAt: at(-90 * SECOND),
    endsAt: at(14 * MINUTE),
    liftedAt: null,
    liftedBy: null,
    nodeId: fakeId("node", 1),
    state: "in-force",
    ...given,
  });
  return [
    ban(1, {}),
    ban(2, {
      kind: "network",
      value: "198.51.100.0/24",
      reason: "Guessing passwords at the sign-in since the morning; their provider was written to.",
      by: "Forum Keeper",
      createdAt: at(-5 * HOUR),
      endsAt: at(19 * HOUR),
      nodeId: null,
    }),
    ban(3, {
      siteId: null,
      siteName: null,
      kind: "asn",
      value: "64500",
      reason: "A hosting company that answers no complaint",
      by: "Second Officer",
      createdAt: at(-2 * DAY),
      endsAt: at(5 * DAY),
      nodeId: null,
    }),
    ban(4, {
      value: "2001:db8:1:2::/64",
      reason: "By mistake",
      by: "Forum Keeper",
      createdAt: at(-3 * DAY),
      endsAt: at(-2 * DAY),
      liftedAt: at(-3 * DAY + HOUR),
      liftedBy: "Forum Keeper",
      nodeId: null,
      state: "lifted",
    }),
  ];
}

function notificationsAt(at: (ms: number) => string): NotificationsView {
  const delivery = (n: number, given: Partial<DeliveryView>): DeliveryView => ({
    deliveryId: `delivery-${n}`,
    event: "flood.began",
    state: "delivered",
    madeAt: at(-2 * MINUTE),
    tries: 1,
    lastTryAt: at(-2 * MINUTE),
    nextTryAt: null,
    status: 204,
    why: null,
    ...given,
  });
  return {
    mail: [
      { userId: fakeId("user", 11), name: "Forum Keeper", email: "keeper@forum.example", wants: true },
      {
        userId: fakeId("user", 12),
        name: "Somebody with a rather long name",
        email: "somebody.with.a.rather.long.name@a-long-domain-name.forum.example",
        wants: false,
      },
    ],
    surges: false,
    webhook: { url: "https://hooks.forum.example/parapet", secretEnd: "k9Qw" },
    deliveries: [
      delivery(1, {}),
      delivery(2, {
        event: "surge.ended",
        state: "waiting",
        tries: 2,
        status: 503,
        nextTryAt: at(4 * MINUTE),
        why: "It answered 503: it is tried again.",
      }),
      delivery(3, {
        event: "flood.ended",
        state: "failed",
        madeAt: at(-3 * DAY),
        tries: 8,
        status: null,
        why: "The connection was refused eight times: see that the service runs, then send a test.",
      }),
    ],
  };
}

export function protectionWorldAt(now: number) {
  const at = (ms: number): string => new Date(now + ms).toISOString();
  const rows = rowsAt(now);
  const incidents = rows.map((row) => incidentOf(row, now));
  const view: ProtectionView = {
    revision: 6,
    protection: protectionSettingsAt(at),
    isUnderAttackNow: false,
    incidents: rows.filter(({ state }) => state === "active"),
    mitigations: incidents.flatMap(({ signatures }) =>
      signatures.filter(({ liftedAt }) => liftedAt === null),
    ),
    bans: 2,
    rules: [
      { rule: "Sign-in", matched: 18_204, met: 311, stopped: 311 },
      { rule: "Search", matched: 96_020, met: 1_204, stopped: 0 },
    ],
  };
  return { rows, incidents, view, bans: bansAt(at), notifications: notificationsAt(at), at };
}
