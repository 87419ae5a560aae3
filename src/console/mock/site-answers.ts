/**
 * FOR DEVELOPMENT ONLY: the mock's answers about a site. The note "wrong" lets
 * the server find a field wrong; the hostname "taken.example" is refused.
 */
import type { FaultCode } from "../../contract/fault.ts";
import type { SettingsView, SiteEndpoints } from "../../contract/http-sites.ts";
import type { SiteId, UserId } from "../../contract/ids.ts";
import { fakeId, type World } from "./fixtures.ts";
import { siteWorldAt } from "./site-fixtures.ts";

export class MockFault extends Error {
  readonly code: FaultCode;
  readonly fields: Readonly<Record<string, string>>;
  constructor(code: FaultCode, detail: string, fields: Readonly<Record<string, string>> = {}) {
    super(detail);
    this.code = code;
    this.fields = fields;
  }
}

export type SiteAsked = {
  readonly world: World;
  readonly situation: string;
  readonly part: (n: number) => string;
  /** What a list is narrowed by; "" where it is not. */
  readonly query: (name: string) => string;
  readonly body: Record<string, unknown>;
};
type SiteAnswers = {
  readonly [K in keyof SiteEndpoints]: (asked: SiteAsked) => SiteEndpoints[K]["answer"];
};

const world = () => siteWorldAt(Date.now());
const page = <T>(items: readonly T[]) => ({ items, total: items.length });
const isTroubled = (asked: SiteAsked): boolean => asked.part(2) === fakeId("site", 2);

/** The situation "collision" is how things stand after somebody else has saved: whoever began before it meets a conflict. */
function settingsNow(situation: string): SettingsView {
  const { settings } = world();
  if (situation !== "collision") return settings;
  return {
    ...settings,
    revision: 7,
    changedBy: "Somebody Else",
    settings: { ...settings.settings, tls: { ...settings.settings.tls, hstsSeconds: 86_400 } },
  };
}

function siteOf(asked: SiteAsked) {
  const found = asked.world.sites.items.find((site) => site.siteId === asked.part(2));
  if (found === undefined) throw new MockFault("state.not-found", "There is no such site.");
  return found;
}

function namesOf(asked: SiteAsked) {
  const { settled, troubled } = world().hostnames;
  return isTroubled(asked) ? troubled : settled;
}

function first<T>(items: readonly T[]): T {
  const item = items[0];
  if (item === undefined) throw new Error("Fixtures are empty");
  return item;
}

function exported(siteId: SiteId): SiteEndpoints["GET /sites/{siteId}/export"]["answer"] {
  const { settings, revisions, members, deeds, madeAt } = world();
  return {
    schema: 1,
    siteId,
    hostnames: ["forum.example"],
    settings: settings.settings,
    history: revisions,
    members,
    certificates: [],
    protection: {
      bans: [],
      incidents: [],
      notifications: { mail: [], surges: false, webhook: null, deliveries: [] },
    },
    deeds,
    log: [],
    madeAt,
  };
}

export const SITE_ANSWERS: SiteAnswers = {
  "GET /sites/{siteId}": (asked) => ({
    ...siteOf(asked),
    role: asked.situation === "calm" ? "viewer" : "owner",
  }),
  "GET /sites/{siteId}/settings": ({ situation }) => settingsNow(situation),
  "PUT /sites/{siteId}/settings": ({ body, situation }) => {
    const now = settingsNow(situation);
    if (body["revision"] !== now.revision)
      throw new MockFault("state.conflict", "Somebody changed the settings meanwhile: look at their change.");
    if (body["note"] === "wrong")
      throw new MockFault("input.invalid", "Some fields are not right: mend what is marked.", {
        "settings.origin.servers.0.host": "This address is not public: name a public one.",
        "settings.cache.rules.0.path": "A path begins with a slash and has no spaces.",
      });
    return { ...now, revision: now.revision + 1 };
  },
  "GET /sites/{siteId}/revisions": ({ situation }) => page(situation === "empty" ? [] : world().revisions),
  "GET /sites/{siteId}/revisions/{revision}": () => ({
    ...first(world().revisions),
    settings: world().settings.settings,
  }),
  "POST /sites/{siteId}/revisions/{revision}/restore": () => ({ ...world().settings, revision: 7 }),
  "POST /hostname-plans": ({ body }) => {
    const hostname = String(body["hostname"]);
    if (!hostname.includes("."))
      throw new MockFault("input.invalid", "This is no hostname.", {
        hostname: "Give a full name such as www.example.org.",
      });
    const refused = hostname === "taken.example";
    return {
      ...world().plan,
      hostname,
      toSet: [{ type: "CNAME", name: hostname, value: "edge.parapet.example" }],
      refusedBecause: refused
        ? `Cannot add hostname "${hostname}" as another account owns it: ask for its release.`
        : null,
    };
  },
  "GET /sites/{siteId}/hostnames": (asked) => page(namesOf(asked)),
  "POST /sites/{siteId}/hostnames": (asked) => first(namesOf(asked)),
  "POST /sites/{siteId}/hostnames/{hostname}/check": (asked) => first(namesOf(asked)),
  "DELETE /sites/{siteId}/hostnames/{hostname}": siteOf,
  "GET /sites/{siteId}/deeds": ({ situation }) => page(situation === "empty" ? [] : world().deeds),
  "GET /sites/{siteId}/members": () => page(world().members),
  "PUT /sites/{siteId}/members": () => first(world().members),
  "DELETE /sites/{siteId}/members/{userId}": ({ part }) =>
    page(world().members.filter(({ userId }) => userId !== (part(4) as UserId))),
  "GET /sites/{siteId}/preview": (asked) =>
    isTroubled(asked)
      ? { url: null, whyNot: "The operator has set no preview domain: ask for one." }
      : { url: "https://k3p9.preview.parapet.example/", whyNot: null },
  "GET /sites/{siteId}/export": ({ part }) => exported(part(2) as SiteId),
  "POST /sites/{siteId}/leave": ({ part }) => exported(part(2) as SiteId),
  "GET /sites/{siteId}/certificates": ({ situation }) =>
    page(situation === "empty" ? [] : world().certificates),
  "POST /sites/{siteId}/certificates": () => {
    throw new MockFault("input.invalid", "The key does not fit the certificate.", {
      keyPem: "This key belongs to another certificate: upload the one it was made with.",
    });
  },
  "DELETE /sites/{siteId}/certificates/{certificateId}": () => page(world().certificates),
  "POST /sites/{siteId}/certificates/{certificateId}/renew": () => first(world().certificates),
  "GET /sites/{siteId}/origins": () => world().origins,
  "POST /sites/{siteId}/origins/exposure-check": () => world().origins,
  "GET /sites/{siteId}/purges": ({ situation }) => page(situation === "empty" ? [] : world().purges),
  "POST /sites/{siteId}/purges": () => first(world().purges),
};
