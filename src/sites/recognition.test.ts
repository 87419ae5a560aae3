import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import type { SiteId } from "../contract/ids.ts";
import { singleOrigin, type OriginPool } from "../contract/origin-pool.ts";
import { openTestDb } from "../store/testing.ts";
import { LOOKS_A_CHANGE_MAX, newTargets, openRecognition } from "./recognition.ts";

const SITE = "site_00000000000000000000000001" as SiteId;
const hostnames = ["a.example", "b.example"];
const base = singleOrigin("http", "192.0.2.1", 80);
const server = (host: string, port = 80): OriginPool["servers"][number] => ({
  host,
  port,
  weight: 1,
  backup: false,
});

test("only servers and names that requests did not go to before are looked at", () => {
  const two = { ...base, servers: [server("192.0.2.1"), server("192.0.2.2")] };
  const table: readonly [string, OriginPool, OriginPool, readonly string[]][] = [
    ["nothing changed", base, base, []],
    [
      "what leads nowhere else",
      base,
      { ...base, signed: true, readSeconds: 9, servers: [{ ...server("192.0.2.1"), weight: 7 }] },
      [],
    ],
    ["a server fewer", two, base, []],
    ["one more", base, two, ["1 192.0.2.2 a.example", "1 192.0.2.2 b.example"]],
    [
      "another port",
      base,
      { ...base, servers: [server("192.0.2.1", 81)] },
      ["0 192.0.2.1 a.example", "0 192.0.2.1 b.example"],
    ],
    [
      "another scheme",
      base,
      { ...base, scheme: "https" },
      ["0 192.0.2.1 a.example", "0 192.0.2.1 b.example"],
    ],
    [
      "another Host",
      two,
      { ...two, hostHeader: "c.example" },
      ["0 192.0.2.1 c.example", "1 192.0.2.2 c.example"],
    ],
    [
      "another name in TLS",
      base,
      { ...base, tls: { ...base.tls, name: "c.example" } },
      ["0 192.0.2.1 a.example", "0 192.0.2.1 b.example"],
    ],
    [
      "the visitor's Host again",
      { ...base, hostHeader: "c.example" },
      base,
      ["0 192.0.2.1 a.example", "0 192.0.2.1 b.example"],
    ],
  ];
  for (const [what, before, after, expected] of table) {
    const targets = newTargets({ siteId: SITE, hostnames, before, after });
    assert.deepEqual(
      targets.map(({ index, origin, hostname }) => `${index} ${origin.host} ${hostname}`),
      expected,
      what,
    );
  }
});

test("of more servers and names than are looked at, chance picks which", async () => {
  const t = await openTestDb();
  const asked = new Set<string>();
  const origin = createServer((request, response) => {
    if (request.url === "/") asked.add(request.headers.host ?? "");
    response.end("<title>Cakes</title>");
  });
  await new Promise<void>((resolve) => origin.listen(0, "127.0.0.1", resolve));
  const { port } = origin.address() as AddressInfo;
  const recognition = openRecognition({
    db: t.db,
    settings: { originPrivateRanges: ["127.0.0.0/8"], edgeListen: "127.0.0.1:1" },
    now: Date.now,
    random: randomBytes,
  });
  const names = Array.from({ length: 4 * LOOKS_A_CHANGE_MAX }, (_, i) => `n${i}.example`);
  const after = { ...base, servers: [server("127.0.0.1", port)] };
  const change = { siteId: SITE, hostnames: names, before: base, after };
  assert.equal(await recognition.atChange(change), null);
  const first = [...asked];
  assert.equal(first.length, LOOKS_A_CHANGE_MAX);
  assert.notDeepEqual(first.toSorted(), names.slice(0, LOOKS_A_CHANGE_MAX).toSorted());
  asked.clear();
  await recognition.atChange(change);
  assert.notDeepEqual([...asked].toSorted(), first.toSorted());
  origin.closeAllConnections();
  origin.close();
  await t.close();
});
