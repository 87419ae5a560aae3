/**
 * The part of nginx.conf that speaks to origins. nginx pools kept connections by address alone, so one tenant could ride on a connection that was
 * opened and verified for another, or get what its origin had said there unasked. Therefore a fixed number of upstreams, the slots,
 * keep connections; the agent gives two identities that share an address different slots (`slots.ts`), and what finds no place goes through
 * an upstream that keeps none. Over plain HTTP slot 0 is `parapet_plain`, which costs nothing and is for the first site at an address.
 * A kept connection ends by itself in bounded time, which is how long an identity's place stays closed to others.
 */

/** Upstreams that keep connections over TLS. */
export const TLS_SLOTS = 64;
/** Upstreams that keep connections over plain HTTP, `parapet_plain` among them. */
export const PLAIN_SLOTS = 64;
/** Connections that each of them keeps, per worker. */
const SLOT_CONNECTIONS = 32;
const KEEPALIVE_SECONDS = 300;
const IDLE_SECONDS = 60;
/** Timers of nginx are late when a worker is busy. */
const LATE_SECONDS = 30;
/** No connection that was opened this long ago is used for another request. */
export const CONNECTION_MS_MAX = (KEEPALIVE_SECONDS + IDLE_SECONDS + LATE_SECONDS) * 1000;

/** What `parapet_plain` keeps; shared with the bench. */
export const PLAIN_KEEPALIVE = `    keepalive 256;
    keepalive_requests 10000;
    keepalive_time ${KEEPALIVE_SECONDS}s;
    keepalive_timeout ${IDLE_SECONDS}s;`;

/**
 * Every upstream that balances in Lua, and the fields of calls of gRPC: `originFields` are the lines of `proxy_set_header` that every request
 * to an origin has.
 */
export function renderUpstreams(originFields: readonly string[]): string {
  const slots = [
    ...Array.from({ length: PLAIN_SLOTS - 1 }, (_, n) => renderSlot("plain", n + 1)),
    ...Array.from({ length: TLS_SLOTS }, (_, n) => renderSlot("tls", n)),
  ];
  return `  upstream parapet_plain {
    server 0.0.0.1; # A placeholder: Lua names the address.
    balancer_by_lua_block { parapet_peer() }
${PLAIN_KEEPALIVE}
  }
  upstream parapet_plain_alone {
    server 0.0.0.1;
    balancer_by_lua_block { parapet_plain_peer() }
  }
  upstream parapet_tls_alone {
    server 0.0.0.1;
    balancer_by_lua_block { parapet_tls_peer() }
  }
  # Calls of gRPC are given no connection that a neighbour may have used.
  upstream parapet_grpc {
    server 0.0.0.1;
    balancer_by_lua_block { parapet_grpc_peer() }
  }
  upstream parapet_grpc_tls {
    server 0.0.0.1;
    balancer_by_lua_block { parapet_grpc_tls_peer() }
  }
${originFields
  .filter((line) => !/ (Connection|Upgrade) /.test(line))
  .map((line) => `${line.replace("proxy_set_header", "grpc_set_header")}\n`)
  .join("")}  grpc_socket_keepalive on;
  grpc_buffer_size 16k;
  grpc_next_upstream error timeout;
  grpc_next_upstream_tries 3;
  grpc_hide_header X-Request-Id;
${slots.join("")}`;
}

function renderSlot(kind: "plain" | "tls", slot: number): string {
  return `  upstream parapet_${kind}_${slot} {
    server 0.0.0.1;
    balancer_by_lua_block { parapet_${kind}_peer() }
    keepalive ${SLOT_CONNECTIONS};
    keepalive_requests 10000;
    keepalive_time ${KEEPALIVE_SECONDS}s;
    keepalive_timeout ${IDLE_SECONDS}s;
  }
`;
}

/** Variables of the way to an origin that Lua writes. Declared by `map`, since a `set` would run after Lua and wipe them. */
export const ORIGIN_MAPS = `  map "" $p_upstream { default parapet_tls_alone; }
  map "" $p_tls_name { default ""; }
  map "" $p_client_chain { default ""; }
  map "" $p_client_key { default ""; }
`;

