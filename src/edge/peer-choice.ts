/**
 * Which server of a pool is asked next? Turns follow the weights smoothly (a server of weight 5 beside one of weight 1 is not asked five
 * times in a row); backups are asked only while no main server is usable; a server that could not be connected to is avoided
 * for a while, then tried by one request alone before it gets its share again. When every server is avoided all of them count as
 * usable again: trying costs little, and a guess must never take a site off the air. What is known of a server lives with its site in
 * each worker: a worker learns from its own attempts, takes no lock for it, and keeps no more than there are servers.
 */

export type Peer = {
  readonly address: string;
  readonly port: number;
  /** "ADDRESS:PORT", as nginx writes it into $upstream_addr. */
  readonly name: string;
  /** The name that its certificate must carry; "" for the visitor's hostname. */
  readonly tlsName: string;
  readonly weight: number;
  readonly backup: boolean;
  /** Smooth weighted round robin: grows by `weight` with each turn, and shrinks by the total when it is its turn. */
  current: number;
  /** Seconds since the Unix epoch. */
  avoidUntil: number;
  failedAt: number;
  failures: number;
  /** Whether one request is finding out if it is there again. */
  trying: boolean;
};

const AVOID_SECONDS = 5;
const AVOID_SECONDS_MAX = 40;
/** A server that held for so long starts anew with its failures. */
const FORGET_SECONDS = 120;

/**
 * The next server. `tried` names those that this request has tried already (`triedNames`), "" for none; `trialSeconds` is how long one request may
 * take to find out whether an avoided server is there again. The pool is not empty.
 */
export function choosePeer(
  peers: Peer[],
  now: number,
  tried: string,
  trialSeconds: number,
): Peer | undefined {
  const peer =
    turn(peers, false, now, tried) ??
    turn(peers, true, now, tried) ??
    turn(peers, false, NEVER_AVOIDED, tried) ??
    turn(peers, true, NEVER_AVOIDED, tried);
  if (peer === undefined || peer.failures === 0 || peer.avoidUntil > now) return peer;
  if (peer.trying) {
    // The trial's time is over, and it did not fail.
    peer.trying = false;
    peer.failures = 0;
  } else {
    peer.trying = true;
    peer.avoidUntil = now + trialSeconds;
  }
  return peer;
}

/** Avoids a server that could not be connected to, longer each time, up to 40 seconds. */
export function avoidPeer(peer: Peer, now: number): void {
  // Others that were on their way to it at the same moment fail too: they tell nothing new.
  if (peer.avoidUntil > now && !peer.trying) return;
  if (now - peer.failedAt > FORGET_SECONDS) peer.failures = 0;
  let seconds = AVOID_SECONDS;
  for (let n = 0; n < peer.failures && seconds < AVOID_SECONDS_MAX; n++) seconds *= 2;
  peer.failures += 1;
  peer.failedAt = now;
  peer.trying = false;
  peer.avoidUntil = now + seconds;
}

/** $upstream_addr of a request under way as " NAME NAME ": the names of all that it tried. */
export function triedNames(upstreamAddr: string): string {
  let names = " ";
  for (const part of upstreamAddr.split(" ")) {
    const name = part.endsWith(",") ? part.substring(0, part.length - 1) : part;
    if (name !== "" && name !== ":") names += `${name} `;
  }
  return names;
}

/** The last of `triedNames`, "" for none. */
export function lastTried(tried: string): string {
  let last = "";
  for (const name of tried.split(" ")) if (name !== "") last = name;
  return last;
}

export function peerNamed(peers: readonly Peer[], name: string): Peer | undefined {
  for (const peer of peers) if (peer.name === name) return peer;
  return undefined;
}

/** Methods whose repetition does no harm (RFC 9110 §9.2.2), and those that nginx itself never repeats once they were sent. */
const METHODS_KNOWN: Record<string, boolean | undefined> = {
  GET: true,
  HEAD: true,
  OPTIONS: true,
  TRACE: true,
  PUT: true,
  DELETE: true,
  PROPFIND: true,
  PROPPATCH: true,
  MKCOL: true,
  COPY: true,
  MOVE: true,
  UNLOCK: true,
  POST: true,
  PATCH: true,
  LOCK: true,
};

/** Whether nginx judges rightly when this method may go to another server. Of a method that it does not know it would repeat everything. */
export function mayTryAnother(method: string): boolean {
  return METHODS_KNOWN[method] === true;
}

const NEVER_AVOIDED = 1e15;

function turn(peers: Peer[], backup: boolean, now: number, tried: string): Peer | undefined {
  let best: Peer | undefined;
  let total = 0;
  for (const peer of peers) {
    if (peer.backup !== backup || peer.avoidUntil > now) continue;
    if (tried !== "" && tried.includes(` ${peer.name} `)) continue;
    peer.current += peer.weight;
    total += peer.weight;
    if (best === undefined || peer.current > best.current) best = peer;
  }
  if (best !== undefined) best.current -= total;
  return best;
}
