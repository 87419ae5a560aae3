/**
 * How a worker learns of changes. Every 50 ms it compares the shared epoch with the one it has seen, drops what the journal
 * names, and publishes its own epoch: a change is in force when every living worker has published an epoch at or above it. The
 * journal is a ring; a worker that finds a gap in it (it was asleep for long, or a change is just being written) drops everything,
 * which is always right and only costs decoding.
 */
import { forgetAll, forgetKeys, forgetSite } from "./sites.ts";

export const JOURNAL_ENTRIES = 1024;
const POLL_SECONDS = 0.05;

const control = ngx.shared["parapet_control"]!;
let seen = -1;

export function startSync(): void {
  catchUp();
  const [ok, why] = ngx.timer.every(POLL_SECONDS, catchUp);
  if (!ok) ngx.log(ngx.ERR, "changes cannot be watched, as no timer starts: ", why);
}

export function catchUp(): void {
  const [value] = control.get("epoch");
  const epoch = value as number;
  if (epoch !== seen) {
    if (seen < 0 || epoch - seen > JOURNAL_ENTRIES) forgetAll();
    else {
      for (let n = seen + 1; n <= epoch; n++) {
        const siteId = journalEntry(n);
        if (siteId === "") {
          forgetAll();
          break;
        }
        forgetSite(siteId);
      }
      forgetKeys();
    }
    seen = epoch;
  }
  control.set(
    `worker ${string.format("%d", ngx.worker.id())}`,
    string.format("%d %d", ngx.worker.pid(), seen),
  );
}

/** Writes a change into the journal. The entry comes after the epoch: a worker in between finds a gap, and drops everything. */
export function announce(siteId: string): void {
  const [epoch] = control.incr("epoch", 1);
  control.set(slot(epoch!), string.format("%d %s", epoch!, siteId));
}

function journalEntry(n: number): string {
  const [value] = control.get(slot(n));
  if (value === undefined) return "";
  const text = value as string;
  const own = string.format("%d ", n);
  return text.startsWith(own) ? text.substring(own.length) : "";
}

function slot(n: number): string {
  return string.format("journal %d", n % JOURNAL_ENTRIES);
}
