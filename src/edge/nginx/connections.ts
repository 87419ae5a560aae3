/**
 * Clients that hold connections and do nothing with them: slow heads, slow bodies, slow reading, hoards. nginx bounds each connection by times that begin anew with every
 * byte, and no client at all. So once a second each worker walks through its connections, where nginx keeps them, and cuts what goes beyond
 * `connection-bounds.ts`: with a reset, so that nothing stays behind in the kernel either; nginx then closes what it finds broken in its own way.
 * A request costs nothing by this. The layout is that of Debian's nginx 1.22.1 and is proved on the table itself; where the proof fails, nothing is
 * bounded here and the log says so. Listening sockets, origins and unix sockets are never touched, nor whom the operator always lets in.
 */
import * as ffi from "ffi";
import {
  boundsOf,
  cutRank,
  isOverdue,
  isTrickling,
  PROGRESS_MS,
  type Bounds,
  type ConnectionState,
  type Progress,
} from "../connection-bounds.ts";
import { isInNetworks } from "../network.ts";
import { everywhere } from "./allowed.ts";

ffi.cdef(`
typedef struct { void *to_action[8]; const uint8_t *action; } parapet_log_t;
typedef struct { int32_t fd; int32_t unused; const uint8_t *sockaddr; } parapet_listening_t;
typedef struct {
  void *data; const uint8_t *read; const uint8_t *write; int32_t fd; int32_t unused;
  void *calls[4]; const parapet_listening_t *listening; uint64_t sent; const parapet_log_t *log; void *pool; uint64_t type;
  const uint8_t *sockaddr; void *to_number[11];
  uint32_t number; uint32_t number_high; uint32_t start; uint32_t start_high; uint32_t requests; uint32_t requests_high;
  uint64_t flags[2];
} parapet_client_t;
typedef struct {
  void *to_free[16]; uint32_t free_connection_n; uint32_t free_high; void *to_count[44];
  uint32_t connection_n; uint32_t connection_high; uint64_t files_n;
  const parapet_client_t *connections; const uint8_t *read_events; const uint8_t *write_events;
} parapet_cycle_t;
typedef struct {
  uint8_t state[8]; uint32_t to_acked[28]; uint32_t acked; uint32_t acked_high; uint32_t received; uint32_t received_high;
  uint32_t segments[2]; uint32_t unsent; uint32_t rest[3];
} parapet_tcp_t;
extern parapet_cycle_t *ngx_cycle;
extern uint32_t ngx_current_msec;
int shutdown(int fd, int how);
int getsockopt(int fd, int level, int name, void *value, uint32_t *length);
int setsockopt(int fd, int level, int name, const void *value, uint32_t length);
`);

const NGINX_VERSION = 1022001;
const EVENT_BYTES = 96;
const AF_UNIX = 1;
const AF_INET = 2;
const AF_INET6 = 10;
const SHUT_RDWR = 2;
const SOL_SOCKET = 1;
const SO_LINGER = 13;
const IPPROTO_TCP = 6;
const TCP_INFO = 11;
const ACTION_CHARS_MAX = 60;

/** Fewer than these endanger nothing, and are not looked at. */
const USED_MIN = 32;
/** Connections of a second whose progress is looked at: each comes to its turn in ten seconds. */
const SLICES = 10;
/** Cut in one second by one worker; the rest is there a second later. */
const CUTS_MAX = 4000;
const TELL_SECONDS = 10;

/** nginx's words for what a connection is about (`log->action`). Others are `busy`. */
const STATES: Readonly<Record<string, ConnectionState | undefined>> = {
  ["waiting for request"]: "head",
  ["SSL handshaking"]: "head",
  ["reading PROXY protocol"]: "head",
  ["reading client request line"]: "head",
  ["reading client request headers"]: "head",
  ["reading client pipelined request line"]: "head",
  ["keepalive"]: "idle",
};
const WORDS = ffi.typeof("const uint32_t *");
const ADDRESS = ffi.typeof("uintptr_t");
const tcp = ffi.new("parapet_tcp_t") as TcpInfo;
const tcpLength = ffi.new("uint32_t[1]") as { [index: number]: number };
/** On, and for no time: what is closed is reset (socket(7)). */
const lingerNot = ffi.new("int[2]", [1, 0]);

