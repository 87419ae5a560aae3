/**
 * What the flood bench compares with, as Debian ships it: bare nginx, nginx with limit_req, and HAProxy with stick tables, before the same origin and with as many
 * workers as the edge. Their limits are what a careful operator of such a site would write who has seen its visitors and no flood yet:
 *
 * - A browser opens a page with six files at once and reads for seconds; a school behind one address is ten such people. So 10 requests a second for each
 *   address with a burst of 60 on top lets every visitor of the bench through, and is about as low as one dares to go.
 * - Nobody logs in often: 10 a minute for each address, with a burst of 5.
 * - More than 30 connections from one address are refused.
 * - HAProxy hands the origin no more at once than it has workers for and queues the rest for up to five seconds, which nginx as Debian ships it
 *   cannot; that is its great strength here, and it is used.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { LOGIN_PATH, ORIGIN_WORKERS } from "./flood-site.ts";

export const FLOOD_RIVALS = ["nginx", "nginx-limit-req", "haproxy"] as const;
export type FloodRival = (typeof FLOOD_RIVALS)[number];

export type FloodRivalOptions = {
  readonly folder: string;
  readonly port: number;
  readonly originPort: number;
  readonly workers: number;
};

export function startFloodRival(rival: FloodRival, options: FloodRivalOptions): ChildProcess {
  mkdirSync(options.folder, { recursive: true });
  if (rival === "haproxy") {
    const file = join(options.folder, "haproxy.cfg");
    writeFileSync(file, renderHaproxy(options));
    return spawn("/usr/sbin/haproxy", ["-db", "-f", file], { stdio: "ignore" });
  }
  const file = join(options.folder, "nginx.conf");
  writeFileSync(file, renderNginx({ ...options, limits: rival === "nginx-limit-req" }));
  return spawn("/usr/sbin/nginx", ["-p", options.folder, "-c", file], { stdio: "ignore" });
}

function renderNginx(options: FloodRivalOptions & { readonly limits: boolean }): string {
  const { folder, limits } = options;
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (name) => `  ${name}_temp_path ${folder}/${name};\n`,
  );
  return `${process.getuid?.() === 0 ? "user www-data;\n" : ""}daemon off;
worker_processes ${options.workers};
pid ${folder}/nginx.pid;
error_log ${folder}/error.log crit;
events { worker_connections 16384; }
http {
${temporary.join("")}  access_log ${folder}/access.log combined buffer=64k flush=1s;
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  proxy_set_header Host $http_host;
  proxy_set_header X-Real-IP $remote_addr;
  proxy_read_timeout 60s;
  proxy_cache_path ${folder}/cache levels=1:2 keys_zone=kept:16m max_size=1g use_temp_path=off;
${limits ? LIMIT_ZONES : ""}  upstream origin { server 127.0.0.1:${options.originPort}; keepalive 64; }
  server {
    listen 127.0.0.1:${options.port} backlog=4096;
${limits ? "    limit_conn open 30;\n    limit_req zone=clients burst=60 nodelay;\n" : ""}    location / { proxy_pass http://origin; }
    location = ${LOGIN_PATH} {
${limits ? "      limit_req zone=logins burst=5 nodelay;\n" : ""}      proxy_pass http://origin;
    }
    location ~ ^/(assets|images)/ {
      proxy_pass http://origin;
      proxy_cache kept;
      proxy_cache_lock on;
      proxy_cache_use_stale error timeout updating http_503;
    }
  }
}
`;
}

const LIMIT_ZONES = `  limit_req_zone $binary_remote_addr zone=clients:16m rate=10r/s;
  limit_req_zone $binary_remote_addr zone=logins:16m rate=10r/m;
  limit_conn_zone $binary_remote_addr zone=open:16m;
  limit_req_status 429;
  limit_conn_status 429;
`;

function renderHaproxy(options: FloodRivalOptions): string {
  return `global
  nbthread ${options.workers}
  maxconn 8192
defaults
  mode http
  timeout connect 5s
  timeout client 75s
  timeout http-request 10s
  timeout http-keep-alive 75s
  timeout server 60s
  timeout queue 5s
  http-reuse always
cache kept
  total-max-size 64
  max-object-size 100000
  max-age 3600
frontend visitors
  bind 127.0.0.1:${options.port}
  http-request set-header X-Real-IP %[src]
  stick-table type ip size 200k expire 60s store http_req_rate(10s),conn_cur
  http-request track-sc0 src
  http-request deny deny_status 429 if { sc0_http_req_rate gt 160 }
  http-request deny deny_status 429 if { sc0_conn_cur gt 30 }
  acl is_login path ${LOGIN_PATH}
  http-request track-sc1 src table logins if is_login METH_POST
  http-request deny deny_status 429 if is_login METH_POST { sc1_http_req_rate(logins) gt 10 }
  default_backend origin
backend logins
  stick-table type ip size 200k expire 120s store http_req_rate(60s)
backend origin
  http-request cache-use kept
  http-response cache-store kept
  server one 127.0.0.1:${options.originPort} maxconn ${ORIGIN_WORKERS + 5} pool-max-conn 64
`;
}
