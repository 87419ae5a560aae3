/**
 * nginx.conf as a pure function. It is rendered once per start and names no site: what sites there are, and where their origins
 * lie, lives in shared memory, so that a change never needs a reload. The ways to origins are in `conf-origins.ts`.
 */
import { BODY_BYTES_MAX_MAX } from "../contract/policy.ts";
import { CHALLENGE_PATH } from "../contract/protection.ts";
import type { GeoDatabase } from "./geo-database.ts";
import { renderCacheStore, renderFetchServer } from "./conf-cache.ts";
import { ORIGIN_MAPS, renderUpstreams } from "./conf-origins.ts";
import { renderServers } from "./conf-server.ts";
import { TLS_MAPS, type TlsConfOptions } from "./conf-tls.ts";

export type NginxConfOptions = {
  /** "HOST:PORT". */
  readonly listen: string;
  /** Null: nobody is served over TLS. */
  readonly tls: TlsConfOptions | null;
  readonly workers: number;
  /** Absolute folders. */
  readonly stateDir: string;
  readonly runDir: string;
  /** Where workers may write bodies that do not fit memory. */
  readonly spoolDir: string;
  readonly edgeLuaDir: string;
  readonly modulesDir: string;
  /** The unprivileged user of the workers, or null when nginx does not start as root. */
  readonly user: string | null;
  readonly cdnId: string;
  /** A PEM file of authorities for origins' certificates. */
  readonly originCaFile: string;
  readonly originConnectSeconds: number;
  readonly originReadSeconds: number;
  readonly accessLog: boolean;
  /** Where answers are kept; of the workers alone. */
  readonly cacheDir: string;
  readonly cacheBytesMax: number;
  /** The unix socket between the cache and the way to origins; only workers may reach it. */
  readonly fetchSocket: string;
  /** MMDB files that were checked. */
  readonly geo: { readonly country: GeoDatabase; readonly asn: GeoDatabase };
  /** Judge each request's head by its bytes, a plain one's too, and each answer's. */
  readonly everyHead: boolean;
  /** Clients, origins and all else that one worker may be connected to. */
  readonly connectionsPerWorker: number;
  readonly filesPerWorker: number;
  /** CIDR ranges that are let in on every site, whatever its bans, limits and rules say. */
  readonly allowNetworks: readonly string[];
};

/** Sizes, ascending by fours, of the locations that read bodies of unannounced length. */
export const CHUNKED_BYTES: readonly number[] = Array.from({ length: 9 }, (_, i) => 65_536 * 4 ** i);
if (CHUNKED_BYTES.at(-1) !== BODY_BYTES_MAX_MAX) throw new Error("The largest body has no location.");

export const HEADER_BUFFERS = 4;
export const HEADER_BUFFER_BYTES = 16 * 1024;
export const HEADER_LINES_MAX = 100;

/** After a reload the workers before it keep their long connections for this long; the agent ends the oldest earlier when they are many. */
const WORKER_SHUTDOWN_SECONDS = 12 * 3600;

