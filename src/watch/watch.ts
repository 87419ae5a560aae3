/**
 * Watch beside a node: every tenth of a second it asks what happened, thinks, and tells the edge what to hold. Ticks never overlap; when thinking took too long
 * it does less the next time. Without a bus (design law 9) the node acts alone and tells nobody. When the edge cannot be asked, nothing is done and mitigations
 * run out by themselves; when it cannot be told, it is told again. What was learned is kept on disk every few minutes and at the end.
 */
import type { Bus } from "../bus/bus.ts";
import type { EdgeMitigation, FloodMode, FloodReport, WatchBatch } from "../contract/flood.ts";
import type { NodeId, SiteId } from "../contract/ids.ts";
import type { Alarm } from "../contract/policy.ts";
import { floodTopic } from "../contract/topics.ts";
import { chanceFrom } from "./chance.ts";
import { Engine, type WatchOrders } from "./engine.ts";
import { KEPT_SAMPLES_MAX, loadKept, saveKept } from "./kept-state.ts";
import type { WatchBan } from "./persistent.ts";

/** What watch needs of a node. */
export type WatchSource = {
  /** Everything since the drain before. */
  drain(): Promise<WatchBatch>;
  mitigate(mitigations: readonly EdgeMitigation[]): Promise<void>;
  /** Keeps persistent clients out. Left out: nobody is banned. */
  readonly ban?: ((bans: readonly WatchBan[]) => Promise<void>) | undefined;
  /** What the site's owner wants. Left out: "act". */
  readonly modeOf?: ((siteId: SiteId) => FloodMode) | undefined;
};

export type WatchOptions = {
  readonly nodeId: NodeId;
  readonly source: WatchSource;
  readonly bus: Bus | null;
  /** `watch.json` lies here. */
  readonly stateDir: string;
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number;
  readonly random: (bytes: number) => Uint8Array;
  readonly onAlarm: (alarm: Alarm) => void;
  readonly tickMs?: number;
};

export type RunningWatch = {
  /** The last state of each incident that is not over, or ended within the last hour, newest first; bounded. */
  incidents(): readonly FloodReport[];
  /** How long the last ticks' thinking took, in milliseconds. */
  readonly thinkingMs: number;
  /** Writes down what was learned. */
  save(): Promise<void>;
  stop(): Promise<void>;
};

const TICK_MS = 100;
const SAVE_EVERY_MS = 5 * 60_000;
/** Thinking longer than this makes the next tick do less. */
const SHED_MS = 40;
const INCIDENTS_KEPT_MAX = 200;
const FAILURES_TOLD = 20;

export function startWatch(options: WatchOptions): RunningWatch {
  const watch = new Watch(options);
  watch.start();
  return watch;
}

class Watch implements RunningWatch {
  readonly #options: WatchOptions;
  readonly #engine: Engine;
  readonly #incidents = new Map<string, FloodReport>();
  #timer: NodeJS.Timeout | null = null;
  #running: Promise<void> = Promise.resolve();
  #saving: Promise<void> | null = null;
  #isStopped = false;
  #savedAtMs: number;
  #failures = 0;
  #lastToMs = 0;
  thinkingMs = 0;

