/**
 * The part of nginx.conf that speaks to origins. nginx pools kept connections by address alone, so one tenant could ride on a connection that was
 * opened and verified for another. Therefore a fixed number of upstreams, the slots, keep connections over TLS; the agent gives two
 * identities that share an address different slots (`slots.ts`), and what finds no place goes through an upstream that keeps none. A
 * kept connection ends by itself in bounded time, which is how long an identity's place stays closed to others.
 */

/** Upstreams that keep connections over TLS. */
export const TLS_SLOTS = 64;
/** Connections that each of them keeps, per worker. */
const TLS_SLOT_CONNECTIONS = 32;
const TLS_KEEPALIVE_SECONDS = 300;
const TLS_IDLE_SECONDS = 60;
/** Timers of nginx are late when a worker is busy. */
const TLS_LATE_SECONDS = 30;
/** No connection that was opened this long ago is used for another request. */
export const TLS_CONNECTION_MS_MAX = (TLS_KEEPALIVE_SECONDS + TLS_IDLE_SECONDS + TLS_LATE_SECONDS) * 1000;

/**
 * Every upstream that balances in Lua, and the fields of calls of gRPC: `originFields` are the lines of `proxy_set_header` that every request
 * to an origin has. `plainKeepalive` is shared with the bench.
 */
export function renderUpstreams(plainKeepalive: string, originFields: readonly string[]): string {
  const slots = Array.from(
    { length: TLS_SLOTS },
    (_, slot) => `  upstream parapet_tls_${slot} {
    server 0.0.0.1;
    balancer_by_lua_block { parapet_tls_peer() }
    keepalive ${TLS_SLOT_CONNECTIONS};
    keepalive_requests 10000;
    keepalive_time ${TLS_KEEPALIVE_SECONDS}s;
    keepalive_timeout ${TLS_IDLE_SECONDS}s;
  }
`,
  );
  return `  upstream parapet_plain {
    server 0.0.0.1; # A placeholder: Lua names the address.
    balancer_by_lua_block { parapet_peer() }
${plainKeepalive}
  }
  upstream parapet_tls_alone {
    server 0.0.0.1;
    balancer_by_lua_block { parapet_tls_peer() }
  }
  upstream parapet_grpc {
    server 0.0.0.1;
    balancer_by_lua_block { parapet_grpc_peer() }
${plainKeepalive}
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

/** Variables of the way to an origin that Lua writes. Declared by `map`, since a `set` would run after Lua and wipe them. */
export const ORIGIN_MAPS = `  map "" $p_upstream { default parapet_tls_alone; }
  map "" $p_tls_name { default ""; }
  map "" $p_client_chain { default ""; }
  map "" $p_client_key { default ""; }
`;

/** Owners' rules for the fields that visitors get. Sites without any are not sent to \`@plain\`, so the plain way has no filter. */
const HEADER_FILTER = "      header_filter_by_lua_block { parapet_headers() }\n";

/** The locations that a request is sent to by \`takeWay\`: each server block that serves sites has them. */
export function renderOriginLocations(options: {
  readonly originCaFile: string;
  readonly chunkedBytes: readonly number[];
}): string {
  return `    location @plain {
${HEADER_FILTER}      proxy_pass http://parapet_plain;
    }
    location @signed {
      rewrite_by_lua_block { parapet_signed() }
${HEADER_FILTER}      proxy_pass http://parapet_plain;
    }
${renderTls("@tls", "strict", options.originCaFile)}${renderTls("@tls_unverified", "off", options.originCaFile)}${options.chunkedBytes
    .map((bytes) => `${renderChunked(bytes)}${renderGrpc(bytes, options.originCaFile)}`)
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
${HEADER_FILTER}      proxy_pass https://$p_upstream;
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
      proxy_pass http://parapet_plain;
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
