/**
 * A small world for tests of watch: visitors with browsers, pages and files, floods of several kinds, and an edge that counts, samples, holds and challenges as the
 * real one does, all from one seed and in simulated time. Good and bad requests are marked, so that a test can say what was stopped and who was hurt. The
 * edge obeys a mitigation from the tick after it was told.
 */
import {
  noCounts,
  FEATURES,
  type EdgeMitigation,
  type FloodReport,
  type FloodSample,
  type Passage,
  type ResponseCounts,
  type SiteCounts,
} from "../contract/flood.ts";
import type { NodeId, SiteId } from "../contract/ids.ts";
import { chanceFrom } from "./chance.ts";
import { Engine } from "./engine.ts";
import { matches, shapeOf } from "./shape.ts";

export const TICK_MS = 100;
/** A Monday, 10:00 UTC. */
export const START_MS = Date.UTC(2026, 10, 23, 10);

export type Values = Readonly<Record<(typeof FEATURES)[number], string>>;

export type Asked = {
  readonly values: readonly string[];
  readonly isAsset: boolean;
  readonly isGood: boolean;
};

export const PLAIN: Values = {
  method: "GET",
  path: "/",
  pathShape: "/",
  queryShape: "",
  headers: "",
  userAgent: "",
  accept: "",
  language: "",
  referrer: "none",
  cookies: "none",
  http: "2",
  tls: "t1",
  address: "",
  network: "",
  asn: "",
  country: "",
};

export function asked(
  values: Partial<Values>,
  { isAsset = false, isGood }: { readonly isAsset?: boolean; readonly isGood: boolean },
): Asked {
  const all: Values = { ...PLAIN, ...values };
  return { values: FEATURES.map((feature) => all[feature]), isAsset, isGood };
}

export type Shape = Pick<Values, "headers" | "userAgent" | "accept" | "language" | "tls" | "http">;

/** A site's visitors: browsers of several kinds and ages, in several languages; the first is the most common one. */
export function population(chance: () => number, { kinds = 8, name = "b" } = {}): () => Shape {
  const browsers = Array.from({ length: kinds }, (_, i) => ({
    headers: `${name}-head${i}`,
    agents: Array.from(
      { length: 1 + Math.floor(chance() * 5) },
      (__, j) => `${name} ${i} version ${120 - j}`,
    ),
    accept: `${name}-accept${i % 4}`,
    tls: `${name}-tls${i % 5}`,
    weight: 1 / (i + 1),
  }));
  const total = browsers.reduce((sum, { weight }) => sum + weight, 0);
  const languages = ["en", "en", "en", "fr", "fr", "de", "es", "ru", "en-GB", "ar"];
  return () => {
    let at = chance() * total;
    const browser = browsers.find(({ weight }) => (at -= weight) < 0) ?? browsers[0]!;
    const { headers, agents, accept, tls } = browser;
    const agent = chance() < 0.7 ? 0 : Math.floor(chance() * agents.length);
    return {
      headers,
      userAgent: agents[agent]!,
      accept,
      tls,
      http: "2",
      language: languages[Math.floor(chance() * languages.length)]!,
    };
  };
}

export const any = <T>(list: readonly T[], chance: () => number): T =>
  list[Math.floor(chance() * list.length)]!;

/** What a program of that name sends, which is no browser, asks for no language and has a path of its own. */
export const program = (name: string): Partial<Values> => ({
  headers: `heads of ${name}`,
  userAgent: `${name}/1.0`,
  accept: `accept of ${name}`,
  language: "",
  tls: `tls of ${name}`,
  http: "1.1",
  path: `/${name}`,
  pathShape: `/${name}`,
});

export function addressFrom(
  chance: () => number,
  first = 10,
): Pick<Values, "address" | "network" | "asn" | "country"> {
  const b = Math.floor(chance() * 256);
  const c = Math.floor(chance() * 256);
  const countries = ["FR", "FR", "DE", "US", "GB", "BR"];
  return {
    address: `${first}.${b}.${c}.${Math.floor(chance() * 254) + 1}`,
    network: `${first}.${b}.${c}.0/24`,
    asn: String(64500 + (b % 40)),
    country: countries[c % countries.length]!,
  };
}

/** Poisson by Knuth for small means, by a normal for large ones. */
export function poisson(chance: () => number, mean: number): number {
  if (mean > 30) {
    const normal = Math.sqrt(-2 * Math.log(chance() + 1e-12)) * Math.cos(2 * Math.PI * chance());
    return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal));
  }
  const limit = Math.exp(-mean);
  let count = 0;
  for (let p = chance(); p > limit; p *= chance()) count += 1;
  return count;
}

/** What is asked of one site, by tick. */
export class Traffic {
  readonly chance: () => number;
  readonly #byTick = new Map<number, Asked[]>();