  constructor(options: WatchOptions) {
    this.#options = options;
    this.#engine = new Engine({ nodeId: options.nodeId, random: chanceFrom(options.random(16)) });
    this.#savedAtMs = options.now();
    const { sites, why } = loadKept(options.stateDir);
    this.#engine.fromKept(sites);
    if (why !== null) {
      this.#alarm(
        "watch.state",
        `What was known of the usual traffic could not be read: ${why}. It was set aside as watch.json.broken and is learned anew within a minute of traffic`,
      );
    }
  }

  start(): void {
    this.#next(this.#options.tickMs ?? TICK_MS);
  }

  #next(inMs: number): void {
    if (this.#isStopped) return;
    this.#timer = setTimeout(() => {
      const startedAt = performance.now();
      this.#running = this.#tick().then(() => {
        const tickMs = this.#options.tickMs ?? TICK_MS;
        this.#next(Math.max(1, tickMs - (performance.now() - startedAt)));
      });
    }, inMs);
  }

  /** Never rejects. */
  async #tick(): Promise<void> {
    const { source, now } = this.#options;
    try {
      const batch = await source.drain();
      // A clock that was set back must not make time run backwards here.
      const toMs = Math.max(batch.toMs, this.#lastToMs + 1);
      this.#lastToMs = toMs;
      const startedAt = performance.now();
      const orders = this.#engine.tick(
        { ...batch, fromMs: Math.min(batch.fromMs, toMs), toMs },
        { modeOf: source.modeOf ?? (() => "act"), shed: this.thinkingMs > SHED_MS },
      );
      this.thinkingMs = 0.8 * this.thinkingMs + 0.2 * (performance.now() - startedAt);
      await this.#carryOut(orders);
      this.#failures = 0;
    } catch (error) {
      this.#failures += 1;
      if (this.#failures === FAILURES_TOLD) {
        this.#alarm(
          "watch.blind",
          `Floods are not met at the moment, as the edge does not answer or refuses what it is told (${String(error).slice(0, 200)}): look at the edge's log`,
        );
      }
    }
    if (now() - this.#savedAtMs >= SAVE_EVERY_MS) {
      this.#savedAtMs = now();
      void this.save().catch((error: unknown) =>
        this.#alarm(
          "watch.state",
          `What was learned of the usual traffic cannot be written to disk (${(error as { code?: string }).code ?? String(error).slice(0, 100)}): make room in the data folder`,
        ),
      );
    }
  }

  /** Acts first, then tells; what went wrong in one of them keeps none of the others from being done. */
  async #carryOut({ mitigations, bans, reports }: WatchOrders): Promise<void> {
    const { source } = this.#options;
    const wrong: unknown[] = [];
    if (mitigations.length > 0) {
      await source.mitigate(mitigations).catch((error: unknown) => {
        this.#engine.unsent(mitigations);
        wrong.push(error);
      });
    }
    for (const report of reports) this.#tell(report);
    if (bans.length > 0) await source.ban?.(bans).catch((error: unknown) => wrong.push(error));
    if (wrong.length > 0) throw wrong[0];
  }

  #tell(report: FloodReport): void {
    const { bus, nodeId } = this.#options;
    this.#incidents.delete(report.incidentId);
    this.#incidents.set(report.incidentId, report);
    if (this.#incidents.size > INCIDENTS_KEPT_MAX) {
      this.#incidents.delete(this.#incidents.keys().next().value!);
    }
    // Telling must not hold up acting; what could not be told is told again with the next report.
    void bus?.publish(floodTopic(nodeId, report.incidentId), report, { keep: true }).catch(() => undefined);
  }

  incidents(): readonly FloodReport[] {
    const oldest = this.#options.now() - 3_600_000;
    return [...this.#incidents.values()]
      .filter(({ endedAtMs }) => endedAtMs === null || endedAtMs > oldest)
      .toReversed();
  }

  async save(): Promise<void> {
    this.#saving ??= saveKept(this.#options.stateDir, {
      sites: this.#engine.toKept(KEPT_SAMPLES_MAX),
      pause: () => new Promise((resolve) => setImmediate(resolve)),
    }).finally(() => (this.#saving = null));
    await this.#saving;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.#running;
    await this.save().catch((error: unknown) =>
      this.#alarm(
        "watch.state",
        `What was learned of the usual traffic is lost: ${String(error).slice(0, 200)}`,
      ),
    );
  }

  #alarm(code: string, what: string): void {
    this.#options.onAlarm({ nodeId: this.#options.nodeId, atMs: this.#options.now(), code, what });
  }
}
