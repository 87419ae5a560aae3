/**
 * Every endpoint of contract/http.ts: who may call it, what it takes, what it answers, and which room does the work. The
 * server, the OpenAPI document and the tests read this one table; the compiler holds that no endpoint is missing.
 */
import { z } from "@hono/zod-openapi";
import { Fault } from "../contract/fault.ts";
import { ACCOUNTS_SHOWN_MAX, type Endpoints, type Page, type SiteView } from "../contract/http.ts";
import type { ActorContext } from "../desk/desk.ts";
import type { AppealId, CaseId, DecisionId, MeasureId, OpeningId, SiteId } from "../contract/ids.ts";
import type { DecisionAction, OpeningAction } from "../contract/desk-states.ts";
import { accountsOf } from "../store/people.ts";
import { meOf, activeRoles, type Access } from "./access.ts";
import * as bodies from "./bodies.ts";
import { cacheEndpoints } from "./cache-endpoints.ts";
import { originEndpoints } from "./origin-endpoints.ts";
import { certificateEndpoints } from "./certificate-endpoints.ts";
import { overviewOf } from "./overview.ts";
import { invite, people } from "./people.ts";
import type { Services } from "./services.ts";
import { ownershipEndpoints } from "./ownership-endpoints.ts";
import { sitesOfMember } from "../store/site-members.ts";
import { mustHaveSiteRole, siteRoleOf } from "./site-access.ts";
import { banEndpoints } from "./ban-endpoints.ts";
import { incidentEndpoints } from "./incident-endpoints.ts";
import { protectionEndpoints } from "./protection-endpoints.ts";
import { settingsEndpoints } from "./settings-endpoints.ts";
import type { SignIn, Visitor } from "./sign-in.ts";
import * as views from "./views.ts";

export type Call<Body> = {
  readonly services: Services;
  readonly signIn: SignIn;
  /** Present wherever the access is not public. */
  readonly visitor: Visitor;
  readonly actor: ActorContext;
  /** Path parameters, checked by `bodies.params`. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
  readonly body: Body;
  /** Whom the call comes from (`clientKey`). */
  readonly client: string;
};

export type Endpoint<Key extends keyof Endpoints = keyof Endpoints> = {
  readonly summary: string;
  readonly access: Access;
  readonly query: z.ZodType;
  readonly body: z.ZodType<Endpoints[Key]["body"]>;
  readonly answer: z.ZodType<Endpoints[Key]["answer"]>;
  readonly run: (call: Call<Endpoints[Key]["body"]>) => Promise<Endpoints[Key]["answer"]>;
};

const nothing: z.ZodType<null> = z.null();
const q = bodies.noQuery;
const STAFF = ["operator", "officer"] as const;
const BEGINNING = "1970-01-01T00:00:00.000Z";

