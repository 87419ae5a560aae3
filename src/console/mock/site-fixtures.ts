/**
 * FOR DEVELOPMENT ONLY: made-up answers about one site, for looking at its screens without a server. Typed by the contract, so that they
 * cannot drift from it. The second site is the awkward one: long names, failures, a proof that has gone missing.
 */
import type {
  CertificateView,
  HostnamePlan,
  HostnameView,
  MemberView,
  OriginsView,
  PurgeView,
  RevisionRow,
  SettingsView,
} from "../../contract/http-sites.ts";
import type { SiteDeed } from "../../contract/site-deeds.ts";
import { singleOrigin } from "../../contract/origin-pool.ts";
import { newSiteSettings, type SiteSettings } from "../../contract/site-settings.ts";
import { fakeId } from "./fixtures.ts";
import { protectionSettingsAt } from "./protection-settings.ts";

const HOUR = 3600_000;
const DAY = 24 * HOUR;
const LONG = "a-very-long-name-for-a-subdomain.of-an-association.with-a-long-name.example";

export type SiteWorld = ReturnType<typeof siteWorldAt>;

const deedAt = (number: number, at: string, of: Pick<SiteDeed, "deed"> & Partial<SiteDeed>): SiteDeed => ({
  number,
  at,
  who: "Forum Keeper",
  about: "",
  isDone: true,
  ...of,
});

function settingsOf(at: (ms: number) => string): SiteSettings {
  const plain = newSiteSettings({
    origin: singleOrigin("https", "origin.forum.example", 443),
    limit: { requestsPerSecond: 50, burst: 100 },
    bodyBytesMax: 100 * 1024 * 1024,
  });
  return {
    ...plain,
    origin: {
      ...plain.origin,
      servers: [
        { host: "origin.forum.example", port: 443, weight: 3, backup: false },
        { host: "2001:db8::10", port: 8443, weight: 1, backup: true },
      ],
      tls: { ...plain.origin.tls, verify: "off" },
    },
    protection: protectionSettingsAt(at),
    tls: { redirectToHttps: true, hstsSeconds: 300, hstsSubdomains: false, hstsPreload: false },
    cache: {
      ...plain.cache,
      rules: [
        { path: "/admin/*", action: "bypass", seconds: 0 },
        { path: "/assets/*", action: "store", seconds: 86_400 },
      ],
      bypassCookies: ["session", "wordpress_logged_in_*"],
      ignoreQuery: ["utm_*", "fbclid"],
    },
    rules: {
      ...plain.rules,
      access: [
        {
          paths: ["/admin/*"],
          methods: [],
          networks: ["192.0.2.0/24"],
          asns: [],
          countries: [],
          action: "allow",
        },
        { paths: ["/admin/*"], methods: [], networks: [], asns: [64496], countries: ["FR"], action: "deny" },
      ],
      redirects: [{ from: "/old/*", to: "/new/$1", status: 302, keepQuery: true }],
      headers: [{ on: "response", action: "set", name: "X-Frame-Options", value: "DENY" }],
      errorPages: [{ reason: "origin.down", html: "<h1>We are back soon</h1><p>{{request_id}}</p>" }],
      robots: { mode: "text", text: "User-agent: *\nDisallow: /admin/\n", aiCrawlers: "disallow" },
    },
  };
}

function hostnamesAt(at: (ms: number) => string) {
  const named = (hostname: string, given: Partial<HostnameView>): HostnameView => ({
    hostname,
    state: "proven",
    provenBy: "dns-txt",
    checkedAt: at(-4 * HOUR),
    lapsesAt: null,
    why: null,
    proof: {
      txt: {
        name: `_parapet.${hostname}`,
        value: "parapet-proof=6Jq2Yd0kqS3mB1uJx8TnVw4sL7aC9fEhRzPgKtUoWiM",
      },
      http: {
        url: `http://${hostname}/.well-known/parapet/6Jq2Yd0kqS3mB1uJ`,
        body: "parapet-proof=6Jq2Yd0kqS3mB1uJx8TnVw4sL7aC9fEhRzPgKtUoWiM",
      },
    },
    leadsHere: "yes",
    certificate: { state: "valid", notAfter: at(61 * DAY), why: null },
    ...given,
  });
  return {
    settled: [named("forum.example", {}), named("www.forum.example", { provenBy: "http-token" })],
    troubled: [
      named(LONG, {
        state: "lapsing",
        lapsesAt: at(3 * DAY),
        why: "The TXT record was not found at the last check: set it again.",
        certificate: {
          state: "failed",
          notAfter: null,
          why: "The authority could not reach the name over HTTP: set the records below, then try again.",
        },
        leadsHere: "no",
      }),
      named("news.example", {
        state: "unproven",
        provenBy: null,
        checkedAt: null,
        leadsHere: "unknown",
        certificate: { state: "none", notAfter: null, why: null },
      }),
    ],
  };
}

