/**
 * How a worker learns of changes. Every 50 ms it compares the shared epoch with the one it has seen, drops what the journal
 * names, and publishes its own epoch: a change is in force when every living worker has published an epoch at or above it. The
 * journal is a ring; a worker that finds a gap in it (it was asleep for long, or a change is just being written) drops everything,
 * which is always right and only costs decoding. A worker on its way out takes no new connections, and none waits for its word; what still
 * comes on the connections it has is judged after a look at the journal, each time.
 */
import { catchUpBans } from "./bans.ts";
import { forgetCertificate, forgetCertificates, forgetNames } from "./certificates.ts";
import { JOURNAL_ENTRIES, journalEntry } from "./journal.ts";
import { forgetAll, forgetKeys, forgetSite } from "./sites.ts";

const POLL_SECONDS = 0.05;
/** The word of a worker that was killed on its way out is forgotten after this time; a living one repeats it with each look. */
const WORD_SECONDS = 30;

const control = ngx.shared["parapet_control"]!;
let seen = -1;

/** Which start or reload of nginx this worker belongs to: workers of an older one live on until their last connection ends. */
export const life = {
  generation: 0,
  isLeaving: false,
  /** Called once, when this worker begins to go. */
  onLeaving: (): void => {},
  /** Called after each look at the journal. */
  onLook: (): void => {},
};

export function startSync(): void {
  const [newest] = control.get("generation");
  if (newest === undefined || (newest as number) < life.generation)
    control.set("generation", life.generation);
  catchUp();
  const [ok, why] = ngx.timer.every(POLL_SECONDS, tick);
  if (!ok) ngx.log(ngx.ERR, "changes cannot be watched, as no timer starts: ", why);
}

/** `premature`: the worker is going. It takes no new connections, and looks at the journal itself before each thing that it still judges. */
function tick(premature: boolean): void {
  if (premature) {
    life.isLeaving = true;
    control.delete(workerKey(life.generation, ngx.worker.id()));
    life.onLeaving();
  } else catchUp();
  life.onLook();
}

export function workerKey(generation: number, id: number): string {
  return string.format("worker %d %d", generation, id);
}

export function catchUp(): void {
  catchUpBans();
  const [value] = control.get("epoch");
  const epoch = value as number;
  if (epoch !== seen) {
    if (seen < 0 || epoch - seen > JOURNAL_ENTRIES) {
      forgetAll();
      forgetCertificates();
    } else {
      for (let n = seen + 1; n <= epoch; n++) {
        const id = journalEntry(n);
        if (id === "") {
          forgetAll();
          forgetCertificates();
          break;
        }
        if (id.startsWith("cert_")) forgetCertificate(id);
        else forgetSite(id);
      }
      forgetKeys();
      forgetNames();
    }
    seen = epoch;
  }
  if (life.isLeaving) return;
  const word = string.format("%d %d", ngx.worker.pid(), seen);
  control.set(workerKey(life.generation, ngx.worker.id()), word, WORD_SECONDS);
}
