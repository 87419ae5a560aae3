/** Where origins' names lead: by the record's own time, and never into the operator's network, whatever DNS says a moment later. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { Addresses } from "../../src/node/addresses.ts";
import { createResolver, parseHosts } from "../../src/names/resolver.ts";
import { openDns, type DnsServer, type DnsTable } from "./dns-server.ts";
import { until } from "./edge-stage.ts";

const RANGES = ["127.0.0.0/8"];

function addressesOn(dns: DnsServer, clock: { now: number }, ranges = RANGES) {
  const refused: string[] = [];
  const changed: string[] = [];
  /** Look-ups that are over, by name. */
  const done = new Map<string, number>();
  const resolve = createResolver({ servers: [dns.address], hostsFile: "/nonexistent" });
  const addresses = new Addresses({
    resolve: async (host) => {
      try {
        return await resolve(host);
      } finally {
        done.set(host, (done.get(host) ?? 0) + 1);
      }
    },
    originPrivateRanges: ranges,
    listen: "127.0.0.1:8080",
    now: () => clock.now,
    onRefused: (why) => refused.push(why),
    onChange: (owners) => changed.push(...owners),
  });
  return { addresses, refused, changed, times: (host: string): number => done.get(host) ?? 0 };
}
const server = { host: "origin.example", port: 80 };

test("a name is asked again when its record's time is over, and not before; bounds hold both ways", async () => {
  const dns = await openDns({
    "origin.example": { a: ["127.0.0.5"], aaaa: ["2606:4700::1"], ttl: 60 },
    "hasty.example": { a: ["127.0.0.5"], ttl: 0 },
    "lazy.example": { a: ["127.0.0.5"], ttl: 1_000_000 },
  });
  const clock = { now: 1_000_000 };
  const { addresses, changed, times } = addressesOn(dns, clock);
  try {
    addresses.want("s", [server, { host: "hasty.example", port: 80 }, { host: "lazy.example", port: 80 }]);
    await addresses.resolveFresh("s");
    assert.deepEqual(addresses.of(server), ["127.0.0.5", "[2606:4700::1]"]);
    addresses.start();
    dns.table["origin.example"] = { a: ["127.0.0.6"], ttl: 60 };
    clock.now += 5_000;
    await until(() => times("hasty.example") === 2);
    assert.deepEqual([times("origin.example"), times("lazy.example")], [1, 1]);
    clock.now += 48_000; // 53 of 60 seconds; at most a tenth is given up.
    await until(() => times("hasty.example") === 3);
    assert.equal(times("origin.example"), 1);
    clock.now += 7_000;
    await until(() => times("origin.example") === 2 && changed.includes("s"));
    assert.deepEqual(addresses.of(server), ["127.0.0.6"]);
    clock.now += 3_600_000;
    await until(() => times("lazy.example") === 2);
  } finally {
    addresses.stop();
    await dns.end();
  }
});

const BAD: { a?: string[]; aaaa?: string[] }[] = [
  { a: ["127.0.0.1"] },
  { a: ["10.1.2.3"] },
  { a: ["172.16.0.1"] },
  { a: ["192.168.1.1"] },
  { a: ["169.254.169.254"] },
  { a: ["100.100.100.200"] },
  { a: ["168.63.129.16"] },
  { a: ["0.0.0.0"] },
  { a: ["224.0.0.1"] },
  { aaaa: ["::1"] },
  { aaaa: ["fe80::1"] },
  { aaaa: ["fd00:ec2::254"] },
  { aaaa: ["::ffff:10.0.0.1"] },
  { aaaa: ["64:ff9b::a00:1"] },
  { aaaa: ["2002:a00:1::"] },
];

