/**
 * nginx.conf as a pure function. It is rendered once per start and names no site: what sites there are, and where their origins
 * lie, lives in shared memory, so that a change never needs a reload. Two slots lead to origins: `parapet_plain` keeps connections
 * (Host is sent with each request, so tenants may share them), `parapet_tls` keeps none, since nginx pools by address alone and
 * would let one tenant ride on another's verified connection.
 */
import { BODY_BYTES_MAX_MAX } from "../contract/policy.ts";

export type NginxConfOptions = {
  /** "HOST:PORT". */
  readonly listen: string;
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
};

/** Sizes, ascending by fours, of the locations that read bodies of unannounced length. */
export const CHUNKED_BYTES: readonly number[] = Array.from({ length: 9 }, (_, i) => 65_536 * 4 ** i);
if (CHUNKED_BYTES.at(-1) !== BODY_BYTES_MAX_MAX) throw new Error("The largest body has no location.");

export const HEADER_BUFFERS = 4;
export const HEADER_BUFFER_BYTES = 16 * 1024;
export const HEADER_LINES_MAX = 100;

/** The whole configuration. Paths are refused if nginx could read them as anything but a path. */
export function renderNginxConf(options: NginxConfOptions): string {
  for (const path of [
    options.stateDir,
    options.runDir,
    options.spoolDir,
    options.edgeLuaDir,
    options.modulesDir,
    options.originCaFile,
  ]) {
    if (!/^\/[A-Za-z0-9._/+@=-]*$/.test(path)) {
      throw new Error(
        `The path "${path}" has characters that nginx.conf cannot hold: choose a plainer folder`,
      );
    }
  }
  return `# Rendered by Parapet at start. Changes here are lost.
${options.user === null ? "" : `user ${options.user};\n`}daemon off;
worker_processes ${options.workers};
worker_shutdown_timeout 30s;
pid ${options.runDir}/nginx.pid;
error_log ${options.stateDir}/error.log notice;
load_module ${options.modulesDir}/ndk_http_module.so;
load_module ${options.modulesDir}/ngx_http_lua_module.so;
events { worker_connections 8192; }
http {
${renderCommon(options)}
  lua_package_path "${options.edgeLuaDir}/?.lua;;";
  lua_shared_dict parapet_hosts 16m;
  lua_shared_dict parapet_sites 64m;
  lua_shared_dict parapet_limits 32m;
  lua_shared_dict parapet_control 8m;
  init_by_lua_block {
    require("edge.nginx.start").start({
      snapshot = "${options.stateDir}/snapshot.jsonl",
      cdnId = "${options.cdnId}",
      chunkedBytes = {${CHUNKED_BYTES.join(", ")}},
    })
  }
  init_worker_by_lua_block { parapet_worker() }

${renderMaps(options.cdnId)}
  upstream parapet_plain {
    server 0.0.0.1; # A placeholder: Lua names the address.
    balancer_by_lua_block { parapet_peer() }
${KEEPALIVE}
  }
  upstream parapet_tls {
    server 0.0.0.1;
    balancer_by_lua_block { parapet_peer() }
  }

  server {
    listen ${options.listen} default_server backlog=4096;
    server_name "";
    max_headers ${HEADER_LINES_MAX};
    server_rewrite_by_lua_block { parapet_admit() }
    recursive_error_pages on;
    # To a path where the request may be too broken to have one, to a name where its method shall stay.
    error_page 400 405 411 417 421 =400 /.parapet/error;
    error_page 414 431 494 =431 /.parapet/error;
    error_page 413 500 502 503 504 @error;
    error_page 501 505 =400 /.parapet/error;

    location / {
      proxy_pass http://parapet_plain;
    }
    location @tls {
      proxy_pass https://parapet_tls;
      proxy_ssl_server_name on;
      proxy_ssl_name $p_tls_name;
      proxy_ssl_verify on;
      proxy_ssl_verify_depth 4;
      proxy_ssl_trusted_certificate ${options.originCaFile};
      proxy_ssl_session_reuse off;
      proxy_ssl_protocols TLSv1.2 TLSv1.3;
    }
${CHUNKED_BYTES.map(renderChunked).join("")}    location = /.parapet/error {
      internal;
      content_by_lua_block { parapet_error() }
    }
    location @error {
      internal;
      content_by_lua_block { parapet_error() }
    }
  }

  server {
    listen unix:${options.runDir}/control.sock;
    access_log off;
    client_max_body_size 16m;
    client_body_buffer_size 16m;
    location = /policy { content_by_lua_block { parapet_feed() } }
    location = /status { content_by_lua_block { parapet_status() } }
  }
}
`;
}

/**
 * What any careful reverse proxy would set, with or without Parapet: buffers, timeouts, log, and the header fields that
 * nginx writes to the origin. Shared with the bench, so that it compares like with like.
 */
export function renderCommon(
  options: Pick<
    NginxConfOptions,
    "stateDir" | "spoolDir" | "originConnectSeconds" | "originReadSeconds" | "accessLog"
  >,
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
  client_header_buffer_size 1k;
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
  proxy_next_upstream_tries 2;
  proxy_next_upstream_timeout 10s;
  proxy_buffer_size 16k;
  proxy_buffers 8 16k;
  proxy_max_temp_file_size 64m;
  # An origin belongs to a tenant: it must not steer the edge.
  proxy_ignore_headers X-Accel-Redirect X-Accel-Limit-Rate X-Accel-Charset;
  proxy_hide_header X-Request-Id;
  add_header X-Request-Id $request_id always;

  proxy_set_header Host $p_host;
  proxy_set_header Connection $p_connection;
  proxy_set_header Upgrade $p_upgrade;
  proxy_set_header X-Request-Id $request_id;
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
    default block;
  }
  log_format parapet escape=json '{"at":"$time_iso8601","request":"$request_id","site":"$p_site","verdict":"$p_verdict",'
    '"reason":"$p_reason","status":$status,"method":"$request_method","host":"$host","path":"$uri","client":"$p_network",'
    '"sentBytes":$bytes_sent,"seconds":$request_time,"originStatus":"$upstream_status","originSeconds":"$upstream_response_time"}';
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

export const KEEPALIVE = `    keepalive 256;
    keepalive_requests 10000;
    keepalive_timeout 60s;`;

/** Variables that Lua reads and writes. Declared by `map`, since a `set` would run after Lua and wipe them. */
function renderMaps(cdnId: string): string {
  return `  map "" $p_site { default ""; }
  map "" $p_reason { default ""; }
  map "" $p_host_override { default ""; }
  map "" $p_tls_name { default ""; }
  map $http_connection $p_options { "" ""; close ""; keep-alive ""; upgrade ""; "keep-alive, upgrade" ""; default $http_connection; }
  map "" $p_odd { default "$http_content_length$http_transfer_encoding$http_cdn_loop$p_options"; }
  map "" $p_key { default "$host $http_host $http_connection $http_content_length$http_transfer_encoding$http_cdn_loop"; }
  map $http_cdn_loop $p_cdn_loop { "" ${cdnId}; default "$http_cdn_loop, ${cdnId}"; }
`;
}

function renderChunked(bytes: number): string {
  return `    location @chunked_${bytes} {
      client_max_body_size ${bytes};
      rewrite_by_lua_block { parapet_chunked() }
      proxy_pass http://parapet_plain;
    }
`;
}
