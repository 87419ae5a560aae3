/**
 * FOR DEVELOPMENT ONLY: the mock's answers about protection. The situation "attack" is with the switch on and a watched flood, "calm" and "empty" have no
 * incident. Banning 192.0.2.1 would keep oneself out; the value "wrong" is refused.
 */
import type { CursorPage, FloodEndpoints, IncidentRow } from "../../contract/http-protection.ts";
import { protectionWorldAt } from "./protection-fixtures.ts";
import { MockFault, type SiteAsked } from "./site-answers.ts";

type FloodAnswers = {
  readonly [K in keyof FloodEndpoints]: (asked: SiteAsked) => FloodEndpoints[K]["answer"];
};

const now = () => protectionWorldAt(Date.now());
const isQuiet = (asked: SiteAsked): boolean =>
  asked.situation === "calm" || asked.situation === "empty" || asked.part(2).endsWith("2");

/** Two entries a page, so that there is something to turn. */
function paged<T>(items: readonly T[], asked: SiteAsked, size = 3): CursorPage<T> {
  const from = Number(asked.query("cursor") || "0");
  const until = from + size;
  return {
    items: items.slice(from, until),
    total: items.length,
    next: until < items.length ? String(until) : null,
  };
}

function incidentsOf(asked: SiteAsked): CursorPage<IncidentRow> {
  const state = asked.query("state");
  const rows = asked.situation === "empty" ? [] : now().rows;
  return paged(
    rows.filter(
      (row) => (state === "" || row.state === state) && !(row.state === "active" && isQuiet(asked)),
    ),
    asked,
  );
}

function incidentOf(asked: SiteAsked, id: string): FloodEndpoints["GET /incidents/{incidentId}"]["answer"] {
  const found = now().incidents.find(({ incidentId }) => incidentId === id);
  if (found === undefined) throw new MockFault("state.not-found", "There is no such incident.");
  return found;
}

function bansOf(asked: SiteAsked): FloodEndpoints["GET /bans"]["answer"] {
  const state = asked.query("state");
  const q = asked.query("q");
  const bans = asked.situation === "empty" ? [] : now().bans;
  return paged(
    bans.filter(
      (ban) =>
        (state === "" || (ban.state === "in-force") === (state === "in-force")) &&
        (ban.value.includes(q) || ban.reason.includes(q)),
    ),
    asked,
  );
}

function made(asked: SiteAsked): FloodEndpoints["POST /bans"]["answer"] {
  const value = String(asked.body["value"]);
  if (value === "192.0.2.1" && asked.body["force"] !== true)
    throw new MockFault("state.conflict", "This ban would keep yourself out.", {
      force: "You come from 192.0.2.1 yourself.",
    });
  if (value === "wrong")
    throw new MockFault("input.invalid", "Some fields are not right: mend what is marked.", {
      value: "This is no address: write it like 192.0.2.7.",
    });
  const ban = now().bans[0];
  if (ban === undefined) throw new Error("Fixtures are empty");
  return { ban, warnings: [] };
}

function lifted(asked: SiteAsked, banId: string): FloodEndpoints["POST /bans/{banId}/lift"]["answer"] {
  const ban = now().bans.find((each) => each.banId === banId);
  if (ban === undefined) throw new MockFault("state.not-found", "There is no such ban.");
  return { ...ban, state: "lifted", liftedAt: now().at(0), liftedBy: asked.world.me.name };
}

function viewOf(asked: SiteAsked): FloodEndpoints["GET /sites/{siteId}/protection"]["answer"] {
  const { view, rows, at } = now();
  if (isQuiet(asked)) return { ...view, incidents: [], mitigations: [], rules: null };
  if (asked.situation !== "attack") return view;
  const watched = rows.filter(({ mode }) => mode === "shadow");
  return {
    ...view,
    isUnderAttackNow: true,
    incidents: watched.map((row) => ({ ...row, state: "active", endedAt: null, beganAt: at(-90_000) })),
    mitigations: [],
    protection: {
      ...view.protection,
      floods: "shadow",
      underAttack: { on: true, paths: ["/login", "/search*"], endsAt: at(52 * 60_000) },
    },
  };
}

export const PROTECTION_ANSWERS: FloodAnswers = {
  "GET /bans": bansOf,
  "POST /bans": made,
  "POST /bans/{banId}/lift": (asked) => lifted(asked, asked.part(2)),
  "GET /sites/{siteId}/bans": bansOf,
  "POST /sites/{siteId}/bans": made,
  "POST /sites/{siteId}/bans/{banId}/lift": (asked) => lifted(asked, asked.part(4)),
  "GET /incidents": incidentsOf,
  "GET /incidents/{incidentId}": (asked) => incidentOf(asked, asked.part(2)),
  "GET /sites/{siteId}/incidents": incidentsOf,
  "GET /sites/{siteId}/incidents/{incidentId}": (asked) => incidentOf(asked, asked.part(4)),
  "GET /sites/{siteId}/incidents/{incidentId}/reports/{nodeId}": () => {
    throw new MockFault("state.not-found", "The mock has no node's own account.");
  },
  "GET /sites/{siteId}/protection": viewOf,
  "PUT /sites/{siteId}/under-attack": viewOf,
  "GET /sites/{siteId}/notifications": ({ situation }) =>
    situation === "empty" ? { mail: [], surges: false, webhook: null, deliveries: [] } : now().notifications,
  "PUT /sites/{siteId}/notifications": ({ body }) => {
    const webhook = body["webhook"] as { url?: string; newSecret?: boolean } | null;
    if (webhook?.url?.startsWith("http:") === true)
      throw new MockFault("input.invalid", "Some fields are not right: mend what is marked.", {
        "webhook.url": "Use an address that begins with https://.",
      });
    return {
      ...now().notifications,
      secret: webhook?.newSecret === true ? "whsec_4mW0f9s7Jc2bH8xTq1LzVnRk6DpYaEuGk9Qw" : null,
    };
  },
  "POST /sites/{siteId}/notifications/test": () => {
    const [delivery] = now().notifications.deliveries;
    if (delivery === undefined) throw new Error("Fixtures are empty");
    return { ...delivery, event: "webhook.test" };
  },
};
