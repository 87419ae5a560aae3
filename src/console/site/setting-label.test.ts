/** Every setting has a name in both languages, and no two have the same. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { SiteSettings } from "../../contract/site-settings.ts";
import { ENGLISH } from "../words/english.ts";
import { FRENCH } from "../words/french.ts";
import { changesBetween } from "./draft.ts";
import { settingLabel, settingValue } from "./setting-label.ts";

const match = { paths: ["/a"], methods: ["GET"], networks: ["::/0"], asns: [64_496], countries: ["FR"] };
const field = { name: "a", value: "b", isAbsent: false };
const FULL: SiteSettings = {
  origin: {
    scheme: "https",
    servers: [{ host: "a.example", port: 443, weight: 1, backup: false }],
    hostHeader: "a",
    tls: { verify: "strict", name: "a", clientCertificateId: "cert_a" as never },
    health: {
      path: "/",
      intervalSeconds: 1,
      timeoutSeconds: 1,
      statusMin: 200,
      statusMax: 299,
      rise: 1,
      fall: 1,
    },
    connectSeconds: 1,
    readSeconds: 1,
    signed: true,
  },
  tls: { redirectToHttps: true, hstsSeconds: 1, hstsSubdomains: true, hstsPreload: true },
  limit: { requestsPerSecond: 1, burst: 1 },
  bodyBytesMax: 1,
  cache: {
    mode: "origin",
    rules: [{ path: "/", action: "store", seconds: 1 }],
    bypassCookies: ["a"],
    bypassHeaders: ["a"],
    ignoreQuery: ["a"],
    sortQuery: true,
    staleWhileRevalidateSeconds: 1,
    staleIfErrorSeconds: 1,
  },
  rules: {
    access: [{ ...match, action: "allow" }],
    redirects: [{ from: "/a", to: "/b", status: 301, keepQuery: true }],
    headers: [{ on: "request", action: "set", name: "a", value: "b" }],
    maintenance: {
      on: true,
      messageEn: "a",
      messageFr: "b",
      allowNetworks: ["::/0"],
      retryAfterSeconds: 1,
    },
    errorPages: [{ reason: "origin.down", html: "a" }],
    robots: { mode: "text", text: "a", aiCrawlers: "block" },
  },
  protection: {
    floods: "act",
    underAttack: { on: true, paths: ["/a"], endsAt: "2030-01-01T00:00:00.000Z" },
    allowNetworks: ["::/0"],
    neverChallenge: ["/a"],
    rules: [
      {
        name: "a",
        match: { ...match, headers: [field], cookies: [field], tlsShapes: ["a"] },
        rate: { key: { by: "header", name: "a" }, requests: 1, windowSeconds: 1, statuses: [401] },
        action: "block",
        isShadow: false,
        holdSeconds: 1,
        endsAt: "2030-01-01T00:00:00.000Z",
        reason: "a",
      },
    ],
  },
};
const paths = changesBetween(null, FULL)
  .map(({ path }) => path)
  .filter((path) => path !== "");

for (const [language, words] of [
  ["English", ENGLISH],
  ["French", FRENCH],
] as const) {
  test(`every setting has a name of its own in ${language}`, () => {
    assert.ok(paths.length >= 75, String(paths.length));
    const labels = paths.map((path) => settingLabel(path, words));
    for (const [i, label] of labels.entries()) {
      assert.ok(label !== "" && label !== paths[i], String(paths[i]));
      assert.equal(labels.indexOf(label), i, `${paths[i] ?? ""} is called like another: ${label}`);
    }
  });
}

test("parts and rows are named, lists without rows too, and what is unknown by its path", () => {
  const of = (path: string): string => settingLabel(path, ENGLISH);
  assert.equal(of("origin.servers.1.port"), "Origin · Server 2 · Port");
  assert.equal(of("rules.access.0.paths.3"), "Access · Rule 1 · Paths");
  assert.equal(of("rules.access"), "Access");
  assert.equal(of("limit"), "Limit how fast one visitor may ask");
  assert.equal(of("bodyBytesMax"), "Largest upload");
  assert.equal(
    of("protection.rules.0.match.headers.1.name"),
    "Protection rules · Rule 1 · Which requests · Header fields · 2 · Name of the field",
  );
  for (const path of ["of.tomorrow", "cache.toString", "rules.access.0.constructor"])
    assert.equal(of(path), path);
});

test("yes and no, and sizes, are told as forms tell them", () => {
  assert.equal(settingValue("origin.signed", true, FRENCH), "oui");
  assert.equal(settingValue("origin.signed", false, ENGLISH), "no");
  assert.equal(settingValue("bodyBytesMax", 1024 ** 3, ENGLISH), "1 GiB");
  assert.equal(settingValue("bodyBytesMax", null, ENGLISH), "–");
  assert.equal(settingValue("origin.hostHeader", "a", ENGLISH), '"a"');
});
