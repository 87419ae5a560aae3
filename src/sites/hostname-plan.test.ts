import assert from "node:assert/strict";
import { test } from "node:test";
import type { DnsLook, Looked } from "./dns-look.ts";
import { openHostnamePlans } from "./hostname-plan.ts";
import type { ProofLook } from "./hostname-proof.ts";

const none = async (): Promise<Looked<never>> => ({ ok: true, records: [] });
const found = <T>(...records: T[]): Looked<T> => ({ ok: true, records });
const at =
  <T>(wanted: string, ...records: T[]) =>
  async (name: string): Promise<Looked<T>> =>
    name === wanted ? found(...records) : found();

const SETTINGS = {
  publicUrl: "https://desk.shield.example",
  edgeAddresses: ["203.0.113.7", "2001:db8::7", "edge.shield.example"],
  previewDomain: "",
  acmeDirectory: "letsencrypt",
  originPrivateRanges: [] as readonly string[],
};

function planner(dns: Partial<DnsLook>, changes: Partial<typeof SETTINGS> = {}) {
  const settings = { ...SETTINGS, ...changes };
  const base: DnsLook = {
    a: none,
    aaaa: none,
    cname: none,
    txt: none,
    mx: none,
    caa: none,
    ns: none,
    addresses: none,
  };
  const { originPrivateRanges: privateRanges, edgeAddresses } = settings;
  const look: ProofLook = {
    dns: { ...base, ...dns },
    privateRanges,
    edgeAddresses,
    cdnId: "us",
    httpPort: 80,
  };
  return openHostnamePlans({ look, settings });
}

test("records to set: addresses for a domain's own name, an alias below it", async () => {
  const plan = planner({});
  assert.deepEqual((await plan("shop.example")).toSet, [
    { type: "A", name: "shop.example", value: "203.0.113.7" },
    { type: "AAAA", name: "shop.example", value: "2001:db8::7" },
  ]);
  assert.deepEqual((await plan("www.shop.example")).toSet, [
    { type: "CNAME", name: "www.shop.example", value: "edge.shield.example" },
  ]);
  const nameOnly = planner({}, { edgeAddresses: ["edge.shield.example"] });
  const apex = await nameOnly("shop.example");
  assert.deepEqual(apex.toSet, []);
  assert.ok(apex.warnings.some((warning) => /cannot be an alias/.test(warning)));
});

test("where a name leads decides what is proposed", async () => {
  const table: readonly [what: string, dns: Partial<DnsLook>, warning: RegExp][] = [
    ["nowhere", {}, /leads nowhere yet/],
    ["to this edge", { a: at("shop.example", "203.0.113.7") }, /leads to this edge already/],
    ["to a private address", { a: at("shop.example", "10.0.0.8") }, /no public address/],
    ["to metadata", { a: at("shop.example", "169.254.169.254") }, /no public address/],
    ["to a dead alias", { cname: at("shop.example", "gone.host.example") }, /takes over yours/],
    [
      "no answer",
      {
        a: async () => ({ ok: false, why: "No answer" }),
        aaaa: async () => ({ ok: false, why: "No answer" }),
      },
      /No answer/,
    ],
  ];
  for (const [what, dns, warning] of table) {
    const plan = await planner(dns)("shop.example");
    assert.equal(plan.proposedOriginUrl, null, what);
    assert.ok(
      plan.warnings.some((line) => warning.test(line)),
      `${what}: ${plan.warnings.join("\n")}`,
    );
  }
});

test("CAA records that keep the authority out are told, the nearest ones and no others", async () => {
  const caa = (tag: string, value: string) => ({ tag, value, critical: false });
  const warned = async (
    hostname: string,
    dns: Partial<DnsLook>,
    changes: Partial<typeof SETTINGS> = {},
  ): Promise<boolean> => (await planner(dns, changes)(hostname)).warnings.some((line) => /CAA/.test(line));
  const other = caa("issue", "ca.example");
  const ours = caa("issue", "letsencrypt.org; accounturi=x");
  assert.equal(await warned("www.shop.example", { caa: at("shop.example", other) }), true);
  assert.equal(await warned("www.shop.example", { caa: at("shop.example", ours) }), false);
  assert.equal(await warned("www.shop.example", { caa: at("example", other) }), false, "above the domain");
  assert.equal(await warned("www.shop.example", { caa: at("shop.example", other, ours) }), false);
  assert.equal(
    await warned("*.shop.example", { caa: at("shop.example", ours, caa("issuewild", ";")) }),
    true,
  );
  assert.equal(
    await warned("shop.example", { caa: at("shop.example", caa("iodef", "mailto:a@b.example")) }),
    false,
  );
  assert.equal(
    await warned("shop.example", { caa: at("shop.example", other) }, { acmeDirectory: "" }),
    false,
  );
});

test("mail stays where it is, and what it gives away is told", async () => {
  const mx = at("shop.example", { exchange: "mail.shop.example", priority: 10 });
  const plan = await planner({
    mx,
    a: at("shop.example", "192.0.2.1"),
    addresses: at("mail.shop.example", "192.0.2.1"),
  })("shop.example");
  assert.deepEqual(plan.toKeep, [{ type: "MX", name: "shop.example", value: "10 mail.shop.example" }]);
  assert.ok(plan.warnings.some((line) => /tells attackers/.test(line)));
});
