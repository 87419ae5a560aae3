/**
 * HAProxy, Varnish and Caddy as Debian ships them, beside the edge: each with one thread of work, the same origin, the same load, and its log
 * where it writes one by itself (Varnish does not). HAProxy caches small objects in memory, Varnish in memory, Debian's Caddy not at all. They are
 * measured so that a reader can compare; each does less than the edge, and each does some of it better.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { mkdirSync, openSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export type Rival = {
  readonly name: "haproxy" | "varnish" | "caddy";
  readonly port: number;
  readonly child: ChildProcess;
  readonly caches: boolean;
};

export type RivalOptions = {
  readonly folder: string;
  readonly port: number;
  readonly originPort: number;
  /** Whether answers are kept. */
  readonly cached: boolean;
};

export function startHaproxy(options: RivalOptions): Rival {
  const { folder } = options;
  mkdirSync(folder, { recursive: true });
  const cacheUse = options.cached ? "  http-request cache-use kept\n  http-response cache-store kept\n" : "";
  writeFileSync(
    join(folder, "haproxy.cfg"),
    `global
  nbthread 1
  maxconn 8192
  log stdout format raw local0
defaults
  mode http
  log global
  option httplog
  timeout connect 5s
  timeout client 75s
  timeout server 60s
  http-reuse always
cache kept
  total-max-size 64
  max-object-size 1000000
  max-age 3600
frontend visitors
  bind 127.0.0.1:${options.port}
  option forwardfor
  unique-id-format %{+X}o\\ %ci:%cp_%fi:%fp_%Ts_%rt:%pid
  unique-id-header X-Request-Id
  default_backend origin
backend origin
${cacheUse}  server one 127.0.0.1:${options.originPort} pool-max-conn 256
`,
  );
  const log = openSync(join(folder, "access.log"), "w");
  const child = spawn("/usr/sbin/haproxy", ["-db", "-f", join(folder, "haproxy.cfg")], {
    stdio: ["ignore", log, "ignore"],
  });
  return { name: "haproxy", port: options.port, child, caches: true };
}

export function startVarnish(options: RivalOptions): Rival {
  const { folder } = options;
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    join(folder, "bench.vcl"),
    `vcl 4.1;
backend origin { .host = "127.0.0.1"; .port = "${options.originPort}"; }
sub vcl_recv { ${options.cached ? "return (hash);" : "return (pass);"} }
`,
  );
  const child = spawn(
    "/usr/sbin/varnishd",
    [
      "-F",
      "-n",
      join(folder, "work"),
      "-f",
      join(folder, "bench.vcl"),
      "-a",
      `127.0.0.1:${options.port}`,
      "-s",
      "malloc,256m",
      "-j",
      "none",
    ],
    { stdio: "ignore" },
  );
  return { name: "varnish", port: options.port, child, caches: true };
}

export function startCaddy(options: RivalOptions): Rival {
  const { folder } = options;
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    join(folder, "Caddyfile"),
    `{
  admin off
  auto_https off
}
http://:${options.port} {
  bind 127.0.0.1
  log {
    output file ${join(folder, "access.log")}
  }
  reverse_proxy 127.0.0.1:${options.originPort} {
    transport http {
      keepalive_idle_conns_per_host 256
    }
  }
}
`,
  );
  const child = spawn(
    "/usr/bin/caddy",
    ["run", "--config", join(folder, "Caddyfile"), "--adapter", "caddyfile"],
    {
      stdio: "ignore",
      env: { ...process.env, GOMAXPROCS: "1", HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder },
    },
  );
  return { name: "caddy", port: options.port, child, caches: false };
}