export const endpoints: { readonly [Key in keyof Endpoints]: Endpoint<Key> } = {
  "GET /me": {
    summary: "Who is signed in, and whether this session may decide",
    access: "signed-in",
    query: q,
    body: nothing,
    answer: views.me,
    run: async ({ visitor, services }) =>
      meOf(visitor, (await accountsOf(services.db, visitor.person.userId)).slice(0, ACCOUNTS_SHOWN_MAX)),
  },
  "GET /overview": {
    summary: "The state of the whole instance",
    access: STAFF,
    query: q,
    body: nothing,
    answer: views.overview,
    run: ({ services }) => overviewOf(services),
  },
  "GET /sites": {
    summary: "Protected sites; a customer sees their own",
    access: ["operator", "officer", "customer"],
    query: q,
    body: nothing,
    answer: views.page(views.site),
    run: async (call) => visibleSites(call),
  },
  "POST /sites": {
    summary: "Protects a hostname, or moves it to another origin",
    access: ["operator", "customer"],
    query: q,
    body: bodies.newSite,
    answer: views.site,
    run: async (call) => {
      await mustOwn(call, call.body.account);
      await mustEditIfThere(call);
      const by = { name: call.visitor.person.name, userId: call.visitor.person.userId };
      const vouch = activeRoles(call.visitor).includes("operator");
      return call.services.sites.protect({ ...call.body, by, vouch });
    },
  },
  "POST /sites/{siteId}/release": {
    summary: "Lets a held site go live",
    access: STAFF,
    query: q,
    body: bodies.reasonOnly,
    answer: views.site,
    run: ({ services, actor, params, body }) =>
      services.sites.release(params["siteId"] as SiteId, { by: actor.userId, reason: body.reason }),
  },
  "POST /sites/{siteId}/refuse": {
    summary: "Refuses a held site",
    access: STAFF,
    query: q,
    body: bodies.reasonOnly,
    answer: views.site,
    run: ({ services, actor, params, body }) =>
      services.sites.refuse(params["siteId"] as SiteId, { by: actor.userId, reason: body.reason }),
  },
  "GET /edges": {
    summary: "The nodes of the edge",
    access: STAFF,
    query: q,
    body: nothing,
    answer: views.page(views.node),
    run: async ({ services }) => paged(await services.sites.nodes()),
  },
  "GET /cases": {
    summary: "The queue, most dangerous first",
    access: ["officer"],
    query: bodies.casesQuery,
    body: nothing,
    answer: views.page(views.caseRow),
    run: ({ services, actor, query }) => {
      const state = query["state"];
      return services.desk.cases(actor, state === undefined ? {} : { state });
    },
  },
  "GET /cases/{caseId}": {
    summary: "One case with its reports, evidence, decisions and what this officer may do",
    access: ["officer"],
    query: q,
    body: nothing,
    answer: views.caseView,
    run: ({ services, actor, params }) => services.desk.case(actor, params["caseId"] as CaseId),
  },
  "POST /cases/{caseId}/captures": {
    summary: "Captures a page as evidence",
    access: ["officer"],
    query: q,
    body: bodies.capture,
    answer: views.evidence,
    run: ({ services, actor, params, body }) =>
      services.desk.capture(actor, params["caseId"] as CaseId, body),
  },
  "POST /cases/{caseId}/assessments": {
    summary: "Assesses the danger by the rubric, each point with its evidence",
    access: ["officer"],
    query: q,
    body: bodies.newAssessment,
    answer: views.assessment,
    run: ({ services, actor, params, body }) => services.desk.assess(actor, params["caseId"] as CaseId, body),
  },
  "POST /cases/{caseId}/proposals": {
    summary: "Proposes a measure for a second officer to confirm",
    access: ["officer"],
    query: q,
    body: bodies.proposal,
    answer: views.decision,
    run: ({ services, actor, params, body }) =>
      services.desk.propose(actor, params["caseId"] as CaseId, body),
  },
  "POST /cases/{caseId}/refusals": {
    summary: "Proposes to decline, with the facts and the reason",
    access: ["officer"],
    query: q,
    body: bodies.refusal,
    answer: views.decision,
    run: ({ services, actor, params, body }) => services.desk.refuse(actor, params["caseId"] as CaseId, body),
  },
  "POST /cases/{caseId}/brakes": {
    summary: "Pulls the brake: withholds at once, for at most an hour unless ratified",
    access: ["officer"],
    query: q,
    body: bodies.proposal,
    answer: views.decision,
    run: ({ services, actor, params, body }) => services.desk.brake(actor, params["caseId"] as CaseId, body),
  },
  "POST /cases/{caseId}/referrals": {
    summary: "Refers the case to a host, a registrar, the police or a hotline",
    access: ["officer"],
    query: q,
    body: bodies.newReferral,
    answer: views.referral,
    run: ({ services, actor, params, body }) => services.desk.refer(actor, params["caseId"] as CaseId, body),
  },
  "POST /decisions/{decisionId}/{action}": {
    summary: "Confirms, rejects, withdraws, ratifies or releases a decision",
    access: ["officer"],
    query: q,
    body: bodies.reasonOnly,
    answer: views.decision,
    run: ({ services, actor, params, body }) =>
      services.desk.act(actor, params["decisionId"] as DecisionId, {
        action: params["action"] as DecisionAction,
        reason: body.reason,
      }),
  },
  "GET /measures/{measureId}": {
    summary: "A measure and how far it is in force; a customer sees those on their own sites",
    access: ["operator", "officer", "customer"],
    query: q,
    body: nothing,
    answer: views.measure,
    run: async (call) => {
      const measure = await call.services.desk.measure(call.params["measureId"] as MeasureId);
      await mustSee(call, measure.record.subject.siteId);
      return measure;
    },
  },
  "POST /measures/{measureId}/lifts": {
    summary: "Proposes to lift a measure",
    access: ["officer"],
    query: q,
    body: bodies.reasonOnly,
    answer: views.decision,
    run: ({ services, actor, params, body }) =>
      services.desk.proposeLift(actor, params["measureId"] as MeasureId, body),
  },
  "GET /appeals": {
    summary: "Appeals, and whether this officer may decide each",
    access: ["officer"],
    query: q,
    body: nothing,
    answer: views.page(views.appeal),
    run: ({ services, actor }) => services.desk.appeals(actor),
  },
  "POST /appeals/{appealId}/decision": {
    summary: "Decides an appeal; never one's own decision",
    access: ["officer"],
    query: q,
    body: bodies.appealDecision,
    answer: views.appeal,
    run: ({ services, actor, params, body }) =>
      services.desk.decideAppeal(actor, params["appealId"] as AppealId, body),
  },
  "POST /cases/{caseId}/openings": {
    summary: "Asks to open a sealed identity: another officer has to approve",
    access: ["officer"],
    query: q,
    body: bodies.newOpening,
    answer: views.opening,
    run: ({ services, actor, params, body }) =>
      services.desk.requestOpening(actor, params["caseId"] as CaseId, body),
  },
  "POST /openings/{openingId}/{step}": {
    summary: "Approves, refuses or withdraws the opening of a sealed identity",
    access: ["officer"],
    query: q,
    body: bodies.reasonOnly,
    answer: views.opening,
    run: ({ services, actor, params, body }) =>
      services.desk.actOnOpening(actor, params["openingId"] as OpeningId, {
        action: params["step"] as OpeningAction,
        reason: body.reason,
      }),
  },
  "GET /openings/{openingId}/sealed": {
    summary: "Hands out the sealed bytes of an approved opening to its two officers, counted each time",
    access: ["officer"],
    query: q,
    body: nothing,
    answer: views.sealedIdentity,
    run: ({ services, actor, params }) =>
      services.desk.sealedForOpening(actor, params["openingId"] as OpeningId),
  },
  "GET /people": {
    summary: "Everybody who can sign in",
    access: ["operator"],
    query: q,
    body: nothing,
    answer: views.page(views.person),
    run: async ({ services }) => paged(await people(services)),
  },
  "POST /people": {
    summary: "Invites a person; the link works once, for 72 hours",
    access: ["operator"],
    query: q,
    body: bodies.newPerson,
    answer: views.invited,
    run: (call) => invite(call, call.body),
  },
  "PUT /vault": {
    summary: "Sets the public key that reporters' identities are sealed to",
    access: ["operator"],
    query: q,
    body: bodies.vaultKey,
    answer: views.vaultKey,
    run: ({ services, body }) => services.desk.setVaultKey(body.publicKey),
  },
  "GET /transparency": {
    summary: "Counts of everything that was reported and decided",
    access: "public",
    query: bodies.rangeQuery,
    body: nothing,
    answer: views.transparency,
    run: ({ services, query }) =>
      services.desk.transparency({
        from: query["from"] ?? BEGINNING,
        until: query["until"] ?? new Date(services.now()).toISOString(),
      }),
  },
  ...settingsEndpoints,
  ...certificateEndpoints,
  ...cacheEndpoints,
  ...originEndpoints,
  ...ownershipEndpoints,
  ...banEndpoints,
  ...incidentEndpoints,
  ...protectionEndpoints,
};