/** The whole configuration. Paths are refused if nginx could read them as anything but a path. */
export function renderNginxConf(options: NginxConfOptions): string {
  for (const path of [
    options.stateDir,
    options.runDir,
    options.spoolDir,
    options.cacheDir,
    options.fetchSocket,
    options.edgeLuaDir,
    options.modulesDir,
    options.originCaFile,
    ...[options.geo.country.file, options.geo.asn.file].filter((path) => path !== ""),
    ...(options.tls?.ticketKeyFiles ?? []),
  ]) {
    if (!/^\/[A-Za-z0-9._/+@=-]*$/.test(path)) {
      throw new Error(
        `The path "${path}" has characters that nginx.conf cannot hold: choose a plainer folder`,
      );
    }
  }
  const common = renderCommon({ ...options, requestId: "$p_request" });
  const originFields = common.split("\n").filter((line) => line.trim().startsWith("proxy_set_header "));
  const cache = { ...options, chunkedBytes: CHUNKED_BYTES, originFields };
  return `# Rendered by Parapet at start. Changes here are lost.
${options.user === null ? "" : `user ${options.user};\n`}daemon off;
worker_processes ${options.workers};
worker_shutdown_timeout ${WORKER_SHUTDOWN_SECONDS}s;
worker_rlimit_nofile ${options.filesPerWorker};
pid ${options.runDir}/nginx.pid;
error_log ${options.stateDir}/error.log notice;
load_module ${options.modulesDir}/ndk_http_module.so;
load_module ${options.modulesDir}/ngx_http_lua_module.so;
${renderGeoModule(options)}events { worker_connections ${options.connectionsPerWorker}; }
http {
${common}
  lua_package_path "${options.edgeLuaDir}/?.lua;;";
  lua_shared_dict parapet_hosts 16m;
  lua_shared_dict parapet_sites 64m;
  lua_shared_dict parapet_cert_names 16m;
  lua_shared_dict parapet_certs 128m;
  lua_shared_dict parapet_limits 32m;
  lua_shared_dict parapet_handshakes 8m;
  lua_shared_dict parapet_bans 16m;
  lua_shared_dict parapet_rules 24m;
  lua_shared_dict parapet_rule_values 16m;
  lua_shared_dict parapet_rule_holds 8m;
  lua_shared_dict parapet_rule_counts 4m;
  lua_shared_dict parapet_mitigations 8m;
  lua_shared_dict parapet_clearances 16m;
  lua_shared_dict parapet_challenge_failures 8m;
  lua_shared_dict parapet_crawlers 1m;
  lua_shared_dict parapet_crawlers_refuted 1m;
  lua_shared_dict parapet_crawlers_asked 256k;
  lua_shared_dict parapet_watch 16m;
  lua_shared_dict parapet_refusals 8m;
  lua_shared_dict parapet_good 8m;
  lua_shared_dict parapet_control 8m;
  lua_shared_dict parapet_gates 8m;
  lua_shared_dict parapet_known 16m;
  init_by_lua_block {
    require("edge.nginx.start").start({
      snapshot = "${options.stateDir}/snapshot.jsonl",
      certificates = "${options.stateDir}/certificates.jsonl",
      challengeKeys = "${options.stateDir}/challenge-keys",
      doubts = "${options.stateDir}/doubtful-answers",
      cdnId = "${options.cdnId}",
      chunkedBytes = {${CHUNKED_BYTES.join(", ")}},
      everyHead = ${options.everyHead},
      originConnectSeconds = ${options.originConnectSeconds},
      originReadSeconds = ${options.originReadSeconds},
      countries = ${options.geo.country.file !== ""},
      asns = ${options.geo.asn.file !== ""},
      allowNetworks = {${options.allowNetworks.map((range) => JSON.stringify(range)).join(", ")}},
    })
  }
  init_worker_by_lua_block { parapet_worker() }
${options.everyHead ? "  header_filter_by_lua_block { parapet_answer() }\n" : ""}
${renderMaps(options.cdnId)}${renderGeo(options)}
${renderUpstreams(originFields)}
${renderCacheStore(cache)}${renderServers({ ...options, cache, headerLinesMax: HEADER_LINES_MAX, chunkedBytes: CHUNKED_BYTES })}
${renderFetchServer(cache)}
  server {
    listen unix:${options.runDir}/control.sock;
    access_log off;
    client_max_body_size 16m;
    client_body_buffer_size 16m;
    location = /policy { content_by_lua_block { parapet_feed() } }
    location = /bans { content_by_lua_block { parapet_bans() } }
    location = /gates { content_by_lua_block { parapet_gates() } }
    location = /mitigations { content_by_lua_block { parapet_mitigations() } }
    location = /crawlers { content_by_lua_block { parapet_crawlers() } }
    location = /challenge-keys { content_by_lua_block { parapet_challenge_keys() } }
    location = /watch { content_by_lua_block { parapet_watch() } }
    location = /cache { content_by_lua_block { parapet_cache_state() } }
    location = /rules { content_by_lua_block { parapet_rules() } }
    location = /status { content_by_lua_block { parapet_status() } }
  }
}
`;
}