  constructor(chance: () => number) {
    this.chance = chance;
  }

  at(ms: number, one: Asked): void {
    const tick = Math.floor(ms / TICK_MS);
    const list = this.#byTick.get(tick);
    if (list === undefined) this.#byTick.set(tick, [one]);
    else list.push(one);
  }

  take(fromMs: number): Asked[] {
    const tick = Math.floor(fromMs / TICK_MS);
    const list = this.#byTick.get(tick) ?? [];
    this.#byTick.delete(tick);
    return list;
  }

  /** One person: a page or a few, each with its files, then silence. */
  visit(
    startMs: number,
    of: {
      readonly shape: Shape;
      readonly place: Partial<Values>;
      readonly landing?: string;
      readonly referrer?: string;
      readonly query?: string;
      readonly pages?: number;
      readonly files?: number;
    },
  ): void {
    const { chance } = this;
    let ms = startMs;
    const pages = of.pages ?? 1 + Math.floor(chance() * 3);
    for (let page = 0; page < pages; page++) {
      const path = page === 0 ? (of.landing ?? pathFrom(chance)) : pathFrom(chance);
      const client = { ...of.shape, ...of.place, cookies: page > 0 ? "some" : "none" };
      const referrer = page > 0 ? "same" : (of.referrer ?? (chance() < 0.5 ? "none" : "search.example"));
      const queryShape = page === 0 ? (of.query ?? "") : chance() < 0.05 ? "q=text" : "";
      this.at(ms, asked({ ...client, path, pathShape: path, queryShape, referrer }, { isGood: true }));
      if (page > 0 && chance() < 0.04) {
        this.at(
          ms + 300,
          asked(
            { ...client, method: "POST", path: "/login", pathShape: "/login", referrer: "same" },
            { isGood: true },
          ),
        );
      }
      // Who comes back has some of the files already.
      const files = of.files ?? Math.floor((page === 0 ? 8 : 3) * (0.5 + chance()));
      for (let i = 0; i < files; i++) {
        const file = `/static/${Math.floor(chance() * 40)}.css`;
        this.at(
          ms + 60 + chance() * 600,
          asked(
            { ...client, path: file, pathShape: "/static/*.css", referrer: "same", accept: "*/*" },
            { isAsset: true, isGood: true },
          ),
        );
      }
      ms += 3000 - 6000 * Math.log(chance() + 1e-9);
    }
  }

  /** Visitors who come by themselves, so many visits a second. */
  visitors(
    fromMs: number,
    {
      untilMs,
      perSecond,
      shapes,
      ...rest
    }: {
      readonly untilMs: number;
      readonly perSecond: number | ((ms: number) => number);
      readonly shapes: () => Shape;
      readonly place?: () => Partial<Values>;
      readonly landing?: string;
      readonly referrer?: string;
      readonly query?: string;
    },
  ): void {
    for (let ms = fromMs; ms < untilMs; ms += TICK_MS) {
      const rate = typeof perSecond === "number" ? perSecond : perSecond(ms);
      const count = poisson(this.chance, (rate * TICK_MS) / 1000);
      for (let i = 0; i < count; i++) {
        this.visit(ms + this.chance() * TICK_MS, {
          shape: shapes(),
          place: rest.place?.() ?? addressFrom(this.chance),
          ...(rest.landing === undefined ? {} : { landing: rest.landing }),
          ...(rest.referrer === undefined ? {} : { referrer: rest.referrer }),
          ...(rest.query === undefined ? {} : { query: rest.query }),
        });
      }
    }
  }

  /** Machines. */
  flood(
    fromMs: number,
    {
      untilMs,
      perSecond,
      make,
      isGood = false,
    }: {
      readonly untilMs: number;
      readonly perSecond: number | ((ms: number) => number);
      readonly make: (ms: number) => Partial<Values>;
      readonly isGood?: boolean;
    },
  ): void {
    for (let ms = fromMs; ms < untilMs; ms += TICK_MS) {
      const rate = typeof perSecond === "number" ? perSecond : perSecond(ms);
      const count = poisson(this.chance, (rate * TICK_MS) / 1000);
      for (let i = 0; i < count; i++) this.at(ms, asked(make(ms), { isGood }));
    }
  }
}

export function pathFrom(chance: () => number): string {
  const at = chance();
  return at < 0.35 ? "/" : `/page/${Math.floor((at * 1000) % 60)}`;
}

export type TickSeen = {
  readonly ms: number;
  readonly flood: number;
  readonly floodPassed: number;
  readonly good: number;
  readonly goodHurt: number;
  readonly mitigations: number;
};

type InForce = EdgeMitigation & { readonly untilMs: number };