/** Owners' rules for the fields that visitors get. Sites without any are not sent to \`@plain\`, so the plain way has no filter. */
const HEADER_FILTER = "      header_filter_by_lua_block { parapet_headers() }\n";

/** A request that had a place at its origin gives it back (edge/nginx/gate.ts). The plain way has no such line, and no places. */
export const LEFT = "      log_by_lua_block { parapet_left() }\n";
/** Where no other header filter does it: an answer that has begun, as streams give their place back then. */
const BEGUN = "      header_filter_by_lua_block { parapet_begun() }\n";

/** The locations that a request is sent to by \`takeWay\`: each server block that serves sites has them. */
export function renderOriginLocations(options: {
  readonly originCaFile: string;
  readonly chunkedBytes: readonly number[];
  /** Whether the server block hears HTTP/2, without which there is no gRPC: each strict location of it reads the authorities' bundle. */
  readonly grpc: boolean;
}): string {
  return `    location @plain {
${LEFT}${HEADER_FILTER}      proxy_pass http://parapet_plain;
    }
    # The plain way of a site to which far more requests come than usual: they take turns.
    location @gated {
${LEFT}${BEGUN}      proxy_pass http://parapet_plain;
    }
    location @settled {
      rewrite_by_lua_block { parapet_settled() }
${LEFT}${HEADER_FILTER}      proxy_pass http://$p_upstream;
    }
${renderTls("@tls", "strict", options.originCaFile)}${renderTls("@tls_unverified", "off", options.originCaFile)}${options.chunkedBytes
    .map((bytes) => `${renderChunked(bytes)}${options.grpc ? renderGrpc(bytes, options.originCaFile) : ""}`)
    .join("")}`;
}

/** Strict and unverified connections have locations of their own, since nginx takes no variable for that. */
function renderTls(name: string, verify: "strict" | "off", originCaFile: string): string {
  const verifying =
    verify === "strict"
      ? `proxy_ssl_verify on;
      proxy_ssl_verify_depth 4;
      proxy_ssl_trusted_certificate ${originCaFile};`
      : "proxy_ssl_verify off;";
  return `    location ${name} {
      rewrite_by_lua_block { parapet_tls("${verify}") }
${LEFT}${HEADER_FILTER}      proxy_pass https://$p_upstream;
      proxy_ssl_server_name on;
      proxy_ssl_name $p_tls_name;
      ${verifying}
      proxy_ssl_certificate $p_client_chain;
      proxy_ssl_certificate_key $p_client_key;
      proxy_ssl_session_reuse off;
      proxy_ssl_protocols TLSv1.2 TLSv1.3;
    }
`;
}

function renderChunked(bytes: number): string {
  return `    location @chunked_${bytes} {
      client_max_body_size ${bytes};
      rewrite_by_lua_block { parapet_chunked() }
${LEFT}${BEGUN}      proxy_pass http://parapet_plain;
    }
`;
}

/** A call may be silent for as long as its site lets its origin be. */
const GRPC_SILENT_SECONDS = 3600;

function renderGrpc(bytes: number, originCaFile: string): string {
  const location = (name: string, verify: "none" | "strict" | "off", pass: string): string =>
    `    location @${name}_${bytes} {
      client_max_body_size ${bytes};
      client_body_timeout ${GRPC_SILENT_SECONDS}s;
      rewrite_by_lua_block { parapet_grpc("${verify}") }
${HEADER_FILTER}${pass}    }
`;
  const tls = (verifying: string): string => `      grpc_pass grpcs://parapet_grpc_tls;
      grpc_ssl_server_name on;
      grpc_ssl_name $p_tls_name;
${verifying}      grpc_ssl_certificate $p_client_chain;
      grpc_ssl_certificate_key $p_client_key;
      grpc_ssl_session_reuse off;
      grpc_ssl_protocols TLSv1.2 TLSv1.3;
`;
  const strict = `      grpc_ssl_verify on;
      grpc_ssl_verify_depth 4;
      grpc_ssl_trusted_certificate ${originCaFile};
`;
  return [
    location("grpc", "none", "      grpc_pass grpc://parapet_grpc;\n"),
    location("grpc_tls", "strict", tls(strict)),
    location("grpc_tls_unverified", "off", tls("      grpc_ssl_verify off;\n")),
  ].join("");
}
