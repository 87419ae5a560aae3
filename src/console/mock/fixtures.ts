/**
 * Made-up data for looking at the console without a server, typed by the contract so that it cannot drift from it. Nobody in
 * it exists: names are descriptions, addresses are reserved, and the threats are only as explicit as the layout needs.
 */
import type { DangerLevel, Dimension, EvidencePointer, Scores } from "../../contract/danger.ts";
import type { Harm } from "../../contract/desk-states.ts";
import type {
  AppealView,
  CaseRow,
  CaseView,
  DecisionView,
  EvidenceView,
  MeasureProposal,
  MeasureView,
  MeView,
  NodeView,
  OpeningView,
  OverviewView,
  Page,
  PersonView,
  ReportView,
  SealedIdentity,
  SiteView,
  TransparencyView,
} from "../../contract/http.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** An id of the contract's shape: prefix, underscore, 26 characters. */
export const fakeId = <Id extends string>(prefix: string, n: number): Id =>
  `${prefix}_${String(n).padStart(26, "0")}` as Id;

const hash = (n: number): string => (n + 10).toString(16).repeat(64).slice(0, 64);

export type World = ReturnType<typeof worldAt>;

/** All answers as they stand at `now` (milliseconds), so that clocks count from where they should. */
export function worldAt(now: number) {
  const at = (ms: number): string => new Date(now + ms).toISOString();
  const officer = { userId: fakeId<MeView["userId"]>("user", 1), name: "First Officer" };
  const colleague = { userId: fakeId<MeView["userId"]>("user", 2), name: "Second Officer" };

  const me = {
    userId: colleague.userId,
    name: colleague.name,
    email: "second@desk.example",
    roles: ["officer", "operator"],
    accounts: [],
    secondFactor: true,
    mayDecide: true,
    whyNot: null,
  } satisfies MeView;

  const newcomer = {
    ...me,
    name: "New Officer",
    secondFactor: false,
    mayDecide: false,
    whyNot: "Set up your second factor first.",
  } satisfies MeView;

  const edges = [
    {
      nodeId: fakeId("node", 1),
      name: "edge-paris",
      seenAt: at(-1500),
      alive: true,
      nginxVersion: "1.22.1",
      workers: 4,
      sites: 41,
    },
    {
      nodeId: fakeId("node", 2),
      name: "edge-oslo",
      seenAt: at(-2100),
      alive: true,
      nginxVersion: "1.22.1",
      workers: 4,
      sites: 41,
    },
    {
      nodeId: fakeId("node", 3),
      name: "edge-tunis",
      seenAt: at(-4 * MINUTE),
      alive: false,
      nginxVersion: "1.22.1",
      workers: 2,
      sites: 40,
    },
  ] satisfies NodeView[];

  const overview = {
    operatorName: "Example Edge Cooperative",
    sites: { active: 40, held: 1 },
    edges,
    queue: [
      { level: "LOW", open: 9, overdue: 0 },
      { level: "MODERATE", open: 14, overdue: 0 },
      { level: "ELEVATED", open: 5, overdue: 1 },
      { level: "HIGH", open: 3, overdue: 0 },
      { level: "IMMINENT", open: 1, overdue: 0 },
    ],
    waitingForSecond: 2,
    appealsOpen: 1,
    log: {
      origin: "log.edge.example",
      vkey: "log.edge.example+3f2a9c11+AXzYmFzZTY0a2V5aGVyZWZvcmxvb2tz",
      size: 1284,
      checkpointAt: at(-42_000),
      witnessed: false,
    },
    vault: { ready: false, fingerprint: null },
    mail: { route: false, waiting: 3, failed: 0 },
    database: "pglite",
    alarms: [
      {
        at: at(-4 * MINUTE),
        code: "edge.silent",
        what: "edge-tunis has not answered for 4 minutes: check that the machine is up, and run ./parapet doctor there.",
      },
    ],
  } satisfies OverviewView;

  const calm = {
    ...overview,
    sites: { active: 41, held: 0 },
    edges: edges.map((edge) => ({ ...edge, alive: true, seenAt: at(-1800) })),
    queue: overview.queue.map((q) => ({
      ...q,
      open: q.level === "LOW" ? 2 : q.level === "MODERATE" ? 1 : 0,
      overdue: 0,
    })),
    waitingForSecond: 0,
    appealsOpen: 0,
    log: { ...overview.log, witnessed: true },
    vault: { ready: true, fingerprint: "9c41 07be 5d22 e8f0" },
    mail: { route: true, waiting: 0, failed: 0 },
    database: "postgresql",
    alarms: [],
  } satisfies OverviewView;

  const row = (input: {
    n: number;
    level: DangerLevel;
    harm: Harm;
    hostname: string;
    path?: string;
    reports: number;
    sources: number;
    openedMs: number;
    dueMs: number;
    brigade?: boolean;
    waits?: boolean;
    confirmed?: boolean;
    state?: CaseRow["state"];
  }): CaseRow => ({
    caseId: fakeId("case", input.n),
    number: `2026-${String(input.n).padStart(6, "0")}`,
    state: input.state ?? "in_review",
    harm: input.harm,
    subject: {
      siteId: fakeId("site", 1),
      hostname: input.hostname,
      ...(input.path === undefined ? {} : { path: input.path }),
      siteName: input.hostname,
    },
    level: input.level,
    levelConfirmed: input.confirmed ?? false,
    reports: input.reports,
    sources: input.sources,
    brigade: input.brigade ?? false,
    openedAt: at(input.openedMs),
    decisionDueAt: at(input.dueMs),
    overdue: input.dueMs < 0,
    waitsForSecond: input.waits ?? false,
  });

  const rows = [
    row({
      n: 12,
      level: "IMMINENT",
      harm: "threat-to-life",
      hostname: "forum.example",
      path: "/threads/4471",
      reports: 38,
      sources: 3,
      openedMs: -6 * MINUTE,
      dueMs: 8 * MINUTE + 52_000,
      confirmed: true,
      waits: true,
    }),
    row({
      n: 11,
      level: "HIGH",
      harm: "doxxing",
      hostname: "board.example",
      path: "/b/2217",
      reports: 4,
      sources: 4,
      openedMs: -2 * HOUR,
      dueMs: 2 * HOUR,
    }),
    row({
      n: 10,
      level: "HIGH",
      harm: "ncii",
      hostname: "gallery.example",
      path: "/set/88",
      reports: 1,
      sources: 1,
      openedMs: -30 * MINUTE,
      dueMs: 3 * HOUR + 30 * MINUTE,
      waits: true,
    }),
    row({
      n: 9,
      level: "ELEVATED",
      harm: "harassment",
      hostname: "chat.example",
      path: "/room/night",
      reports: 12,
      sources: 5,
      openedMs: -26 * HOUR,
      dueMs: -2 * HOUR,
      confirmed: true,
    }),
    row({
      n: 8,
      level: "MODERATE",
      harm: "doxxing",
      hostname: "blog.example",
      path: "/contact",
      reports: 600,
      sources: 1,
      openedMs: -5 * HOUR,
      dueMs: 67 * HOUR,
      brigade: true,
    }),
    row({
      n: 7,
      level: "LOW",
      harm: "phishing",
      hostname: "shop.example",
      path: "/login-verify",
      reports: 2,
      sources: 2,
      openedMs: -DAY,
      dueMs: 6 * DAY,
      state: "new",
    }),
    row({
      n: 6,
      level: "MODERATE",
      harm: "malware",
      hostname: "files.example",
      path: "/dl/setup",
      reports: 3,
      sources: 2,
      openedMs: -9 * DAY,
      dueMs: -6 * DAY,
      confirmed: true,
      state: "decided",
    }),
  ];

  const evidenceId = fakeId<EvidenceView["evidenceId"]>("evid", 1);
  const page = {
    evidenceId,
    url: "https://forum.example/threads/4471",
    capturedAt: at(-5 * MINUTE),
    status: 200,
    bytes: 48_213,
    sha256: hash(3),
    lines: [
      "Thread 4471: who is around this weekend?",
      "Page 7 of 7",
      "post by a_member",
      "She lives at 14 Example Street, second floor, the blue door.",
      "post by another_member",
      "Somebody should be waiting there when she comes home on Saturday at eight.",
      "post by a_third",
      "I am in. I have what is needed.",
      "post by a_fourth",
      "Count me in as well. Two cars.",
      "post by a_member",
      "Photo of the house front, taken today.",
      "41 people liked this",
    ],
  } satisfies EvidenceView;

  const point = (
    dimension: Dimension,
    score: 0 | 1 | 2 | 3,
    line: number,
    why: string,
    certainty: EvidencePointer["certainty"] = "seen",
  ): EvidencePointer => ({
    dimension,
    score,
    certainty,
    source: certainty === "reported" ? fakeId("rept", 1) : evidenceId,
    line,
    quote: page.lines[line - 1] ?? "",
    why,
  });

  const scores = { H: 3, T: 3, E: 3, S: 3, C: 2, M: 3, A: 3, V: null } satisfies Scores;

  const reportList: ReportView[] = [
    {
      reportId: fakeId("rept", 1),
      receivedAt: at(-6 * MINUTE),
      channel: "form",
      harm: "threat-to-life",
      url: "https://forum.example/threads/4471",
      statement:
        "They have posted my home address and are planning to come on Saturday evening. I am not at home now, but my sister is.",
      quoted: "Somebody should be waiting there when she comes home on Saturday at eight.",
      language: "en",
      sha256: hash(1),
      identitySealed: true,
      cluster: 1,
      copyOf: null,
    },
    {
      reportId: fakeId("rept", 2),
      receivedAt: at(-4 * MINUTE),
      channel: "api",
      harm: "threat-to-life",
      url: "https://forum.example/threads/4471#p9",
      statement:
        "A hotline passes on a call from a neighbour who has seen two strangers photograph the house.",
      quoted: "",
      language: "en",
      sha256: hash(2),
      identitySealed: true,
      cluster: 2,
      copyOf: null,
    },
    {
      reportId: fakeId("rept", 3),
      receivedAt: at(-3 * MINUTE),
      channel: "form",
      harm: "doxxing",
      url: "https://forum.example/threads/4471",
      statement: "Une adresse privée est publiée ici, avec un appel à s’y rendre. Faites vite.",
      quoted: "",
      language: "fr",
      sha256: hash(4),
      identitySealed: false,
      cluster: 3,
      copyOf: null,
    },
    ...Array.from({ length: 35 }, (_, i) => ({
      reportId: fakeId<ReportView["reportId"]>("rept", 10 + i),
      receivedAt: at(-3 * MINUTE + i * 1000),
      channel: "form" as const,
      harm: "threat-to-life" as const,
      url: "https://forum.example/threads/4471",
      statement: "Take this forum down now, everybody is reporting it.",
      quoted: "",
      language: "en",
      sha256: hash(5),
      identitySealed: false,
      cluster: 4,
      copyOf: i === 0 ? null : fakeId<ReportView["reportId"]>("rept", 10),
    })),
  ];

  const proposal = {
    kind: "withhold",
    scope: "url",
    subject: { siteId: fakeId("site", 1), hostname: "forum.example", path: "/threads/4471" },
    clause: "life-threat",
    facts:
      "The page names a private person’s home, a day and an hour, and people who say that they will go there.",
    territory: ["*"],
    endsAt: null,
    reviewAt: at(7 * DAY),
    reasonWider: null,
    reason: "Lines 4, 6, 8 and 10 of the capture. Two independent sources. The photo was taken today.",
  } satisfies MeasureProposal;

  const record = (brake: boolean): MeasureView["record"] => ({
    schema: 1,
    measureId: fakeId("meas", 1),
    decisionId: fakeId("deci", 1),
    caseId: fakeId("case", 12),
    caseNumber: "2026-000012",
    kind: proposal.kind,
    scope: proposal.scope,
    subject: proposal.subject,
    clause: proposal.clause,
    facts: proposal.facts,
    territory: proposal.territory,
    startsAt: at(-2 * MINUTE),
    endsAt: null,
    reviewAt: proposal.reviewAt,
    appealBy: ["customer", "reporter"],
    appealUrl: "https://edge.example/appeal",
    blockedByUrl: "https://edge.example/",
    operatorName: "Example Edge Cooperative",
    brake,
  });

  const measure = (state: MeasureView["state"], acked: number, brake = true): MeasureView => ({
    measureId: fakeId("meas", 1),
    record: record(brake),
    state,
    endedBecause: state === "ended" ? "lifted" : null,
    logIndex: 1283,
    inForce: { acked, of: 2, ms: acked === 2 ? 180 : null, refusals: [] },
  });

  const braked: DecisionView = {
    decisionId: fakeId("deci", 1),
    kind: "brake",
    state: "braked",
    measure: measure("in_force", 2),
    proposal,
    liftsMeasureId: null,
    clause: "life-threat",
    facts: proposal.facts,
    reasonWider: null,
    author: officer,
    authorReason: proposal.reason,
    second: null,
    secondReason: null,
    madeAt: at(-2 * MINUTE),
    settledAt: null,
    lapsesAt: at(58 * MINUTE),
    allowed: [
      { action: "ratify", ok: true, why: null },
      { action: "release", ok: true, why: null },
      { action: "lapse", ok: false, why: "Only the clock does this." },
    ],
    logIndex: 1283,
  };

  const proposed: DecisionView = {
    ...braked,
    decisionId: fakeId("deci", 2),
    kind: "measure",
    state: "proposed",
    measure: null,
    clause: "ncii",
    facts: "The page shows intimate images of a person who did not consent to their publication.",
    author: colleague,
    authorReason: "Valid request of the person shown, matched with the capture.",
    lapsesAt: null,
    proposal: {
      ...proposal,
      clause: "ncii",
      subject: { siteId: fakeId("site", 4), hostname: "gallery.example", path: "/set/88" },
    },
    allowed: [
      { action: "confirm", ok: false, why: "You proposed this: another officer must confirm it." },
      { action: "reject", ok: false, why: "You proposed this: another officer must reject it." },
      { action: "withdraw", ok: true, why: null },
    ],
    logIndex: null,
  };

  const confirmed: DecisionView = {
    ...braked,
    kind: "measure",
    state: "confirmed",
    measure: measure("in_force", 2, false),
    author: officer,
    second: colleague,
    secondReason:
      "I read lines 4 to 12 and the photograph. The threat is specific, dated and taken up by others.",
    settledAt: at(-MINUTE),
    lapsesAt: null,
    allowed: [],
  };

  const appeal = {
    appealId: fakeId("appl", 1),
    caseId: fakeId("case", 6),
    caseNumber: "2026-000006",
    decisionId: fakeId("deci", 6),
    by: "customer",
    text: "The file was replaced two days ago. The download is clean now, and we have closed the account that uploaded it.",
    state: "open",
    madeAt: at(-3 * HOUR),
    decidedAt: null,
    decidedBy: null,
    reason: null,
    allowed: { ok: true, why: null },
  } satisfies AppealView;

  const appeals: AppealView[] = [
    appeal,
    {
      ...appeal,
      appealId: fakeId("appl", 2),
      caseNumber: "2026-000004",
      by: "reporter",
      text: "You declined, but the page is still there and names me.",
      state: "granted",
      decidedAt: at(-DAY),
      decidedBy: "Third Officer",
      reason: "The address was added after the first decision.",
    },
    {
      ...appeal,
      appealId: fakeId("appl", 3),
      caseNumber: "2026-000005",
      allowed: { ok: false, why: "You took part in this decision: someone else must answer the appeal." },
    },
  ];

  const asked: OpeningView = {
    openingId: fakeId("open", 1),
    reportId: fakeId("rept", 1),
    ground: "danger-to-reporter",
    purpose: "The thread begins to guess who reported: she has to be warned before Saturday.",
    state: "requested",
    author: officer,
    madeAt: at(-2 * MINUTE),
    second: null,
    secondReason: null,
    settledAt: null,
    closesAt: null,
    handedOut: 0,
    logIndex: null,
    allowed: [
      { action: "approve", ok: true, why: null },
      { action: "refuse", ok: true, why: null },
      { action: "withdraw", ok: false, why: "Only the officer who asked can withdraw the request." },
    ],
    sealed: { ok: false, why: "Nothing is handed out as this opening still waits for another officer." },
  };
  const ownRequest: OpeningView = {
    ...asked,
    openingId: fakeId("open", 2),
    author: colleague,
    allowed: [
      { action: "approve", ok: false, why: "You asked for this opening yourself: ask a colleague." },
      { action: "refuse", ok: false, why: "You asked for this opening yourself: ask a colleague." },
      { action: "withdraw", ok: true, why: null },
    ],
  };
  const released: OpeningView = {
    ...asked,
    openingId: fakeId("open", 3),
    ground: "lawful-order",
    purpose: "Order 7/2026 of the district court, received today, names this report.",
    state: "approved",
    second: colleague,
    secondReason: "I read the order and called the court back on its published number.",
    settledAt: at(-HOUR),
    closesAt: at(23 * HOUR),
    handedOut: 1,
    logIndex: 1279,
    allowed: [],
    sealed: { ok: true, why: null },
  };
  const sealed = {
    schema: 1,
    sealed: "bm90aGluZyBpcyBzZWFsZWQgaW4gYSBtb2NrIGFuZCBub3RoaW5nIG9wZW5zIGl0ISE=",
    associatedData: fakeId("rept", 1),
    sealedTo: "9c4107be5d22e8f09c4107be5d22e8f0",
    logIndex: 1279,
  } satisfies SealedIdentity;

  const level = (view: CaseRow, more: Partial<CaseView>): CaseView => ({
    ...view,
    danger: {
      rubric: "tr-1.0",
      level: view.level,
      rule: "H>=3 & T>=2 & S=3 & K>=1",
      scores,
      credibility: 2,
      evidence: [
        point("H", 3, 6, "Announces an attack on a person."),
        point("T", 3, 4, "A named person, reachable at home."),
        point("E", 3, 4, "A current home address: street, floor and door."),
        point("S", 3, 6, "Who, where and when are stated; less than 72 hours away."),
        point("C", 2, 8, "Says that means have been collected.", "inferred"),
        point("M", 3, 10, "Others take up the call and offer cars."),
        point("A", 3, 12, "A photograph of the place was taken today."),
      ],
      proposedBy: "detector@1.0",
      confirmedBy: view.levelConfirmed ? [officer.userId] : [],
      assessedAt: at(-5 * MINUTE),
      nextReviewAt: at(DAY),
    },
    reportList,
    evidence: [page],
    decisions: [],
    referrals: [],
    appeals: [],
    openings: [],
    mayAskOpening: { ok: true, why: null },
    timeline: [
      { at: at(-6 * MINUTE), what: "First report received", who: null },
      { at: at(-5 * MINUTE), what: "Page captured, 13 lines", who: "detector@1.0" },
      { at: at(-5 * MINUTE), what: "Level proposed: IMMINENT", who: "detector@1.0" },
      { at: at(-3 * MINUTE), what: "Level confirmed", who: officer.name },
    ],
    brake: { ok: true, why: null },
    narrowest: {
      scope: "url",
      subject: { siteId: fakeId("site", 1), hostname: "forum.example", path: "/threads/4471" },
    },
    ...more,
  });

  const first = rows[0];
  const second = rows[2];
  const decided = rows[6];
  if (first === undefined || second === undefined || decided === undefined)
    throw new Error("Fixtures lack their cases");
  const cases: CaseView[] = [
    level(first, {
      decisions: [braked],
      openings: [asked],
      brake: { ok: false, why: "The brake has been pulled in this case: it needs new evidence." },
      referrals: [
        {
          referralId: fakeId("refl", 1),
          kind: "emergency-service",
          to: "112, duty desk",
          state: "acknowledged",
          madeAt: at(-2 * MINUTE),
          deliveredAt: at(-MINUTE),
          note: "Called; a patrol is on its way.",
        },
        {
          referralId: fakeId("refl", 2),
          kind: "host",
          to: "abuse@host.example",
          state: "queued",
          madeAt: at(-MINUTE),
          deliveredAt: null,
          note: "",
        },
      ],
    }),
    ...rows.slice(1).map((each) =>
      each === second
        ? level(each, {
            decisions: [proposed],
            openings: [ownRequest],
            mayAskOpening: { ok: true, why: null },
            brake: { ok: false, why: "The level is HIGH: a brake needs IMMINENT." },
          })
        : each === decided
          ? level(each, {
              decisions: [{ ...confirmed, decisionId: fakeId("deci", 6) }],
              appeals: [appeal],
              openings: [released],
              brake: { ok: false, why: "The level is MODERATE: a brake needs IMMINENT." },
            })
          : level(each, {
              evidence: each.brigade ? [] : [page],
              brake:
                each.level === "IMMINENT"
                  ? { ok: true, why: null }
                  : { ok: false, why: `The level is ${each.level}: a brake needs IMMINENT.` },
            }),
    ),
  ];
  /** The same most dangerous case before anybody has decided. */
  const untouched = level(first, { caseId: fakeId("case", 99), waitsForSecond: false });

  const sites = [
    {
      siteId: fakeId("site", 1),
      account: "Forum Keepers",
      hostnames: ["forum.example", "www.forum.example"],
      originUrl: "http://192.0.2.10:8080",
      state: "active",
      heldBecause: [],
      createdAt: at(-200 * DAY),
      version: 17,
      inForce: { acked: 2, of: 2, ms: 180, refusals: [] },
      measures: 1,
    },
    {
      siteId: fakeId("site", 2),
      account: "Newsroom",
      hostnames: ["news.example"],
      originUrl: "https://198.51.100.7",
      state: "active",
      heldBecause: [],
      createdAt: at(-90 * DAY),
      version: 4,
      inForce: {
        acked: 1,
        of: 2,
        ms: null,
        refusals: [{ nodeId: fakeId("node", 2), why: "policy over 262144 bytes" }],
      },
      measures: 0,
    },
    {
      siteId: fakeId("site", 3),
      account: "Somebody New",
      hostnames: ["forum-again.example"],
      originUrl: "http://192.0.2.10:8081",
      state: "held",
      heldBecause: [
        "The title and the navigation are those of a site withdrawn in case 2026-000003 (97 of 100).",
        "The origin’s address, 192.0.2.10, is the same.",
        "The favicon is byte for byte the same.",
      ],
      createdAt: at(-20 * MINUTE),
      version: 0,
      inForce: { acked: 0, of: 2, ms: null, refusals: [] },
      measures: 0,
    },
  ] satisfies SiteView[];

  const people = [
    { ...officer, email: "first@desk.example", roles: ["officer"], secondFactor: true },
    { ...colleague, email: "second@desk.example", roles: ["officer", "operator"], secondFactor: true },
    {
      userId: fakeId("user", 3),
      name: "New Officer",
      email: "new@desk.example",
      roles: ["officer"],
      secondFactor: false,
    },
  ] satisfies PersonView[];

  const transparency = {
    from: at(-30 * DAY),
    until: at(0),
    reports: 1932,
    sources: 214,
    cases: 96,
    byLevel: { IMMINENT: 2, HIGH: 9, ELEVATED: 17, MODERATE: 41, LOW: 27 },
    measures: [
      { kind: "withhold", scope: "url", count: 11 },
      { kind: "warn", scope: "path", count: 6 },
      { kind: "withdraw", scope: "site", count: 1 },
    ],
    refusals: 38,
    brakes: { pulled: 3, ratified: 2, lapsed: 1 },
    appeals: { made: 7, granted: 2, refused: 4 },
    referrals: { made: 51, delivered: 49 },
    openings: { requested: 3, approved: 1, refused: 1, handedOut: 1 },
    returnsHeld: 1,
    brigades: 4,
    log: { origin: overview.log.origin, vkey: overview.log.vkey, size: overview.log.size },
  } satisfies TransparencyView;

  const pageOf = <T>(items: readonly T[]): Page<T> => ({ items, total: items.length });
  return {
    me,
    newcomer,
    overview,
    calm,
    cases: [...cases, untouched],
    caseRows: pageOf(rows),
    appeals: pageOf(appeals),
    sites: pageOf<SiteView>(sites),
    edges: pageOf<NodeView>(edges),
    people: pageOf<PersonView>(people),
    transparency,
    proposed,
    confirmed,
    page,
    openings: [asked, ownRequest, released] as const,
    sealed,
  };
}
