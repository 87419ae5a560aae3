/**
 * How many connections a client may hold, and how long without saying anything. While there is room nobody is counted closely: behind one address a campus may
 * sit. As slots become scarce each client keeps its fair share of half of them (max-min fairness), and who has not said what it wants gets less time. What
 * is cut first holds nothing that a visitor waits for. Pure: the walk through nginx's connections is in `nginx/connections.ts`.
 */

/** No client is ever bound to fewer, in one worker: a browser over HTTP/1.1 opens six for each name. */
export const CLIENT_CONNECTIONS_MIN = 16;
/** While there is room: one client may hold a quarter of all slots. */
const CALM_SHARE = 1 / 4;
const SCARCE_SHARE = 1 / 2;
const FULL_SHARE = 3 / 4;
/** nginx gives a head 15 s (client_header_timeout). */
const HEAD_MS_SCARCE = 5000;
const HEAD_MS_FULL = 2000;

/** What a connection is about: `head` nothing was asked yet, `idle` between requests, `busy` something is asked or answered. */
export type ConnectionState = "head" | "idle" | "busy";

export type Bounds = {
  /** Connections of one client in this worker. */
  readonly perClient: number;
  /** For how long nothing may be asked; 0: as long as nginx allows. */
  readonly headMs: number;
  /** For how long nothing may be asked after the last answer; 0: as long as nginx allows. */
  readonly idleMs: number;
};

/**
 * `clientsWith[n]`: how many clients hold n connections, for n up to `slots`; `clients`: how many there are. `used`: slots that are taken, by whomever.
 */
export function boundsOf(of: {
  readonly slots: number;
  readonly used: number;
  readonly clients: number;
  readonly clientsWith: Readonly<Record<number, number | undefined>>;
}): Bounds {
  const { slots, used } = of;
  const calm = Math.max(CLIENT_CONNECTIONS_MIN, Math.floor(slots * CALM_SHARE));
  if (used < slots * SCARCE_SHARE) return { perClient: calm, headMs: 0, idleMs: 0 };
  const room = slots * SCARCE_SHARE;
  const perClient = Math.max(CLIENT_CONNECTIONS_MIN, fairShare(of, { most: calm, room }));
  if (used < slots * FULL_SHARE) return { perClient, headMs: HEAD_MS_SCARCE, idleMs: 0 };
  return { perClient, headMs: HEAD_MS_FULL, idleMs: HEAD_MS_SCARCE };
}

/** The most that each may hold so that together they hold at most `room`. */
function fairShare(
  of: { readonly clients: number; readonly clientsWith: Readonly<Record<number, number | undefined>> },
  { most, room }: { readonly most: number; readonly room: number },
): number {
  let share = 0;
  let held = 0;
  let holdMore = of.clients;
  while (share < most && holdMore > 0 && held + holdMore <= room) {
    held += holdMore;
    share += 1;
    holdMore -= of.clientsWith[share] ?? 0;
  }
  return holdMore === 0 ? most : share;
}

/** Whether a connection that has been like this for so long goes, whosever it is. */
export function isOverdue(state: ConnectionState, sinceMs: number, bounds: Bounds): boolean {
  if (state === "head") return bounds.headMs > 0 && sinceMs > bounds.headMs;
  return state === "idle" && bounds.idleMs > 0 && sinceMs > bounds.idleMs;
}

/** Which of a client's connections go first when it holds too many: the lower, the sooner. `order`: rises with each connection. */
export function cutRank(state: ConnectionState, order: number): number {
  // Orders are below 2^32, so the state weighs more than any.
  const weight = state === "head" ? 0 : state === "idle" ? 1 : 2;
  return weight * 4294967296 + order;
}

/** Over this long a connection has to move something. */
export const PROGRESS_MS = 30_000;
/** Bytes in that time: a tenth of what the slowest telephone still does. */
export const PROGRESS_BYTES_MIN = 3000;

/** What the kernel says of a connection (Linux `struct tcp_info`), with the lower 32 bits of the sums. */
export type Progress = {
  readonly acked: number;
  readonly received: number;
  /** Bytes that wait in the kernel as the peer does not take them. */
  readonly unsent: number;
  /** A request is worked on and no origin is asked: its body is being read. */
  readonly isReadingBody: boolean;
  readonly requests: number;
};

/** Who takes an answer, or brings a body, drop by drop. Both moments are at least PROGRESS_MS apart. */
export function isTrickling(before: Progress, now: Progress): "read" | "body" | undefined {
  if (before.unsent > 0 && now.unsent > 0 && sinceThen(before.acked, now.acked) < PROGRESS_BYTES_MIN)
    return "read";
  if (!before.isReadingBody || !now.isReadingBody || before.requests !== now.requests) return undefined;
  const received = sinceThen(before.received, now.received);
  // Nothing at all is silence, for which nginx has a time of its own.
  return received > 0 && received < PROGRESS_BYTES_MIN ? "body" : undefined;
}

function sinceThen(before: number, now: number): number {
  return now >= before ? now - before : now - before + 4294967296;
}