function renderGeoModule({ modulesDir, geo }: Pick<NginxConfOptions, "modulesDir" | "geo">): string {
  if (geo.country.file === "" && geo.asn.file === "") return "";
  return `load_module ${modulesDir}/ngx_http_geoip2_module.so;\n`;
}

/** nginx looks an address up when the variable is first read, which only a rule of a site does. Without an entry it has no value: a default of "" would be two quotes. */
function renderGeo({ geo }: Pick<NginxConfOptions, "geo">): string {
  const named = [
    ["$p_country", geo.country],
    ["$p_asn", geo.asn],
  ] as const;
  return named
    .filter(([, { file }]) => file !== "")
    .map(([name, { file, field }]) => `  geoip2 ${file} { ${name} source=$remote_addr ${field}; }\n`)
    .join("");
}

/**
 * What any careful reverse proxy would set, with or without Parapet: buffers, timeouts, log, and the header fields that
 * nginx writes to the origin. Shared with the bench, so that it compares like with like.
 */
export function renderCommon(
  options: Pick<
    NginxConfOptions,
    "stateDir" | "spoolDir" | "originConnectSeconds" | "originReadSeconds" | "accessLog"
  > & {
    /** The variable that numbers requests. */
    readonly requestId: "$p_request" | "$request_id";
  },
): string {
  return `  server_tokens off;
  default_type application/octet-stream;
  sendfile on;
  tcp_nopush on;
  merge_slashes on;
  underscores_in_headers off;
  uninitialized_variable_warn off;
  client_body_temp_path ${options.spoolDir}/body;
  proxy_temp_path ${options.spoolDir}/proxy;
  fastcgi_temp_path ${options.spoolDir}/unused;
  uwsgi_temp_path ${options.spoolDir}/unused;
  scgi_temp_path ${options.spoolDir}/unused;

  client_header_timeout 15s;
  client_body_timeout 30s;
  send_timeout 30s;
  keepalive_timeout 75s;
  keepalive_requests 1000;
  reset_timedout_connection on;
  client_header_buffer_size 4k;
  large_client_header_buffers ${HEADER_BUFFERS} ${HEADER_BUFFER_BYTES / 1024}k;
  client_max_body_size ${BODY_BYTES_MAX_MAX};
  client_body_buffer_size 64k;

  # Bodies are read whole before the origin hears of them: a slow sender holds a connection here and none at the origin.
  proxy_request_buffering on;
  proxy_http_version 1.1;
  proxy_connect_timeout ${options.originConnectSeconds}s;
  proxy_send_timeout 30s;
  proxy_read_timeout ${options.originReadSeconds}s;
  proxy_next_upstream error timeout;
  proxy_next_upstream_tries 3;
  proxy_next_upstream_timeout 10s;
  proxy_buffer_size 16k;
  proxy_buffers 8 16k;
  proxy_max_temp_file_size 64m;
  # An origin belongs to a tenant: it must not steer the edge.
  proxy_ignore_headers X-Accel-Redirect X-Accel-Limit-Rate X-Accel-Charset;
  proxy_hide_header X-Request-Id;
  add_header X-Request-Id ${options.requestId} always;

  proxy_set_header Host $p_host;
  proxy_set_header Connection $p_connection;
  proxy_set_header Upgrade $p_upgrade;
  proxy_set_header X-Request-Id ${options.requestId};
  proxy_set_header X-Real-IP $remote_addr;
  proxy_set_header X-Forwarded-For $remote_addr;
  proxy_set_header X-Forwarded-Proto $scheme;
  proxy_set_header X-Forwarded-Host $http_host;
  proxy_set_header CDN-Loop $p_cdn_loop;
${DROPPED_FIELDS.map((name) => `  proxy_set_header ${name} "";`).join("\n")}

  map $p_host_override $p_host { "" $http_host; default $p_host_override; }
  map $http_upgrade $p_upgrade { "" ""; websocket websocket; default ""; }
  map $p_upgrade $p_connection { "" ""; default upgrade; }
  # The client's network and not its address: /24 of IPv4, /48 of IPv6.
  map $remote_addr $p_network {
    "~^(\\d+\\.\\d+\\.\\d+)\\." $1.0;
    "~^([0-9a-f]+:[0-9a-f]+:[0-9a-f]+):" $1::;
    "~^([0-9a-f]+:[0-9a-f]+)::" $1::;
    "~^([0-9a-f]+)::" $1::;
    default -;
  }
  map $p_reason $p_verdict {
    "" pass;
    origin.down pass;
    origin.slow pass;
    measure.notice notice;
    measure.warning warn;
    limit.client throttle;
    site.busy throttle;
    flood.throttled throttle;
    challenge.asked challenge;
    rule.throttled throttle;
    site.redirect pass;
    default block;
  }
  log_format parapet escape=json '{"at":"$time_iso8601","request":"${options.requestId}","site":"$p_site","verdict":"$p_verdict",'
    '"reason":"$p_reason","status":$status,"method":"$request_method","host":"$host","path":"$uri","client":"$p_network",'
    '"sentBytes":$bytes_sent,"seconds":$request_time,"originStatus":"$upstream_status","originSeconds":"$upstream_response_time","cache":"$upstream_cache_status","rules":"$p_rules"}';
  access_log ${options.accessLog ? `${options.stateDir}/access.log parapet buffer=64k flush=1s` : "off"};
`;
}