test("a name that turns to the operator's network or to metadata leads nowhere from then on", async () => {
  const names = BAD.map((_, n) => ({ host: `n${n}.example`, port: 80 }));
  const dns = await openDns({});
  const all = (entry: (n: number) => DnsTable[string]): void =>
    names.forEach(({ host }, n) => (dns.table[host] = entry(n)));
  const good = { a: ["192.0.2.0", "8.8.8.8"], ttl: 5 };
  all(() => good);
  const clock = { now: 1_000_000 };
  const { addresses, refused, times } = addressesOn(dns, clock, []);
  const round = async (n: number): Promise<(readonly string[])[]> => {
    await until(() => names.every(({ host }) => times(host) === n));
    return names.map((server) => addresses.of(server));
  };
  try {
    addresses.want("s", names);
    await addresses.resolveFresh("s");
    const eights = BAD.map(() => ["8.8.8.8"]);
    assert.deepEqual(await round(1), eights, "a public address stays, a reserved one goes");
    addresses.start();
    all((n) => ({ ...BAD[n], ttl: 5 }));
    clock.now += 6_000;
    assert.deepEqual(
      await round(2),
      BAD.map(() => []),
    );
    all(() => good);
    clock.now += 6_000;
    assert.deepEqual(await round(3), eights);
    assert.equal(refused.length, 3 * BAD.length);
  } finally {
    addresses.stop();
    await dns.end();
  }
});

test("a resolver that fails keeps what was known, and what it says later counts", async () => {
  const dns = await openDns({ "origin.example": { a: ["127.0.0.5"], ttl: 5 } });
  const clock = { now: 1_000_000 };
  const { addresses, changed } = addressesOn(dns, clock);
  try {
    addresses.want("s", [server]);
    await addresses.resolveFresh("s");
    dns.table["origin.example"] = "failing";
    const before = dns.asked.get("origin.example") ?? 0;
    addresses.start();
    clock.now += 10_000;
    await until(() => (dns.asked.get("origin.example") ?? 0) > before);
    assert.deepEqual(addresses.of(server), ["127.0.0.5"]);
    dns.table["origin.example"] = { a: ["127.0.0.7"], ttl: 5 };
    await until(() => {
      clock.now += 60_000;
      return changed.length > 0;
    });
    assert.deepEqual(addresses.of(server), ["127.0.0.7"]);
  } finally {
    addresses.stop();
    await dns.end();
  }
});

test("two sites of one name share its look-ups, and the last one to leave takes it along", async () => {
  const dns = await openDns({ "origin.example": { a: ["127.0.0.5"], ttl: 60 } });
  const { addresses } = addressesOn(dns, { now: 0 });
  try {
    for (let n = 0; n < 50; n++) addresses.want(`s${n}`, [server]);
    await Promise.all(Array.from({ length: 50 }, (_, n) => addresses.resolveFresh(`s${n}`)));
    assert.equal(dns.asked.get("origin.example"), 1);
    for (let n = 0; n < 49; n++) addresses.want(`s${n}`, []);
    assert.deepEqual(addresses.of(server), ["127.0.0.5"]);
    addresses.want("s49", []);
    assert.deepEqual(addresses.of(server), []);
  } finally {
    await dns.end();
  }
});

test("the hosts file comes before DNS, a changed one at once", async () => {
  const dns = await openDns({ "origin.example": { a: ["127.0.0.5"], ttl: 60 } });
  const dir = mkdtempSync(join(tmpdir(), "parapet-hosts-"));
  const hostsFile = join(dir, "hosts");
  writeFileSync(hostsFile, "192.0.2.9\tother.example Origin.Example # comment\nnonsense line\n::1 ip6\n");
  const resolve = createResolver({ servers: [dns.address], hostsFile });
  try {
    assert.deepEqual((await resolve("ORIGIN.example.")).addresses, ["192.0.2.9"]);
    writeFileSync(hostsFile, "# nothing\n");
    assert.deepEqual(await resolve("origin.example"), { addresses: ["127.0.0.5"], ttlSeconds: 60 });
    assert.deepEqual((await resolve("nobody.example")).addresses, []);
    assert.ok((await resolve("localhost")).addresses.length > 0, "the machine knows itself");
  } finally {
    rmSync(dir, { recursive: true });
    await dns.end();
  }
});

test("whatever stands in a hosts file, only addresses come out of it", () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 300 }), (text) => {
      for (const [name, addresses] of parseHosts(text)) {
        assert.ok(name.length > 0 && !/\s/.test(name));
        for (const address of addresses) assert.match(address, /^[0-9a-fA-F.:%a-z]+$/);
      }
    }),
  );
});
