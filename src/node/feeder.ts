/**
 * Carries changes into nginx, in the order they came, many at a time, and says for each when every worker has it. A newer change of
 * a site or certificate replaces an older one that still waits. While nginx is away the changes wait; when it comes back it has loaded the snapshot
 * and gets them again, which does no harm. A worker that died does not hold up a confirmation; one that lives and lags does.
 */
import {
  FEED_BYTES_MAX,
  FEED_CHANGES_MAX,
  type EdgeChange,
  type EdgeFeedAnswer,
} from "../contract/edge-site.ts";
import { askStatus, postChanges } from "./feed-client.ts";
import { isAlive, pause } from "./nginx-process.ts";

export type Outcome =
  { readonly ok: true; readonly workers: number } | { readonly ok: false; readonly why: string };
type Waiting = { change: EdgeChange; settle: ((outcome: Outcome) => void)[] };

const RETRY_MS = 100;
const LAG_MS_MAX = 10_000;

export class Feeder {
  #socketPath: string;
  #waiting = new Map<string, Waiting>();
  #running: Promise<void> | null = null;
  #closed = false;

  constructor(socketPath: string) {
    this.#socketPath = socketPath;
  }

  /** Resolves when the change, or a newer one of the same site, is in every worker; or with why it cannot be. */
  feed(change: EdgeChange): Promise<Outcome> {
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(idOf(change));
      if (waiting === undefined) this.#waiting.set(idOf(change), { change, settle: [resolve] });
      else {
        waiting.change = change;
        waiting.settle.push(resolve);
      }
      this.#running ??= this.#run().finally(() => {
        this.#running = null;
      });
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    while (this.#waiting.size > 0) {
      const batch = this.#takeBatch();
      try {
        if (this.#closed) throw new Error("The edge is stopping");
        const answer = await postChanges(
          this.#socketPath,
          batch.map(({ change }) => change),
        );
        const outcome = await this.#confirmed(answer);
        for (const { change, settle } of batch) {
          const refused = answer.refused.find(({ id }) => id === idOf(change));
          for (const done of settle) done(refused === undefined ? outcome : { ok: false, why: refused.why });
        }
      } catch (error) {
        if (this.#closed) {
          for (const { settle } of batch) for (const done of settle) done({ ok: false, why: String(error) });
          continue;
        }
        this.#putBack(batch);
        await pause(RETRY_MS);
      }
    }
  }

  #takeBatch(): Waiting[] {
    const batch: Waiting[] = [];
    let bytes = 0;
    for (const [id, waiting] of this.#waiting) {
      const size = JSON.stringify(waiting.change).length * 2;
      if (batch.length > 0 && (batch.length >= FEED_CHANGES_MAX || bytes + size > FEED_BYTES_MAX)) break;
      bytes += size;
      batch.push(waiting);
      this.#waiting.delete(id);
    }
    return batch;
  }

  /** Back to the front, unless something newer of the same site came meanwhile: then only who waits is kept. */
  #putBack(batch: readonly Waiting[]): void {
    const newer = this.#waiting;
    this.#waiting = new Map(batch.map((waiting) => [idOf(waiting.change), waiting]));
    for (const [id, waiting] of newer) {
      const older = this.#waiting.get(id);
      if (older === undefined) this.#waiting.set(id, waiting);
      else {
        older.change = waiting.change;
        older.settle.push(...waiting.settle);
      }
    }
  }

  async #confirmed(first: EdgeFeedAnswer): Promise<Outcome> {
    const deadline = Date.now() + LAG_MS_MAX;
    let workers = first.workers;
    for (;;) {
      const living = workers.filter(({ pid }) => isAlive(pid));
      const lagging = living.filter(({ epoch }) => epoch < first.epoch);
      if (living.length > 0 && lagging.length === 0) return { ok: true, workers: placesOf(living) };
      if (Date.now() > deadline) {
        const who = lagging.map(({ pid }) => pid).join(", ") || "none";
        return {
          ok: false,
          why: `nginx's workers do not pick up changes (lagging: ${who}): restart the edge`,
        };
      }
      await pause(20);
      workers = (await askStatus(this.#socketPath)).workers;
    }
  }
}

/** During a reload a place has two workers: the one that comes and the one that goes. */
const placesOf = (workers: EdgeFeedAnswer["workers"]): number => new Set(workers.map(({ id }) => id)).size;

/** Ids of sites and of certificates begin differently. */
function idOf(change: EdgeChange): string {
  return change.siteId ?? change.certificateId;
}
