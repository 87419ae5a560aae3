/**
 * The questions who is a crawler, as they come: nginx collects them, here they are fetched once a second and asked a bounded number at a time. Nobody
 * waits for an answer: until it is there the client is challenged. A zone of reverse names that does not answer is asked one question at a time, and
 * then none for a while: spoofers whose zones are dead do not keep crawlers from being proved.
 */
import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import { CRAWLERS_ASKED_MAX } from "../contract/crawlers.ts";
import {
  findOut,
  parseCrawlerRanges,
  reverseZone,
  SILENT_SECONDS,
  type CrawlerDns,
  type CrawlerFinding,
  type CrawlerQuestion,
  type CrawlerRanges,
} from "./crawlers.ts";

const AT_ONCE = 16;
const ROUND_MS = 1000;
const WAITING_MAX = 10 * CRAWLERS_ASKED_MAX;
/** A zone is let be for SILENT_SECONDS, and twice as long each time that it stays silent, up to this. */
const SILENT_SECONDS_MAX = 8 * SILENT_SECONDS;
const ZONES_MAX = 10_000;
const NOBODY: CrawlerDns = { reverse: () => Promise.resolve(null), addresses: () => Promise.resolve(null) };

type Silence = { readonly untilMs: number; readonly seconds: number };

export type CrawlerChecksOptions = {
  /** A file as `parseCrawlerRanges` reads it, "" for none. */
  readonly rangesFile: string;
  readonly dns: CrawlerDns;
  readonly ask: () => Promise<{ readonly asked: readonly CrawlerQuestion[] }>;
  readonly tell: (found: readonly CrawlerFinding[]) => Promise<unknown>;
  readonly alarm: (code: string, what: string) => void;
  readonly now: () => number;
};

/** Asks nginx whom to prove, and tells what was found, until it is stopped. */
export class CrawlerChecks {
  readonly #options: CrawlerChecksOptions;
  #ranges: CrawlerRanges = new Map();
  #timer: NodeJS.Timeout | undefined;
  #isAsking = false;
  #isTelling = false;
  readonly #waiting = new Map<string, { readonly question: CrawlerQuestion; readonly zone: string }>();
  /** Zones that are being asked. */
  readonly #asked = new Set<string>();
  /** Zones that were silent when they were asked last. */
  readonly #silent = new Map<string, Silence>();
  readonly #found: CrawlerFinding[] = [];

  constructor(options: CrawlerChecksOptions) {
    this.#options = options;
  }

  start(): void {
    const { rangesFile, alarm } = this.#options;
    if (rangesFile !== "") {
      try {
        this.#ranges = parseCrawlerRanges(readFileSync(rangesFile, "utf8"));
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        alarm("edge.crawler-ranges", `${rangesFile} is not used as ${why}: crawlers are proved by DNS alone`);
      }
    }
    this.#timer = setInterval(() => void this.round(), ROUND_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#waiting.clear();
  }

  /** One look at nginx's questions. What finds no room is asked again by whoever asks. */
  async round(): Promise<void> {
    if (this.#isAsking) return;
    this.#isAsking = true;
    try {
      if (this.#waiting.size + CRAWLERS_ASKED_MAX <= WAITING_MAX) {
        const { asked } = await this.#options.ask();
        for (const question of asked.slice(0, CRAWLERS_ASKED_MAX)) {
          const zone = isIP(question.address) === 0 ? "" : reverseZone(question.address);
          this.#waiting.set(question.address, { question, zone });
        }
      }
    } catch {
      // nginx is being started.
    } finally {
      this.#isAsking = false;
    }
    this.#goOn();
  }

  /** Begins as many questions as may be under way. */
  #goOn(): void {
    for (const { question, zone } of this.#waiting.values()) {
      if (this.#asked.size >= AT_ONCE) return;
      if (this.#asked.has(zone)) continue;
      this.#waiting.delete(question.address);
      void this.#prove(question, zone);
    }
  }

  async #prove(question: CrawlerQuestion, zone: string): Promise<void> {
    const { now } = this.#options;
    this.#asked.add(zone);
    const isLetBe = (this.#silent.get(zone)?.untilMs ?? 0) > now();
    const { addresses, reverse } = isLetBe ? NOBODY : this.#options.dns;
    let isSilent: boolean | undefined;
    const dns: CrawlerDns = {
      addresses,
      async reverse(address) {
        const names = await reverse(address);
        if (!isLetBe) isSilent = names === null;
        return names;
      },
    };
    const found = await findOut(question, { ranges: this.#ranges, dns });
    this.#asked.delete(zone);
    if (isSilent !== undefined) this.#noteZone(zone, isSilent);
    this.#found.push(found);
    void this.#tell();
    this.#goOn();
  }

  #noteZone(zone: string, isSilent: boolean): void {
    const before = this.#silent.get(zone);
    this.#silent.delete(zone);
    if (!isSilent) return;
    const seconds = Math.min(2 * (before?.seconds ?? SILENT_SECONDS / 2), SILENT_SECONDS_MAX);
    this.#silent.set(zone, { untilMs: this.#options.now() + seconds * 1000, seconds });
    const [oldest] = this.#silent.keys();
    if (this.#silent.size > ZONES_MAX && oldest !== undefined) this.#silent.delete(oldest);
  }

  /** Each as soon as it was found; what comes meanwhile goes together. */
  async #tell(): Promise<void> {
    if (this.#isTelling) return;
    this.#isTelling = true;
    try {
      while (this.#found.length > 0) await this.#options.tell(this.#found.splice(0));
    } catch {
      // nginx is being started: who asks again is asked about again.
    } finally {
      this.#isTelling = false;
    }
  }
}