function certificatesAt(at: (ms: number) => string) {
  const one = (n: number, given: Partial<CertificateView>): CertificateView => ({
    certificateId: fakeId("cert", n),
    hostnames: ["forum.example", "www.forum.example"],
    source: "acme",
    state: "valid",
    notBefore: at(-29 * DAY),
    notAfter: at(61 * DAY),
    issuer: "CN=Example Authority R3",
    fingerprint: "9f2c41b07be5d22e8f0a".repeat(4).slice(0, 64),
    nextTryAt: null,
    why: null,
    inForce: { acked: 2, of: 2 },
    ...given,
  });
  return [
    one(1, {}),
    one(2, {
      hostnames: [LONG],
      state: "failed",
      notBefore: null,
      notAfter: null,
      issuer: null,
      fingerprint: null,
      nextTryAt: at(2 * HOUR),
      why: "The authority could not reach the name over HTTP: set its records first.",
      inForce: { acked: 0, of: 2 },
    }),
    one(3, { source: "uploaded", state: "expiring", notAfter: at(6 * DAY), inForce: { acked: 1, of: 2 } }),
    one(4, { source: "origin-client", hostnames: [], issuer: "CN=Forum internal" }),
  ];
}

export function siteWorldAt(now: number) {
  const at = (ms: number): string => new Date(now + ms).toISOString();
  const inForce = { acked: 2, of: 2, ms: 180, refusals: [] };
  const settings: SettingsView = {
    revision: 6,
    settings: settingsOf(at),
    changedAt: at(-5 * HOUR),
    changedBy: "Forum Keeper",
    inForce,
    warnings: [
      "The origin’s certificate is not checked: anybody on the way can read along. Set “Check it” once the server has a certificate.",
      "HSTS is set for 300 seconds only: raise it to a year once everything works.",
    ],
  };
  const revisions: RevisionRow[] = [
    {
      revision: 6,
      at: at(-5 * HOUR),
      by: "Forum Keeper",
      note: "Admin area only from the office",
      changes: [
        { path: "rules.access.0.paths.0", before: null, after: "/admin/*" },
        { path: "rules.access.0.networks.0", before: null, after: "192.0.2.0/24" },
        { path: "rules.access.0.action", before: null, after: "allow" },
      ],
    },
    {
      revision: 5,
      at: at(-3 * DAY),
      by: "Second Officer",
      note: "",
      changes: [{ path: "cache.staleIfErrorSeconds", before: 3600, after: 86_400 }],
    },
    { revision: 4, at: at(-9 * DAY), by: "Forum Keeper", note: "Nothing really", changes: [] },
  ];
  const deeds: SiteDeed[] = [
    deedAt(14, at(-2 * HOUR), { deed: "certificate-uploaded", about: "forum.example, *.forum.example" }),
    deedAt(13, at(-DAY), { deed: "exported", isDone: false }),
    deedAt(9, at(-6 * DAY), {
      deed: "member-put",
      about: "somebody.with.a.rather.long.name@a-long-domain-name.forum.example, editor",
    }),
    deedAt(4, at(-30 * DAY), { deed: "notifications-changed", about: "hooks.forum.example" }),
  ];
  const members: MemberView[] = [
    {
      userId: fakeId("user", 11),
      name: "Forum Keeper",
      email: "keeper@forum.example",
      role: "owner",
      since: at(-200 * DAY),
    },
    {
      userId: fakeId("user", 12),
      name: "Somebody with a rather long name",
      email: "somebody.with.a.rather.long.name@a-long-domain-name.forum.example",
      role: "editor",
      since: at(-20 * DAY),
    },
  ];
  const origins: OriginsView = {
    servers: [
      {
        host: "origin.forum.example",
        port: 443,
        addresses: ["192.0.2.10", "2001:db8::9"],
        nodes: [
          { nodeId: fakeId("node", 1), state: "up", since: at(-2 * DAY), why: null },
          {
            nodeId: fakeId("node", 2),
            state: "down",
            since: at(-HOUR),
            why: "Three connections in a row were refused: start the server or open its firewall.",
          },
        ],
      },
      {
        host: "2001:db8::10",
        port: 8443,
        addresses: ["2001:db8::10"],
        nodes: [{ nodeId: fakeId("node", 1), state: "unchecked", since: at(-2 * DAY), why: null }],
      },
    ],
    exposed: {
      at: at(-DAY),
      exposed: true,
      what: "192.0.2.10 answered port 443 with this site: let its firewall take connections from the edge alone.",
    },
  };
  const purges: PurgeView[] = [
    { number: 2, at: at(-HOUR), by: "Forum Keeper", what: "https://forum.example/start", inForce },
    { number: 1, at: at(-DAY), by: "Forum Keeper", what: "tag: news", inForce },
  ];
  const plan: HostnamePlan = {
    hostname: "www.shop.example",
    found: [
      { type: "A", name: "www.shop.example", value: "192.0.2.44" },
      { type: "AAAA", name: "www.shop.example", value: "2001:db8::44" },
      { type: "MX", name: "shop.example", value: "10 mail.shop.example" },
      { type: "CAA", name: "shop.example", value: '0 issue "authority.example"' },
    ],
    proposedOriginUrl: "https://192.0.2.44",
    toSet: [{ type: "CNAME", name: "www.shop.example", value: "edge.parapet.example" }],
    toKeep: [{ type: "MX", name: "shop.example", value: "10 mail.shop.example" }],
    warnings: [
      "mail.shop.example has the same address as the site: whoever looks at the mail record finds your server. Move one of the two.",
    ],
    refusedBecause: null,
  };
  return {
    settings,
    revisions,
    members,
    deeds,
    origins,
    purges,
    plan,
    hostnames: hostnamesAt(at),
    certificates: certificatesAt(at),
    madeAt: at(0),
  };
}