/** Fields by which applications are told who the client is. Only the edge says that, by the fields above. */
export const DROPPED_FIELDS: readonly string[] = [
  "Forwarded",
  "X-Forwarded-Port",
  "X-Forwarded-Server",
  "X-Forwarded-Prefix",
  "X-Forwarded-Scheme",
  "X-Forwarded-Ssl",
  "X-Client-IP",
  "X-Cluster-Client-IP",
  "X-Original-Forwarded-For",
  "X-Original-URL",
  "X-Rewrite-URL",
  "True-Client-IP",
  "CF-Connecting-IP",
  "Fastly-Client-IP",
  "Proxy",
  "Proxy-Connection",
  "Proxy-Authorization",
];

/** Variables that Lua reads and writes. Declared by `map`, since a `set` would run after Lua and wipe them. */
function renderMaps(cdnId: string): string {
  return `  map "" $p_site { default ""; }
  map "" $p_request { default ""; }
  map "" $p_reason { default ""; }
  map "" $p_rules { default ""; }
  map "" $p_page_before { default ""; }
  map "" $p_page_middle { default ""; }
  map "" $p_page_after { default ""; }
  map "" $p_challenge { default ""; }
  # Where a visitor goes after a challenge: what was asked for, as far as it is safe in HTML and leads to no other host.
  map $request_uri $p_challenge_target {
    "~^${CHALLENGE_PATH}" /;
    "~^/(?!/)[-A-Za-z0-9._~/?&=+%:@,;!*()$]{0,1499}$" $request_uri;
    default /;
  }
  map "" $p_host_override { default ""; }
${ORIGIN_MAPS}${TLS_MAPS}  map $http_connection $p_options { "" ""; close ""; keep-alive ""; upgrade ""; "keep-alive, upgrade" ""; default $http_connection; }
  map "" $p_odd { default "$http_content_length$http_transfer_encoding$http_cdn_loop$p_options"; }
  map "" $p_key { default "$host $http_host $http_connection $http_content_length$http_transfer_encoding$http_cdn_loop"; }
  map $http_cdn_loop $p_cdn_loop { "" ${cdnId}; default "$http_cdn_loop, ${cdnId}"; }
`;
}
