/**
 * The two sides of the path bench and the origin behind both. "Bare" is the nginx.conf that a careful operator would write by hand for one
 * site: the same buffers, timeouts, keepalive, header fields to the origin and JSON access log as the edge (they come from the same function),
 * and a static upstream. What is left as difference is Parapet itself: site lookup, measures, limit and choice of the address in Lua.
 */
import { KEEPALIVE, renderCommon } from "../src/node/nginx-conf.ts";

export type BareOptions = {
  readonly listen: string;
  readonly originPort: number;
  readonly folder: string;
  readonly workers: number;
  readonly user: string | null;
  readonly cdnId: string;
};

export function renderBare(options: BareOptions): string {
  return `${options.user === null ? "" : `user ${options.user};\n`}daemon off;
worker_processes ${options.workers};
pid ${options.folder}/nginx.pid;
error_log ${options.folder}/error.log notice;
events { worker_connections 8192; }
http {
${renderCommon({
  stateDir: options.folder,
  spoolDir: options.folder,
  originConnectSeconds: 5,
  originReadSeconds: 60,
  accessLog: true,
  requestId: "$request_id",
})}
  map "" $p_site { default "site_00000000000000000000000000"; }
  map "" $p_reason { default ""; }
  map "" $p_host_override { default ""; }
  map $http_cdn_loop $p_cdn_loop { "" ${options.cdnId}; default "$http_cdn_loop, ${options.cdnId}"; }
  upstream origin {
    server 127.0.0.1:${options.originPort};
${KEEPALIVE}
  }
  server {
    listen ${options.listen} default_server backlog=4096;
    server_name bench.example;
    max_headers 100;
    location / { proxy_pass http://origin; }
  }
}
`;
}

/** An origin that costs as little as can be: nginx answering a small fixed page. */
export function renderOrigin(options: { readonly folder: string; readonly port: number }): string {
  return `daemon off;
worker_processes 1;
pid ${options.folder}/nginx.pid;
error_log ${options.folder}/error.log warn;
events { worker_connections 8192; }
http {
  access_log off;
  keepalive_requests 1000000;
  client_body_temp_path ${options.folder}/a;
  proxy_temp_path ${options.folder}/b;
  fastcgi_temp_path ${options.folder}/c;
  uwsgi_temp_path ${options.folder}/d;
  scgi_temp_path ${options.folder}/e;
  server {
    listen 127.0.0.1:${options.port};
    location / { default_type text/html; return 200 "<!doctype html><title>bench</title><p>A small page, as an origin would send it.</p>"; }
  }
}
`;
}
