/**
 * How the edge speaks TLS: Mozilla's "intermediate" profile (guidelines 5.7), for every browser of the last ten years, without the DHE suites, which
 * cost the edge more than a client and serve none of them. The certificate named here is never shown: each handshake gets its own by SNI, or
 * ends. Sessions live in tickets alone, which every node of the fleet can read (`ticket-keys.ts`), so no memory has to be shared for them.
 */

export type TlsConfOptions = {
  /** "HOST:PORT". */
  readonly listen: string;
  /** nginx does not start without a certificate. */
  readonly placeholderCertFile: string;
  readonly placeholderKeyFile: string;
  /** The first one makes tickets, all of them open tickets. None: nginx draws a key for each start and reload. */
  readonly ticketKeyFiles: readonly string[];
  /** For how long a ticket is good. */
  readonly ticketSeconds: number;
};

const CIPHERS = [
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES128-GCM-SHA256",
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-CHACHA20-POLY1305",
  "ECDHE-RSA-CHACHA20-POLY1305",
];

/** How many streams a connection may have open at once: started ones are counted by ADMIT. */
const STREAMS_MAX = 64;

/** The head of the server block for TLS. Field lists that nginx does not inherit once a block has its own are repeated. */
export function renderTls(options: TlsConfOptions): string {
  const tickets = options.ticketKeyFiles.map((file) => `    ssl_session_ticket_key ${file};\n`).join("");
  return `    listen ${options.listen} ssl http2 default_server backlog=4096;
    ssl_certificate ${options.placeholderCertFile};
    ssl_certificate_key ${options.placeholderKeyFile};
    ssl_certificate_by_lua_block { parapet_certificate() }
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_ciphers ${CIPHERS.join(":")};
    ssl_prefer_server_ciphers off;
    ssl_ecdh_curve X25519:prime256v1:secp384r1;
    ssl_session_cache none;
    ssl_session_tickets on;
    ssl_session_timeout ${options.ticketSeconds}s;
${tickets}    ssl_early_data off;
    http2_max_concurrent_streams ${STREAMS_MAX};
    proxy_hide_header X-Request-Id;
    proxy_hide_header Strict-Transport-Security;
    add_header X-Request-Id $p_request always;
    add_header Strict-Transport-Security $p_hsts always;
`;
}

/** An origin's own Strict-Transport-Security stands unless the site sets one. Declared by `map`, since a `set` would run after Lua and wipe it. */
export const TLS_MAPS = `  map "" $p_hsts { default $upstream_http_strict_transport_security; }
  map "" $p_tls_key { default "/$ssl_server_name $host $http_host $http_connection $http_content_length$http_transfer_encoding$http_cdn_loop"; }
`;
