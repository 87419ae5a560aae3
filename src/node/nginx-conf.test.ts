import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { NO_GEO_DATABASE } from "./geo-database.ts";
import { renderNginxConf, type NginxConfOptions } from "./nginx-conf.ts";

const GOLDEN = fileURLToPath(new URL("../../test/vectors/edge/nginx.conf", import.meta.url));
const OPTIONS: NginxConfOptions = {
  listen: "127.0.0.1:8080",
  tls: {
    listen: "127.0.0.1:8443",
    placeholderCertFile: "/data/edge/tls/placeholder.pem",
    placeholderKeyFile: "/data/edge/tls/placeholder.key",
    ticketKeyFiles: ["/data/edge/tls/ticket-0.key", "/data/edge/tls/ticket-1.key"],
    ticketSeconds: 43_200,
  },
  workers: 2,
  stateDir: "/data/edge",
  runDir: "/data/edge/run",
  spoolDir: "/data/edge/spool",
  edgeLuaDir: "/build/edge",
  modulesDir: "/usr/lib/nginx/modules",
  user: null,
  cdnId: "parapet-0123456789abcdef",
  originCaFile: "/etc/ssl/certs/ca-certificates.crt",
  originConnectSeconds: 5,
  originReadSeconds: 60,
  accessLog: true,
  cacheDir: "/var/tmp/parapet-cache-AbCdEf",
  cacheBytesMax: 1024 * 1024 * 1024,
  fetchSocket: "/var/lib/parapet/edge/run/fetch.sock",
  geo: { country: NO_GEO_DATABASE, asn: NO_GEO_DATABASE },
  everyHead: true,
  connectionsPerWorker: 16_384,
  filesPerWorker: 24_576,
  allowNetworks: ["192.0.2.0/24", "2001:db8::/32"],
};

test("nginx.conf is what it was; to accept a change on purpose, run with PARAPET_GOLDEN=write", () => {
  const conf = renderNginxConf(OPTIONS);
  if (process.env["PARAPET_GOLDEN"] === "write") writeFileSync(GOLDEN, conf);
  assert.ok(existsSync(GOLDEN));
  assert.equal(conf, readFileSync(GOLDEN, "utf8"));
});

test("only root names a user for the workers", () => {
  assert.ok(!renderNginxConf(OPTIONS).includes("\nuser "));
  assert.ok(renderNginxConf({ ...OPTIONS, user: "www-data" }).includes("\nuser www-data;\n"));
});

test("a folder cannot smuggle directives into nginx.conf", () => {
  for (const path of [
    "/data/a b",
    "/data/x;y",
    '/data/"',
    "/data/{",
    "data",
    "/data/\n",
    "/data/$host",
    "/data/#",
  ]) {
    for (const name of ["stateDir", "runDir", "spoolDir", "edgeLuaDir", "originCaFile"] as const) {
      assert.throws(() => renderNginxConf({ ...OPTIONS, [name]: path }), /plainer folder/, `${name} ${path}`);
    }
  }
});
