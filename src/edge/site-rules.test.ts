import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import ipaddr from "ipaddr.js";
import { EDGE_OUT, underLuaJit } from "../../test/edge-runtimes.ts";
import { buildEdge } from "../cli/build-edge.ts";
import { LOCATION_CHARS_MAX, OWN_PAGE_REASONS, SITE_RULES_DEFAULT } from "../contract/site-rules.ts";
import { SITE_RULES_SCHEMA } from "../contract/site-schema.ts";
import { AI_CRAWLERS, aiRobotsGroup, isAiCrawler } from "./ai-crawlers.ts";
import { addressBytes, isInNetworks, prepareNetworks } from "./network.ts";
import { isInPaths, preparePaths } from "./path-glob.ts";
import { prepareRedirects, redirectOf, redirectTarget } from "./redirect.ts";
import { canonicalPath, decodedPath } from "./request-target.ts";
import { prepareRules } from "./site-rules.ts";
import { decide } from "./vectors.ts";

const SEED = { seed: 20261122, numRuns: 1500 };
/** Without "::192.0.2.1", a form that RFC 4291 §2.5.5.1 gave up and that ipaddr.js reads as a mapped address. */
const v6 = fc.ipV6().filter((text) => !/^::[\d.]+$/.test(text));
const address = fc.oneof(
  fc.ipV4(),
  v6,
  fc.ipV4().map((v4) => `::ffff:${v4}`),
);

test("a site that sets nothing has no rules to ask, and pages or fields for visitors alone do not make any", () => {
  assert.equal(prepareRules(SITE_RULES_DEFAULT), undefined);
  const errorPages = OWN_PAGE_REASONS.map((reason) => ({ reason, html: "" }));
  const headers = [{ on: "response", action: "set", name: "X-A", value: "b" }] as const;
  assert.equal(prepareRules({ ...SITE_RULES_DEFAULT, errorPages, headers }), undefined);
});

test("addresses and ranges mean what they mean elsewhere, whatever their spelling", () => {
  const plain = (text: string): ipaddr.IPv4 | ipaddr.IPv6 => ipaddr.process(text);
  fc.assert(
    fc.property(address, address, fc.nat(128), (inside, other, bits) => {
      assert.deepEqual(
        [...addressBytes(inside)].map((byte) => byte.charCodeAt(0)),
        ipaddr.parse(inside).toByteArray(),
      );
      const most = ipaddr.parse(inside).kind() === "ipv4" ? 32 : 128;
      const length = bits % (most + 1);
      const set = prepareNetworks([`${inside}/${length}`]);
      const mapped = ipaddr.parse(inside).kind() === "ipv6" && plain(inside).kind() === "ipv4";
      const [network, inIt] =
        mapped && length >= 96 ? [plain(inside), length - 96] : [ipaddr.parse(inside), length];
      for (const asked of [inside, other]) {
        const address = plain(asked);
        const expected = address.kind() === network.kind() && address.match(network as never, inIt);
        assert.equal(isInNetworks(set, addressBytes(asked)), expected, `${asked} in ${inside}/${length}`);
      }
    }),
    SEED,
  );
  fc.assert(
    fc.property(fc.string({ maxLength: 50 }), (text) => {
      const bytes = addressBytes(text);
      if (bytes !== "") assert.ok(ipaddr.isValid(text) && bytes.length >= 4, text);
      assert.equal(isInNetworks(prepareNetworks([text, `${text}/8`]), text), false);
    }),
    SEED,
  );
});