/** One site behind an edge that watch tells what to hold. */
export class Stage {
  readonly engine: Engine;
  readonly siteId: SiteId;
  readonly traffic: Traffic;
  readonly seen: TickSeen[] = [];
  readonly orders: EdgeMitigation[] = [];
  readonly reports = new Map<string, FloodReport>();
  readonly #inForce = new Map<string, InForce>();
  readonly #cleared = new Set<string>();
  readonly #solving = new Map<string, number>();
  readonly #throughs = new Map<string, number>();
  readonly #samplesPerTick: number;
  readonly #capacity: number;
  #second = { at: 0, answers: 0, overload: 0, assets: 0 };
  #responses: ResponseCounts[] = [];
  nowMs: number;

  constructor(
    seed: number,
    {
      samplesPerTick = 60,
      capacity = 1e9,
      startMs = START_MS,
      engine,
      site = "a",
    }: {
      readonly samplesPerTick?: number;
      /** Requests a second beyond files that the origin can do. */
      readonly capacity?: number;
      readonly startMs?: number;
      readonly engine?: Engine;
      readonly site?: string;
    } = {},
  ) {
    const chance = chanceOf(seed);
    this.traffic = new Traffic(chance);
    this.engine = engine ?? new Engine({ nodeId: "node_test" as NodeId, random: chanceOf(seed + 1) });
    this.siteId = `site_${site.repeat(26).slice(0, 26)}` as SiteId;
    this.#samplesPerTick = samplesPerTick;
    this.#capacity = capacity;
    this.nowMs = startMs;
  }

  get inForce(): readonly EdgeMitigation[] {
    return [...this.#inForce.values()];
  }

  runUntil(untilMs: number): void {
    while (this.nowMs < untilMs) this.step();
  }

  step(): void {
    const fromMs = this.nowMs;
    const toMs = fromMs + TICK_MS;
    const counts = { ...noCounts(this.siteId) } as { -readonly [K in keyof SiteCounts]: SiteCounts[K] };
    const held = new Map<string, number>();
    const samples: FloodSample[] = [];
    const requests = this.traffic.take(fromMs);
    // As the edge does it: never every request, and gaps drawn at random.
    const mean = Math.max(2, Math.ceil(requests.length / this.#samplesPerTick));
    const gap = (): number => 1 + Math.floor(this.traffic.chance() * (2 * mean - 1));
    let next = Math.floor(this.traffic.chance() * mean);
    let last = -1;
    const tick = {
      ms: fromMs,
      flood: 0,
      floodPassed: 0,
      good: 0,
      goodHurt: 0,
      mitigations: this.#inForce.size,
    };
    for (const [i, request] of requests.entries()) {
      const { passage, isCleared } = this.#admit(request, { held, nowMs: fromMs, counts });
      counts[passage] += 1;
      if (passage === "passed" && request.isAsset) counts.assets += 1;
      if (isCleared) counts.cleared += 1;
      if (request.isGood) {
        tick.good += 1;
        if (passage !== "passed") tick.goodHurt += 1;
      } else {
        tick.flood += 1;
        if (passage === "passed") tick.floodPassed += 1;
      }
      if (i < next) continue;
      next += gap();
      const weight = i - last;
      last = i;
      samples.push({
        siteId: this.siteId,
        atMs: fromMs + TICK_MS / 2,
        requestId: "r",
        weight,
        values: request.values,
        headerNames: "host user-agent accept",
        isAsset: request.isAsset,
        isCleared,
        passage,
      });
    }
    this.seen.push(tick);
    this.#answer(counts, fromMs);
    const orders = this.engine.tick(
      {
        fromMs,
        toMs,
        counts: requests.length === 0 ? [] : [counts],
        samples,
        responses: this.#due(toMs),
        held: [...held].map(([mitigationId, count]) => ({ mitigationId, requests: count })),
        persistent: [],
        droppedSamples: 0,
      },
      { modeOf: () => "act", shed: false },
    );
    for (const order of orders.mitigations) this.#obey(order, toMs);
    for (const report of orders.reports) this.reports.set(report.incidentId, report);
    for (const [id, { untilMs }] of this.#inForce) if (untilMs <= toMs) this.#inForce.delete(id);
    this.nowMs = toMs;
  }

  #obey(order: EdgeMitigation, nowMs: number): void {
    this.orders.push(order);
    if (order.seconds === 0) this.#inForce.delete(order.mitigationId);
    else this.#inForce.set(order.mitigationId, { ...order, untilMs: nowMs + order.seconds * 1000 });
  }

  #admit(
    request: Asked,
    of: {
      readonly held: Map<string, number>;
      readonly nowMs: number;
      readonly counts: { challengesPassed: number; challengesFailed: number };
    },
  ): { readonly passage: Passage; readonly isCleared: boolean } {
    const client = `${request.values[FEATURES.indexOf("address")]} ${shapeOf(request.values)}`;
    const solvedAtMs = this.#solving.get(client);
    if (solvedAtMs !== undefined && solvedAtMs <= of.nowMs) {
      this.#solving.delete(client);
      this.#cleared.add(client);
      of.counts.challengesPassed += 1;
    }
    const isCleared = this.#cleared.has(client);
    for (const mitigation of this.#inForce.values()) {
      if (!matches(mitigation.where, request.values)) continue;
      if (isCleared && mitigation.action === "challenge") continue;
      of.held.set(mitigation.mitigationId, (of.held.get(mitigation.mitigationId) ?? 0) + 1);
      if (mitigation.perSecond > 0 && (this.#isWithin(mitigation, of.nowMs) || isCleared)) continue;
      if (mitigation.action === "log") continue;
      if (mitigation.action === "challenge" && request.isGood && !this.#solving.has(client)) {
        this.#solving.set(client, of.nowMs + 1500);
      }
      const passages = { throttle: "throttled", challenge: "challenged", block: "blocked" } as const;
      return { passage: passages[mitigation.action], isCleared };
    }
    return { passage: "passed", isCleared };
  }

  #isWithin({ mitigationId, perSecond }: EdgeMitigation, nowMs: number): boolean {
    const second = `${mitigationId} ${Math.floor(nowMs / 1000)}`;
    const count = (this.#throughs.get(second) ?? 0) + 1;
    this.#throughs.set(second, count);
    return count <= perSecond;
  }

  #due(nowMs: number): ResponseCounts[] {
    const due = this.#responses.filter(({ second }) => second * 1000 <= nowMs - 3000);
    this.#responses = this.#responses.filter((response) => !due.includes(response));
    return due;
  }

  /** Answers of a whole second, told two seconds later. */
  #answer(counts: SiteCounts, nowMs: number): void {
    const second = Math.floor(nowMs / 1000);
    if (second !== this.#second.at) {
      const { at, answers, overload, assets } = this.#second;
      const origin = answers - assets;
      if (answers > 0) {
        const isOver = overload > 0;
        this.#responses.push({
          siteId: this.siteId,
          second: at,
          answers,
          originAnswers: origin,
          originErrors: Math.round(overload),
          originSecondsSum: origin * (isOver ? 1 : 0.03),
          originSecondsP95: isOver ? 2 : 0.05,
          sentBytes: answers * 5000,
          cacheHits: assets,
        });
      }
      this.#second = { at: second, answers: 0, overload: 0, assets: 0 };
    }
    this.#second.answers += counts.passed;
    this.#second.assets += counts.assets;
    this.#second.overload += Math.max(0, counts.passed - counts.assets - (this.#capacity * TICK_MS) / 1000);
  }
}

