import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { BAN_KINDS, type BanKind } from "../contract/ban.ts";
import { newId, type NodeId } from "../contract/ids.ts";
import { rangesMeet, readBanValue, readSearchedRange } from "./ban-value.ts";
import { readFloodReport } from "./flood-report.ts";
import { readNodeBan } from "./node-ban.ts";

const OPERATOR = { ofSite: false };
const OWNER = { ofSite: true };

test("what is banned is kept in one form, however it is written", () => {
  const table: [BanKind, string, string][] = [
    ["address", " 192.0.2.7 ", "192.0.2.7"],
    ["address", "::ffff:192.0.2.7", "192.0.2.7"],
    ["address", "2001:DB8:0:1:2::7", "2001:db8:0:1::"],
    ["network", "192.0.2.99/24", "192.0.2.0/24"],
    ["network", "2001:db8:1:2::/48", "2001:db8:1::/48"],
    ["asn", "AS64500", "64500"],
    ["country", "fr", "FR"],
  ];
  for (const [kind, text, value] of table) {
    const read = readBanValue(kind, text, OWNER);
    assert.ok(read.ok, text);
    assert.equal(read.value.value, value);
  }
});

test("what is too wide, one client, or nothing at all is refused", () => {
  const bad: [BanKind, string][] = [
    ["address", "192.0.2.0/24"],
    ["address", "1"],
    ["address", "0x7f.1"],
    ["address", "0.0.0.0"],
    ["address", "192.0.2.256"],
    ["address", "fe80::1%eth0"],
    ["network", "192.0.2.1"],
    ["network", "10.0.0.0/8"],
    ["network", "192.0.2.1/32"],
    ["network", "2001:db8::/16"],
    ["network", "2001:db8::1/64"],
    ["network", "::ffff:192.0.2.0/120"],
    ["network", "0/0"],
    ["asn", "0"],
    ["asn", "4294967296"],
    ["country", "FRA"],
    ["country", "F1"],
  ];
  for (const [kind, text] of bad) assert.equal(readBanValue(kind, text, OPERATOR).ok, false, text);
  assert.equal(readBanValue("network", "192.0.2.0/23", OPERATOR).ok, true);
  assert.equal(readBanValue("network", "192.0.2.0/23", OWNER).ok, false, "owners share few prefix lengths");
});

test("ranges meet when one holds the other", () => {
  assert.ok(rangesMeet("192.0.2.0/24", "192.0.2.7/32"));
  assert.ok(rangesMeet("2001:db8:1:2::/64", "2001:db8::/32"));
  assert.ok(!rangesMeet("192.0.2.0/24", "192.0.3.0/24"));
  assert.ok(!rangesMeet("192.0.2.0/24", "2001:db8::/32"));
  assert.ok(!rangesMeet("nonsense", "192.0.2.0/24"));
  assert.equal(readSearchedRange("192.0.2.99/24"), "192.0.2.0/24");
  for (const text of ["shop", "1", "1/2", "192.0.2.1/99", ""])
    assert.equal(readSearchedRange(text), null, text);
});

test("no bytes make the readers of bans and reports throw", () => {
  const kinds = fc.constantFrom(...BAN_KINDS);
  const odd = fc.oneof(
    fc.string({ maxLength: 80 }),
    fc.ipV4(),
    fc.ipV6(),
    fc.stringMatching(/^[0-9a-f:./]{0,50}$/),
  );
  fc.assert(
    fc.property(kinds, odd, (kind, text) => {
      const read = readBanValue(kind, text, OPERATOR);
      readSearchedRange(text);
      // What is taken is taken again as it was written down.
      if (read.ok) assert.deepEqual(readBanValue(kind, read.value.value, OPERATOR), read);
    }),
    { numRuns: 2000 },
  );
  const node = newId<NodeId>("node", (bytes) => new Uint8Array(bytes));
  const record = { schema: 1, banId: "x", siteId: null, nodeId: node, kind: "address", value: "192.0.2.7" };
  const rest = { reason: "r", by: "watch", createdAtMs: 1, endsAtMs: 2, liftedAtMs: null };
  assert.ok(readNodeBan({ ...record, ...rest }).ok);
  fc.assert(
    fc.property(fc.constantFrom(...Object.keys({ ...record, ...rest })), fc.anything(), (key, value) => {
      readNodeBan({ ...record, ...rest, [key]: value });
      readNodeBan(value);
      readFloodReport(value);
    }),
    { numRuns: 1000 },
  );
});
