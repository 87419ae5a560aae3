import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Reader } from "mmdb-lib";
import { writeMmdb } from "../../test/mmdb-writer.ts";
import { fieldOf, NO_GEO_DATABASE, takeGeoDatabases, type GeoDatabase } from "./geo-database.ts";

const COUNTRIES = writeMmdb("Test-Country", [
  { network: "127.1.0.0/16", value: { country: { iso_code: "FR", names: { en: "France" } } } },
  { network: "127.2.0.0/15", value: { country: { iso_code: "DE" } } },
  { network: "2001:db8::/32", value: { country: { iso_code: "CA" } } },
  { network: "10.0.0.0/8", value: { country: { iso_code: "NL" } } },
]);
const ASNS = writeMmdb("Test-ASN", [
  {
    network: "10.0.0.0/8",
    value: { autonomous_system_number: 4_200_000_000, autonomous_system_organization: "x" },
  },
]);

test("the writer of these tests writes what an independent reader reads", () => {
  const reader = new Reader(COUNTRIES) as unknown as {
    get(address: string): { country: { iso_code: string } } | null;
  };
  const table: [string, string | undefined][] = [
    ["127.1.2.3", "FR"],
    ["127.3.0.1", "DE"],
    ["127.4.0.1", undefined],
    ["2001:db8::7", "CA"],
    ["2001:db9::7", undefined],
  ];
  for (const [address, code] of table) assert.equal(reader.get(address)?.country.iso_code, code, address);
});

test("fields are found where the makers of such files put them", () => {
  const one = (value: Parameters<typeof writeMmdb>[1][number]["value"]): Buffer =>
    writeMmdb("T", [{ network: "20.0.0.0/8", value }]);
  assert.deepEqual(fieldOf("country", COUNTRIES), ["country", "iso_code"]);
  assert.deepEqual(fieldOf("country", one({ country_code: "FR" })), ["country_code"]);
  assert.deepEqual(fieldOf("country", one({ country: "FR" })), ["country"]);
  assert.deepEqual(fieldOf("asn", ASNS), ["autonomous_system_number"]);
  for (const value of [{ country: "France" }, { country: { iso_code: "fr" } }, {}, "FR"]) {
    assert.throws(() => fieldOf("country", one(value)), /knows no countries/);
  }
  assert.throws(() => fieldOf("asn", COUNTRIES), /knows no autonomous systems/);
});

test("a whole file is copied for nginx; a broken one is an alarm, and its feature is off", async () => {
  const folder = mkdtempSync(join(tmpdir(), "parapet-geo-"));
  const alarms: string[] = [];
  const take = (
    countryDatabase: string,
    asnDatabase = "",
  ): Promise<{ country: GeoDatabase; asn: GeoDatabase }> => {
    alarms.length = 0;
    return takeGeoDatabases({
      countryDatabase,
      asnDatabase,
      stateDir: folder,
      modulesDir: "/usr/lib/nginx/modules",
      nginxBin: "/usr/sbin/nginx",
      onAlarm: (code, what) => alarms.push(`${code}: ${what}`),
    });
  };
  const [good, asn, bad] = [join(folder, "good.mmdb"), join(folder, "asn.mmdb"), join(folder, "bad.mmdb")];
  writeFileSync(good, COUNTRIES);
  writeFileSync(asn, ASNS);
  const taken = await take(good, asn);
  assert.deepEqual(alarms, []);
  assert.deepEqual([taken.country.field, taken.asn.field], ["country iso_code", "autonomous_system_number"]);
  truncateSync(good, 10); // What the operator does to their file does not reach the copy.
  assert.ok(existsSync(taken.country.file) && taken.country.file.startsWith(folder));
  const broken: [string, Buffer | null][] = [
    ["missing", null],
    ["empty", Buffer.alloc(0)],
    ["noise", Buffer.from("x".repeat(5000))],
    ["cut at its end", COUNTRIES.subarray(0, COUNTRIES.length - 60)],
    ["cut in its middle", Buffer.concat([COUNTRIES.subarray(0, 60), COUNTRIES.subarray(-200)])],
    ["of another kind", ASNS],
  ];
  for (const [what, bytes] of broken) {
    rmSync(bad, { force: true });
    if (bytes !== null) writeFileSync(bad, bytes);
    const { country } = await take(bad);
    assert.deepEqual(country, NO_GEO_DATABASE, what);
    assert.match(alarms.join(), /^edge\.geo-unusable: .*countryDatabase.*let requests in$/, what);
    assert.ok(!existsSync(join(folder, "geo-country.mmdb")), "no old copy stands in for it");
  }
  assert.deepEqual(await take(""), { country: NO_GEO_DATABASE, asn: NO_GEO_DATABASE });
  assert.deepEqual(alarms, []);
  rmSync(folder, { recursive: true });
});