/** 0: not proved yet; 1: the layout is proved; -1: it is another one. */
let layout = 0;
let lookedAt = 0;
let looks = 0;
/** By the address of nginx's constant text. */
const stateAt: Record<number, ConnectionState | undefined> = {};

type Seen = Progress & { readonly number: number; readonly at: number };
/** By the connection's place in nginx's table, which bounds it. */
let seen: Record<number, Seen | undefined> = {};

type Reason = "share" | "overdue" | "read" | "body";
const cuts: Record<Reason, number> = { share: 0, overdue: 0, read: 0, body: 0 };
let cutSinceTold = 0;
let toldAt = 0;

/** With every tick of the worker: looks once a second. */
export function boundConnections(): void {
  const now = ngx.now();
  if (now - lookedAt < 1) return;
  lookedAt = now;
  if (layout === 0) layout = prove();
  if (layout !== 1) return;
  const cycle = ffi.C.ngx_cycle;
  const slots = cycle.connection_n;
  const used = slots - cycle.free_connection_n;
  if (used < USED_MIN) {
    if (looks > 0) seen = {};
    looks = 0;
    return;
  }
  looks += 1;
  const { counts, clients, clientsWith } = countClients(cycle, slots);
  const bounds = boundsOf({ slots, used, clients, clientsWith });
  cutOverdue(cycle, slots, bounds);
  for (const [client, count] of pairs(counts as Record<string | number, number>)) {
    if (count > bounds.perClient) cutToShare(cycle, slots, { client, excess: count - bounds.perClient });
  }
  lookForProgress(cycle, slots);
  tell(now);
}

type Counts = {
  readonly counts: Record<string | number, number | undefined>;
  readonly clients: number;
  readonly clientsWith: Record<number, number | undefined>;
};

function countClients(cycle: EdgeCycle, slots: number): Counts {
  const counts: Record<string | number, number | undefined> = {};
  const clientsWith: Record<number, number | undefined> = {};
  let clients = 0;
  for (let i = 0; i < slots; i++) {
    const client = clientOf(cycle.connections[i]!);
    if (client === 0) continue;
    const before = counts[client] ?? 0;
    if (before === 0) clients += 1;
    else clientsWith[before] = clientsWith[before]! - 1;
    counts[client] = before + 1;
    clientsWith[before + 1] = (clientsWith[before + 1] ?? 0) + 1;
  }
  return { counts, clients, clientsWith };
}

/** The client of a connection, as a key: its IPv4 address, or the /64 of its IPv6 address. 0 for anything else. */
function clientOf(connection: EdgeConnection): number | string {
  const { sockaddr, listening } = connection;
  if (connection.fd < 0 || sockaddr === undefined || listening === undefined) return 0;
  // From nginx to itself: the address is that of the client behind it (realip), whose own connection counts already.
  if (listening.sockaddr[0] === AF_UNIX) return 0;
  const family = sockaddr[0];
  if (family === AF_INET) return ffi.cast(WORDS, sockaddr)[1]!;
  return family === AF_INET6 ? ffi.string((sockaddr + 8) as BytePointer, 8) : 0;
}

function stateOf(connection: EdgeConnection): ConnectionState {
  const { action } = connection.log;
  if (action === undefined) return "busy";
  const at = tonumber(ffi.cast(ADDRESS, action))!;
  const known = stateAt[at];
  if (known !== undefined) return known;
  let length = 0;
  while (length < ACTION_CHARS_MAX && action[length] !== 0) length += 1;
  const state = STATES[ffi.string(action, length)] ?? "busy";
  stateAt[at] = state;
  return state;
}

function cutOverdue(cycle: EdgeCycle, slots: number, bounds: Bounds): void {
  if (bounds.headMs === 0) return;
  for (let i = 0; i < slots; i++) {
    const connection = cycle.connections[i]!;
    if (clientOf(connection) === 0) continue;
    const state = stateOf(connection);
    // Between requests nobody notes since when: a connection that idles now is as old as it looks.
    if (isOverdue(state, ageMs(connection), bounds)) cut(connection, "overdue");
  }
}

function ageMs(connection: EdgeConnection): number {
  const now = ffi.C.ngx_current_msec;
  return now >= connection.start ? now - connection.start : now - connection.start + 4294967296;
}