function paged<T>(items: readonly T[]): Page<T> {
  return { items, total: items.length };
}

const seesAll = (visitor: Visitor): boolean => activeRoles(visitor).some((role) => role !== "customer");

async function visibleSites({ services, visitor }: Call<null>): Promise<Page<SiteView>> {
  if (seesAll(visitor)) return services.sites.list();
  return services.sites.list({ among: await sitesOfMember(services.db, visitor.person.userId) });
}

/** To protect a name that the account has already is to change that site: the role on it counts. */
async function mustEditIfThere(call: Call<{ hostname: string; account: string }>): Promise<void> {
  const { services, body } = call;
  const siteId = await services.sites.ofAccount(body);
  if (siteId !== null) await mustHaveSiteRole(call, siteId, "editor");
}

/** A site of somebody else does not exist for a customer (design law 10): the answer is the same as for one that is not there. */
async function mustSee(call: Call<unknown>, siteId: SiteId): Promise<void> {
  if (seesAll(call.visitor) || (await siteRoleOf(call, siteId)) !== null) return;
  throw new Fault("state.not-found", "There is no such measure");
}

async function mustOwn(call: Call<unknown>, account: string): Promise<void> {
  if (activeRoles(call.visitor).includes("operator")) return;
  const own = await accountsOf(call.services.db, call.visitor.person.userId);
  if (!own.includes(account)) {
    throw new Fault(
      "auth.forbidden",
      "Cannot add a site to an account that is not yours: use your own account's name",
    );
  }
}
