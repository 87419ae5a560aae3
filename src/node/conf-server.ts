/**
 * The server blocks that visitors talk to: one for plain connections and one for TLS. Both have the same locations and pages, so that a
 * request finds the same edge whichever way it comes. They differ in how they listen and in the variable that ADMIT looks a request up by.
 */
import { bannedPage } from "../contract/banned-page.ts";
import { CHALLENGE_CSP, PAGE_CSP } from "../contract/page-csp.ts";
import { CHALLENGE_PATH } from "../contract/protection.ts";
import { renderCachedLocations, type CacheConfOptions } from "./conf-cache.ts";
import { LEFT, renderOriginLocations } from "./conf-origins.ts";
import { renderTls, type TlsConfOptions } from "./conf-tls.ts";

export type ServersOptions = {
  /** "HOST:PORT". */
  readonly listen: string;
  /** Null: nobody is served over TLS. */
  readonly tls: TlsConfOptions | null;
  readonly originCaFile: string;
  readonly cache: CacheConfOptions;
  readonly headerLinesMax: number;
  readonly chunkedBytes: readonly number[];
};

export function renderServers(options: ServersOptions): string {
  const plain = renderServer(options, {
    head: `    listen ${options.listen} default_server backlog=4096;\n`,
    admit: `parapet_admit("p_key", false)`,
    tls: false,
    unreadable: "400 405 411 417 421",
  });
  if (options.tls === null) return plain;
  // 497: a plain request came to the listener for TLS.
  const tls = renderServer(options, {
    head: renderTls(options.tls),
    admit: `parapet_admit("p_tls_key", true)`,
    tls: true,
    unreadable: "400 405 411 417 421 497",
  });
  return `${plain}\n${tls}`;
}

/** Answers to crowds, sent by nginx alone. */
function renderRefusals(tls: boolean): string {
  const page = `      internal;
      default_type "text/html; charset=utf-8";
      add_header X-Request-Id $p_request always;
${tls ? "      add_header Strict-Transport-Security $p_hsts always;\n" : ""}      add_header Cache-Control no-store always;
      add_header Vary "Accept, Accept-Language" always;
      add_header Content-Security-Policy "${PAGE_CSP}" always;
      add_header X-Content-Type-Options nosniff always;
      add_header Referrer-Policy no-referrer always;`;
  const banned = `      internal;
      default_type "text/html; charset=utf-8";
      add_header Cache-Control no-store always;
      add_header Content-Security-Policy "${PAGE_CSP}" always;`;
  return `    location @banned {
${banned}
      access_log off;
      return 403 "${bannedPage("")}";
    }
    location @banned_and_logged {
${banned}
      add_header X-Request-Id $p_request always;
      return 403 "${bannedPage("$p_request")}";
    }
    location @over_limit {
${page}
      return 429 "$p_page_before$p_request$p_page_after";
    }
    location @kept_out {
${page}
      return 403 "$p_page_before$p_request$p_page_after";
    }
`;
}

/** The page of a challenge, and the place that takes proofs. */
function renderChallenges(tls: boolean): string {
  const fields = `      add_header X-Request-Id $p_request always;
${tls ? "      add_header Strict-Transport-Security $p_hsts always;\n" : ""}      add_header X-Content-Type-Options nosniff always;
      add_header Referrer-Policy same-origin always;`;
  return `    location @challenged {
      internal;
      default_type "text/html; charset=utf-8";
${fields}
      add_header Cache-Control no-store always;
      add_header Vary "Accept, Accept-Language, Cookie" always;
      add_header Content-Security-Policy "${CHALLENGE_CSP}" always;
      return 403 "$p_page_before$p_challenge\\"><input type=\\"hidden\\" name=\\"target\\" value=\\"$p_challenge_target$p_page_middle$p_request$p_page_after";
    }
    location @challenge_brought {
      internal;
      client_max_body_size 8k;
      client_body_buffer_size 8k;
      client_body_timeout 10s;
${fields}
      content_by_lua_block { parapet_challenge_brought() }
    }
    location = ${CHALLENGE_PATH} {
${fields}
      content_by_lua_block { parapet_challenge_path() }
    }
`;
}

function renderServer(
  options: ServersOptions,
  own: { readonly head: string; readonly admit: string; readonly unreadable: string; readonly tls: boolean },
): string {
  return `  server {
${own.head}    server_name "";
    max_headers ${options.headerLinesMax};
    server_rewrite_by_lua_block { ${own.admit} }
    recursive_error_pages on;
    # To a path where the request may be too broken to have one, to a name where its method shall stay.
    error_page ${own.unreadable} =400 /.parapet/error;
    error_page 414 431 494 =431 /.parapet/error;
    error_page 413 500 502 503 504 @error;
    error_page 501 505 =400 /.parapet/error;

    location / {
      proxy_pass http://parapet_plain;
    }
${renderCachedLocations(options.cache, own.tls)}${renderOriginLocations({ originCaFile: options.originCaFile, chunkedBytes: options.chunkedBytes, grpc: own.tls })}    location = /.parapet/error {
      internal;
${LEFT}      content_by_lua_block { parapet_error() }
    }
    location @error {
      internal;
${LEFT}      content_by_lua_block { parapet_error() }
    }
${renderRefusals(own.tls)}${renderChallenges(own.tls)}  }
`;
}
