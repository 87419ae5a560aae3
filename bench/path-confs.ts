/**
 * Bare nginx in its three parts (proxied, cached, TLS) and the origin behind everything. "Bare" is the nginx.conf that a careful operator would
 * write by hand for one site: the same buffers, timeouts, keepalive, header fields to the origin and JSON access log as the edge (they come from the
 * same function), nginx's own $request_id, a static upstream, a plain proxy_cache, a static certificate. What is left as difference is
 * Parapet itself. `requestId` can be left out of both log and fields, for readers who would not have one.
 */
import { renderTls } from "../src/node/conf-tls.ts";
import { PLAIN_KEEPALIVE } from "../src/node/conf-origins.ts";
import { renderCommon } from "../src/node/nginx-conf.ts";

export type BareOptions = {
  readonly listen: string;
  readonly listenTls: string;
  readonly certFile: string;
  readonly keyFile: string;
  readonly originPort: number;
  readonly folder: string;
  readonly workers: number;
  readonly user: string | null;
  readonly cdnId: string;
  readonly withRequestId: boolean;
};

export function renderBare(options: BareOptions): string {
  const common = renderCommon({
    stateDir: options.folder,
    spoolDir: options.folder,
    originConnectSeconds: 5,
    originReadSeconds: 60,
    accessLog: true,
    requestId: "$request_id",
  });
  const tls = renderTls({
    listen: options.listenTls,
    placeholderCertFile: options.certFile,
    placeholderKeyFile: options.keyFile,
    ticketKeyFiles: [],
    ticketSeconds: 86_400,
  })
    .replace(/ *ssl_certificate_by_lua_block .*\n/, "")
    .replace(/\$p_hsts/g, '""')
    .replaceAll("$p_request", "$request_id");
  const locations = `    location / { proxy_pass http://origin; }
    location /assets/ {
      proxy_pass http://origin;
      proxy_cache kept;
      proxy_cache_lock on;
      proxy_cache_use_stale error timeout updating;
      proxy_cache_background_update on;
    }
`;
  return `${options.user === null ? "" : `user ${options.user};\n`}daemon off;
worker_processes ${options.workers};
pid ${options.folder}/nginx.pid;
error_log ${options.folder}/error.log notice;
events { worker_connections 16384; }
http {
${options.withRequestId ? common : common.replaceAll("$request_id", "-")}
  map "" $p_site { default "site_00000000000000000000000000"; }
  map "" $p_reason { default ""; }
  map "" $p_rules { default ""; }
  map "" $p_host_override { default ""; }
  map $http_cdn_loop $p_cdn_loop { "" ${options.cdnId}; default "$http_cdn_loop, ${options.cdnId}"; }
  proxy_cache_path ${options.folder}/cache levels=1:2 keys_zone=kept:64m max_size=10g inactive=7d use_temp_path=off;
  upstream origin {
    server 127.0.0.1:${options.originPort};
${PLAIN_KEEPALIVE}
  }
  server {
    listen ${options.listen} default_server backlog=4096;
    server_name bench.example;
    max_headers 100;
${locations}  }
  server {
${tls}    server_name bench.example;
    max_headers 100;
${locations}  }
}
`;
}

/** An origin that costs as little as can be: nginx answering a small fixed page, and a stylesheet that may be kept. */
export function renderOrigin(options: { readonly folder: string; readonly port: number }): string {
  return `daemon off;
worker_processes 1;
pid ${options.folder}/nginx.pid;
error_log ${options.folder}/error.log warn;
events { worker_connections 16384; }
http {
  access_log off;
  keepalive_requests 1000000;
  client_body_temp_path ${options.folder}/a;
  proxy_temp_path ${options.folder}/b;
  fastcgi_temp_path ${options.folder}/c;
  uwsgi_temp_path ${options.folder}/d;
  scgi_temp_path ${options.folder}/e;
  server {
    listen ${options.port} backlog=4096; # On every loopback address: each of many sites has one of its own.
    location / { default_type text/html; return 200 "<!doctype html><title>bench</title><p>A small page, as an origin would send it.</p>"; }
    location /assets/ {
      default_type text/css;
      add_header Cache-Control "public, max-age=3600";
      add_header ETag '"one"';
      return 200 "${"body { margin: 0; } /* a line of a stylesheet as they are */ ".repeat(60)}";
    }
  }
}
`;
}