test("patterns match what their plain reading says, and a pattern made to hurt is answered at once", () => {
  const part = fc.constantFrom("a", "b", "ab", "*", "/", ".", "%2a", "é");
  const text = fc.array(part, { maxLength: 12 }).map((parts) => `/${parts.join("")}`);
  fc.assert(
    fc.property(text, text, (pattern, path) => {
      const [wanted, asked] = [decodedPath(canonicalPath(pattern)), decodedPath(canonicalPath(path))];
      const escaped = wanted.split("*").map((piece) => piece.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
      const expected = new RegExp(`^${escaped.join("[^]*")}$`).test(asked);
      assert.equal(isInPaths(preparePaths([pattern]), asked), expected, `${pattern} ${path}`);
    }),
    SEED,
  );
  const evil = preparePaths([`/${"*a".repeat(2000)}*b`, `/*${"a".repeat(4000)}b*x`]);
  const startedAt = performance.now();
  assert.equal(isInPaths(evil, `/${"a".repeat(16_000)}`), false);
  assert.ok(performance.now() - startedAt < 1000);
});

test("no path and no query leads off the site or out of the header line", () => {
  const to = fc.constantFrom(
    "/$1",
    "/new/$1",
    "/$1/x",
    "/x?to=$1",
    "/x#$1",
    "https://new.example/$1",
    "https://new.example:8443/a?b=$1",
  );
  const piece = fc.constantFrom(
    "/",
    "//",
    "\\",
    "%5c",
    "%2f",
    "@",
    ".evil.example",
    "evil.example",
    "%0d%0a",
    "%00",
    "?",
    "#",
    "%25",
    ":",
    "é",
    "&",
  );
  const tail = fc
    .array(fc.oneof(piece, fc.string({ maxLength: 5 })), { maxLength: 8 })
    .map((parts) => parts.join(""));
  fc.assert(
    fc.property(to, fc.constantFrom("/*", "/go*", "/go/*"), tail, tail, (target, from, path, query) => {
      const rule = { from, to: target, status: 302, keepQuery: true } as const;
      const rules = prepareRedirects([rule]);
      const asked = decodedPath(canonicalPath(`/go${path}`));
      const found = redirectOf(rules, asked);
      if (found === null) return;
      const location = redirectTarget(found, asked, query);
      assert.match(location, /^[\x21-\x7e]*$/, JSON.stringify(location));
      assert.ok(location.length <= LOCATION_CHARS_MAX);
      const url = new URL(location, "https://site.example/go");
      assert.equal(
        url.origin,
        target.startsWith("/") ? "https://site.example" : new URL(target.replace("$1", "")).origin,
      );
      assert.equal(url.username + url.password, "");
      const parameters = new URL(target.replaceAll("$1", "x"), "https://site.example").searchParams;
      if (query === "") assert.deepEqual([...url.searchParams.keys()], [...parameters.keys()], location);
    }),
    SEED,
  );
});

test("crawlers are known by whole tokens, each of the list, and the group for robots.txt names them all once", () => {
  for (const { token, inUserAgent } of AI_CRAWLERS) {
    assert.match(token, /^[A-Za-z0-9_-]{3,40}$/);
    for (const agent of [
      token,
      `${token}/1.0`,
      `Mozilla/5.0 (compatible; ${token}/2; +https://x.example/)`,
    ]) {
      assert.equal(isAiCrawler(agent), inUserAgent, agent);
    }
    assert.equal(isAiCrawler(`x${token}`), false);
    assert.equal(isAiCrawler(`${token}x/1.0`), false);
  }
  const tokens = AI_CRAWLERS.map(({ token }) => token.toLowerCase());
  assert.equal(new Set(tokens).size, tokens.length);
  const lines = aiRobotsGroup().trimEnd().split("\n");
  assert.equal(lines.filter((line) => line.startsWith("User-agent: ")).length, AI_CRAWLERS.length);
  assert.equal(lines.at(-1), "Disallow: /");
});

test("whatever a visitor sends, both runtimes decide alike", async () => {
  await buildEdge({ outDir: EDGE_OUT });
  const piece = fc.constantFrom(
    "/",
    "a",
    "*",
    "%2f",
    "é",
    "😀",
    "\\",
    "?",
    "&",
    "=",
    "$1",
    "//",
    ".",
    "%0d",
    ";",
    " ",
    "GPTBot",
  );
  const text = fc.array(piece, { maxLength: 14 }).map((parts) => parts.join(""));
  const path = text.map((rest) => `/${rest}`);
  // Bytes beyond ASCII are one character each in nginx and several in Node: a query comes raw.
  const query = text.map((raw) => raw.replaceAll(/[^\0-\x7f]/g, "~"));
  const rule = fc.record({
    from: path.map((from) => from.replaceAll("*", "") + (from.includes("*") ? "*" : "")),
    to: path,
    status: fc.constant(302),
    keepQuery: fc.boolean(),
  });
  const range = fc.tuple(address, fc.nat(32)).map(([from, bits]) => `${from}/${bits}`);
  const samples = [
    ...fc.sample(
      fc.tuple(fc.constant("isInNetworks"), fc.tuple(fc.array(range, { maxLength: 4 }), address)),
      SEED,
    ),
    ...fc.sample(fc.tuple(fc.constant("isInPaths"), fc.tuple(fc.array(path, { maxLength: 3 }), path)), SEED),
    ...fc.sample(
      fc.tuple(fc.constant("redirect"), fc.tuple(fc.array(rule, { maxLength: 3 }), path, query)),
      SEED,
    ),
    ...fc.sample(fc.tuple(fc.constant("isAiCrawler"), fc.tuple(text)), { ...SEED, numRuns: 300 }),
    ...fc.sample(fc.tuple(fc.constant("addressBytes"), fc.tuple(fc.oneof(address, text))), SEED),
    ["aiRobotsGroup", []] as const,
  ];
  const vectors = samples.map(([name, args]) => ({ name, args }));
  const inLua = underLuaJit(vectors);
  for (const [i, { name, args }] of vectors.entries()) {
    const inNode = decide(name, args);
    assert.deepEqual(inLua[i], inNode, `${name}(${JSON.stringify(args)})`);
  }
  assert.ok(vectors.length > 6000);
});

test("the schema refuses rules that could steer a visitor, hurt a worker or speak for the edge", () => {
  const match = { paths: [], methods: [], networks: [], asns: [], countries: [], action: "deny" };
  const redirect = { from: "/a", to: "/b", status: 302, keepQuery: false };
  const header = { on: "response", action: "set", name: "X-A", value: "b" };
  const good = SITE_RULES_SCHEMA.safeParse({
    ...SITE_RULES_DEFAULT,
    access: [{ ...match, networks: ["192.0.2.0/24", "2001:db8::/32"], asns: [4_294_967_295] }],
    redirects: [redirect, { ...redirect, from: "/a*", to: "https://new.example:8443/$1" }],
    headers: [header, { ...header, on: "request", action: "remove", name: "Cookie", value: "" }],
  });
  assert.ok(good.success, JSON.stringify(good.error?.issues));
  const bad: Record<string, unknown>[] = [
    { redirects: [{ ...redirect, to: "//evil.example" }] },
    { redirects: [{ ...redirect, to: "/\\evil.example" }] },
    { redirects: [{ ...redirect, to: "https://new.example$1" }] },
    { redirects: [{ ...redirect, to: "https://$1/" }] },
    { redirects: [{ ...redirect, to: "https://a@evil.example/" }] },
    { redirects: [{ ...redirect, to: "javascript:alert(1)" }] },
    { redirects: [{ ...redirect, to: "/a b" }] },
    { redirects: [{ ...redirect, to: "/a\r\nX: y" }] },
    { redirects: [{ ...redirect, from: "/a*b" }] },
    { redirects: [{ ...redirect, status: 200 }] },
    { headers: [{ ...header, name: "Set-Cookie" }] },
    { headers: [{ ...header, name: "content-length" }] },
    { headers: [{ ...header, name: "Strict-Transport-Security" }] },
    { headers: [{ ...header, name: "X-Accel-Redirect" }] },
    { headers: [{ ...header, name: "X A" }] },
    { headers: [{ ...header, value: "a\r\nb: c" }] },
    { headers: [{ ...header, action: "remove" }] },
    ...["Host", "X-Forwarded-For", "X-Forwarded-Anything", "Connection", "Range", "Signature"].map(
      (name) => ({
        headers: [{ ...header, on: "request", name }],
      }),
    ),
    { access: [{ ...match, networks: ["192.0.2.0"] }] },
    { access: [{ ...match, networks: ["192.0.2.0/33"] }] },
    { access: [{ ...match, countries: ["fr"] }] },
    { access: [{ ...match, methods: ["get"] }] },
    { access: [{ ...match, paths: [`/*${"a".repeat(900)}*`, ...Array(10).fill(`/*${"b".repeat(500)}*x`)] }] },
    { errorPages: [{ reason: "measure.notice", html: "x" }] },
  ];
  for (const wrong of bad) {
    assert.equal(
      SITE_RULES_SCHEMA.safeParse({ ...SITE_RULES_DEFAULT, ...wrong }).success,
      false,
      JSON.stringify(wrong).slice(0, 200),
    );
  }
});