export function chanceOf(seed: number): () => number {
  const bytes = new Uint8Array(16);
  new DataView(bytes.buffer).setUint32(0, seed, true);
  new DataView(bytes.buffer).setUint32(8, seed ^ 0x5eed, true);
  return chanceFrom(bytes);
}

/** How long until under 5 % of a flood came through in the second from then on, and how much came through after that. */
export function outcome(
  seen: readonly TickSeen[],
  { fromMs, untilMs }: { readonly fromMs: number; readonly untilMs: number },
): {
  readonly mitigateMs: number;
  readonly passedShare: number;
  readonly goodHurt: number;
  readonly liftMs: number;
} {
  const during = seen.filter(({ ms }) => ms >= fromMs && ms < untilMs);
  const sum = (ticks: readonly TickSeen[], of: (tick: TickSeen) => number): number =>
    ticks.reduce((all, tick) => all + of(tick), 0);
  let mitigateMs = Infinity;
  for (let i = 0; i < during.length; i++) {
    const next = during.slice(i, i + 10);
    if (sum(next, (tick) => tick.floodPassed) >= 0.05 * sum(next, (tick) => tick.flood)) continue;
    mitigateMs = during[i]!.ms - fromMs;
    break;
  }
  const after = during.filter(({ ms }) => ms - fromMs >= mitigateMs);
  const all = seen.filter(({ ms }) => ms >= fromMs);
  const lastHeld = seen.findLast(({ mitigations }) => mitigations > 0);
  return {
    mitigateMs,
    passedShare:
      sum(after, (tick) => tick.floodPassed) /
      Math.max(
        1,
        sum(after, (tick) => tick.flood),
      ),
    goodHurt:
      sum(all, (tick) => tick.goodHurt) /
      Math.max(
        1,
        sum(all, (tick) => tick.good),
      ),
    liftMs: lastHeld === undefined ? 0 : lastHeld.ms - untilMs,
  };
}
