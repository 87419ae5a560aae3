/** What changed, for every worker to read: a ring in shared memory, with a count of all that was ever written. */

export const JOURNAL_ENTRIES = 1024;

const control = ngx.shared["parapet_control"]!;

/** Writes a change into the journal. The entry comes after the epoch: a worker in between finds a gap, and drops everything. */
export function announce(id: string): void {
  const [epoch] = control.incr("epoch", 1);
  control.set(slot(epoch!), string.format("%d %s", epoch!, id));
}

/** "" when it was overwritten, or is not written yet. */
export function journalEntry(n: number): string {
  const [value] = control.get(slot(n));
  if (value === undefined) return "";
  const text = value as string;
  const own = string.format("%d ", n);
  return text.startsWith(own) ? text.substring(own.length) : "";
}

function slot(n: number): string {
  return string.format("journal %d", n % JOURNAL_ENTRIES);
}
