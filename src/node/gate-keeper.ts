/**
 * Looks into the access log a few times a second: what answers said goes to the watch, and what is usual at each site's origin to the gate of the request path.
 * nginx forgets what it was told when it is started anew, and is told again.
 */
import type { ResponseCounts } from "../contract/flood.ts";
import { OriginUsual, type OriginTerms } from "./origin-usual.ts";
import { ResponseCounter } from "./response-counts.ts";

const LOOK_MS = 250;
const TELL_EVERY = 8;
const TOLD_AT_ONCE_MAX = 500;
/** Seconds of sites that nobody has fetched; the oldest go first. */
const UNFETCHED_MAX = 20_000;

export type GateKeeperOptions = {
  readonly accessLog: string;
  readonly workers: number;
  readonly now: () => number;
  /** Into nginx. */
  readonly tell: (terms: readonly OriginTerms[]) => Promise<void>;
};

export class GateKeeper {
  readonly #options: GateKeeperOptions;
  readonly #counter: ResponseCounter;
  readonly #usual: OriginUsual;
  #unfetched: ResponseCounts[] = [];
  #timer: NodeJS.Timeout | null = null;
  #looks = 0;
  #looking: Promise<void> = Promise.resolve();

  constructor(options: GateKeeperOptions) {
    this.#options = options;
    this.#counter = new ResponseCounter(options.accessLog);
    this.#usual = new OriginUsual(options.workers);
  }

  start(): void {
    this.#timer = setInterval(() => {
      this.#looking = this.#look();
    }, LOOK_MS);
  }

  /** What answers said since it was last asked. */
  take(): readonly ResponseCounts[] {
    const taken = this.#unfetched;
    this.#unfetched = [];
    return taken;
  }

  /** nginx was started anew. */
  forgetTold(): void {
    this.#usual.forgetTold();
  }

  async stop(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    await this.#looking;
    await this.#counter.close();
  }

  async #look(): Promise<void> {
    await this.#counter.look();
    for (const counts of this.#counter.take(this.#options.now())) {
      this.#usual.learn(counts);
      this.#unfetched.push(counts);
    }
    if (this.#unfetched.length > UNFETCHED_MAX) this.#unfetched = this.#unfetched.slice(-UNFETCHED_MAX);
    this.#looks += 1;
    if (this.#looks % TELL_EVERY !== 0) return;
    const news = this.#usual.news(TOLD_AT_ONCE_MAX);
    if (news.length === 0) return;
    // nginx may be away: it is told all of it again.
    await this.#options.tell(news).catch(() => this.#usual.forgetTold());
  }
}