function cutToShare(
  cycle: EdgeCycle,
  slots: number,
  { client, excess }: { readonly client: string | number; readonly excess: number },
): void {
  const ranked: { rank: number; connection: EdgeConnection }[] = [];
  for (let i = 0; i < slots; i++) {
    const connection = cycle.connections[i]!;
    if (clientOf(connection) !== client) continue;
    ranked.push({ rank: cutRank(stateOf(connection), connection.number), connection });
  }
  table.sort(ranked, (a, b) => a.rank < b.rank);
  for (let i = 0; i < math.min(excess, ranked.length); i++) cut(ranked[i]!.connection, "share");
}

/** A tenth of the table at a time. */
function lookForProgress(cycle: EdgeCycle, slots: number): void {
  const now = ffi.C.ngx_current_msec;
  for (let i = looks % SLICES; i < slots; i += SLICES) {
    const connection = cycle.connections[i]!;
    if (clientOf(connection) === 0 || ageMs(connection) < PROGRESS_MS / SLICES) {
      seen[i] = undefined;
      continue;
    }
    const before = seen[i];
    const isSame = before !== undefined && before.number === connection.number;
    if (isSame && now - before.at < PROGRESS_MS) continue;
    const fresh = progressOf(connection, now);
    if (fresh === undefined) continue;
    const how = isSame ? isTrickling(before, fresh) : undefined;
    if (how !== undefined) cut(connection, how);
    seen[i] = how === undefined ? fresh : undefined;
  }
}

function progressOf(connection: EdgeConnection, at: number): Seen | undefined {
  tcpLength[0] = ffi.sizeof("parapet_tcp_t");
  if (ffi.C.getsockopt(connection.fd, IPPROTO_TCP, TCP_INFO, tcp, tcpLength) !== 0) return undefined;
  const { acked, received, unsent } = tcp;
  const { number, requests } = connection;
  // While the origin is asked nginx says so; with nothing to say it reads what the client sends.
  return {
    number,
    at,
    acked,
    received,
    unsent,
    requests,
    isReadingBody: connection.log.action === undefined,
  };
}

function cut(connection: EdgeConnection, reason: Reason): void {
  if (cutSinceTold >= CUTS_MAX * TELL_SECONDS || isFriend(connection)) return;
  ffi.C.setsockopt(connection.fd, SOL_SOCKET, SO_LINGER, lingerNot, 8);
  ffi.C.shutdown(connection.fd, SHUT_RDWR);
  cuts[reason] += 1;
  cutSinceTold += 1;
}

function isFriend(connection: EdgeConnection): boolean {
  const { networks } = everywhere;
  if (networks === undefined) return false;
  const sockaddr = connection.sockaddr!;
  const address =
    sockaddr[0] === AF_INET
      ? ffi.string((sockaddr + 4) as BytePointer, 4)
      : ffi.string((sockaddr + 8) as BytePointer, 16);
  return isInNetworks(networks, address);
}

function tell(now: number): void {
  if (cutSinceTold === 0 || now - toldAt < TELL_SECONDS) return;
  toldAt = now;
  cutSinceTold = 0;
  ngx.log(
    ngx.NOTICE,
    "connections cut since the worker began: beyond a client's share ",
    cuts.share,
    ", nothing asked ",
    cuts.overdue,
    ", answers read drop by drop ",
    cuts.read,
    ", bodies sent drop by drop ",
    cuts.body,
  );
}

function prove(): number {
  const cycle = ffi.C.ngx_cycle;
  if (ngx.config.nginx_version === NGINX_VERSION && isTable(cycle)) return 1;
  ngx.log(
    ngx.ERR,
    "this nginx keeps its connections in another form: how many a client may hold, and how slow it may be, is not bounded",
  );
  return -1;
}

/** nginx gives connection i the i-th events of two arrays and never changes that: no other memory looks so from end to end. */
function isTable(cycle: EdgeCycle): boolean {
  const slots = cycle.connection_n;
  if (slots < 1 || slots > 4_000_000 || cycle.free_connection_n > slots) return false;
  for (let i = 0; i < slots; i++) {
    const connection = cycle.connections[i]!;
    if (connection.read !== ((cycle.read_events + i * EVENT_BYTES) as BytePointer)) return false;
    if (connection.write !== ((cycle.write_events + i * EVENT_BYTES) as BytePointer)) return false;
  }
  return true;
}
