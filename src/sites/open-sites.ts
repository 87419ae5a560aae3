/**
 * The `Sites` service on the database and the bus. Order of durability: (1) one transaction makes the change and the next
 * policy version, marked unpublished; (2) `publish` compiles the newest version and puts it on the bus; (3) the version is
 * marked published. A crash after (1) is repaired by the next `publish`; a crash after (2) publishes the same version once more,
 * which every edge takes as already known. At the start every policy is put on the bus again, as an in-process bus
 * remembers nothing.
 */
import { Fault } from "../contract/fault.ts";
import type { InForce, NodeView, SiteView } from "../contract/http.ts";
import { newId, type AccountId, type NodeId, type SiteId } from "../contract/ids.ts";
import type { NodeHello, PolicyAck, SitePolicy } from "../contract/policy.ts";
import type { Settings } from "../contract/settings.ts";
import { ACK_TOPICS, HELLO_TOPICS, policyTopic } from "../contract/topics.ts";
import type { Bus } from "../bus/bus.ts";
import type { Db, Queryable, Tx } from "../store/db.ts";
import { singleOrigin, type OriginPool } from "../contract/origin-pool.ts";
import { newSiteSettings } from "../contract/site-settings.ts";
import { wellKnownAnswers } from "../store/acme.ts";
import { activeMeasures } from "../store/measures.ts";
import { claimInAccount, forgiveReleases, releaseOf } from "../store/hostname-proofs.ts";
import { accountByName } from "../store/people.ts";
import { addAccountAsOwners, removeMembers } from "../store/site-members.ts";
import { currentRevision, deleteSigningKey, signingKeyOf } from "../store/site-settings.ts";
import * as rows from "../store/sites.ts";
import { compilePolicy } from "./compile.ts";
import { openDnsLook } from "./dns-look.ts";
import { wildcardOver } from "./hostname.ts";
import { parseClaim } from "./hostname-names.ts";
import { openHostnames, type OwnerMail } from "./hostnames.ts";
import { openHostnamePlans } from "./hostname-plan.ts";
import type { LookMatch } from "./look.ts";
import { originUrl, parseOrigin, type Origin } from "./origin.ts";
import { openRecognition } from "./recognition.ts";
import type { CertificateFacts } from "./settings-check.ts";
import { addRevision, BY_OPERATOR, openSettingsBook, type ChangedBy } from "./site-settings.ts";
import { openOriginWatch } from "./origin-watch.ts";
import { openPurges, purgesInForce } from "./purges.ts";
import { openBans } from "./bans.ts";
import { openIncidents } from "./incidents.ts";
import { openNotifications } from "./notifications.ts";
import { openProtection, type AskRuleCounts, type ProtectionInside } from "./protection.ts";
import type { NameLook } from "./name-look.ts";
import type { SiteFacts, Sites } from "./sites.ts";

/** A node that has not said hello for this long counts as gone: nobody waits for its acknowledgement. */
const NODE_SILENT_MS = 15_000;
const SITES_LISTED_MAX = 1000;
const SITES_MAX = 100_000;
const NODES_MAX = 1000;
/** Where nobody keeps certificates, no site has one. */
const NO_CERTIFICATES: CertificateFacts = {
  hasForVisitors: async () => false,
  isForOrigins: async () => false,
};

export async function openSites(options: {
  readonly db: Db;
  readonly bus: Bus;
  readonly settings: Settings;
  readonly now: () => number;
  readonly random: (bytes: number) => Uint8Array;
  readonly onAlarm: (code: string, what: string) => void;
  readonly certificates?: CertificateFacts;
  /** How owners are told about their names; nobody is without it. */
  readonly mail?: OwnerMail;
  /** What this edge calls itself in CDN-Loop, so that no proof is ever fetched through it. */
  readonly cdnId?: string;
  /** The port that files of proof are fetched from; 80 unless a test says otherwise. */
  readonly proofPort?: number;
  /** What nodes count of a site's rules; nobody says when left out. */
  readonly ruleCounts?: AskRuleCounts;
  /** Where a webhook's name leads; the system is asked unless a test says otherwise. */
  readonly webhookLookUp?: NameLook;
}): Promise<Sites> {
  const { db, bus, settings, now, random } = options;
  const nodes = new Map<NodeId, NodeHello>();
  const look = {
    dns: openDnsLook(settings.dnsServers),
    privateRanges: settings.originPrivateRanges,
    edgeAddresses: settings.edgeAddresses,
    cdnId: options.cdnId ?? "parapet",
    httpPort: options.proofPort ?? 80,
  };
  const recognition = openRecognition(options);
  const hostnames = openHostnames({ ...options, mail: options.mail ?? null, publish, look, recognition });

  const unsubscribe = [
    bus.subscribe(HELLO_TOPICS, ({ value }) => {
      const hello = value as NodeHello;
      if (nodes.has(hello.nodeId) || nodes.size < NODES_MAX) nodes.set(hello.nodeId, hello);
    }),
    bus.subscribe(ACK_TOPICS, async ({ value }) => {
      const ack = value as PolicyAck;
      await rows.upsertAck(db, {
        siteId: ack.siteId,
        nodeId: ack.nodeId,
        version: ack.version,
        ok: ack.ok,
        why: ack.ok ? null : ack.why,
        at: new Date(ack.atMs),
      });
      if (!ack.ok)
        options.onAlarm(
          "policy.refused",
          `Edge ${ack.nodeId} refused version ${ack.version} of ${ack.siteId}: ${ack.why}`,
        );
    }),
  ];
  for (const siteId of await rows.siteIdsWithPolicy(db)) await publishSite(siteId);

  async function publishSite(siteId: SiteId): Promise<void> {
    const policy = await db.transaction<SitePolicy | null>(async (tx) => {
      const site = await rows.siteById(tx, siteId);
      const current = await currentRevision(tx, siteId);
      if (site === null || current === null) return null;
      return compilePolicy(site, {
        settings: current.settings,
        signingKey: await signingKeyOf(tx, siteId),
        preview: await hostnames.previewOf(tx, site),
        measures: await activeMeasures(tx, siteId),
        purged: await purgesInForce(tx, siteId, now()),
        wellKnown: await wellKnownAnswers(tx, siteId),
      });
    });
    if (!policy) return;
    await bus.publish(policyTopic(siteId), policy, { keep: true });
    await rows.markPublished(db, siteId, { version: policy.version, at: new Date(now()) });
  }

  async function publish(): Promise<{ published: number }> {
    const waiting = await rows.unpublishedSites(db, SITES_LISTED_MAX);
    for (const siteId of waiting) await publishSite(siteId);
    return { published: waiting.length };
  }

  const alive = (hello: NodeHello): boolean => now() - hello.seenAtMs < NODE_SILENT_MS;

  const origins = openOriginWatch({
    db,
    bus,
    settings,
    now,
    isAlive: (nodeId) => {
      const hello = nodes.get(nodeId);
      return hello !== undefined && alive(hello);
    },
  });

  async function inForce(siteId: SiteId, version: number): Promise<InForce> {
    const living = [...nodes.values()].filter(alive);
    const acks = (await rows.acksOf(db, siteId)).filter((ack) =>
      living.some((node) => node.nodeId === ack.node_id),
    );
    const good = acks.filter((ack) => ack.ok && ack.version >= version);
    const accepted = await rows.acceptedAt(db, siteId, version);
    const complete = living.length > 0 && good.length === living.length;
    return {
      acked: good.length,
      of: living.length,
      ms:
        complete && accepted
          ? Math.max(0, Math.max(...good.map((ack) => ack.at.getTime())) - accepted.getTime())
          : null,
      refusals: acks
        .filter((ack) => !ack.ok && ack.version >= version)
        .map((ack) => ({ nodeId: ack.node_id, why: ack.why ?? "" })),
    };
  }

  async function viewOf(site: rows.SiteRow, measures: number): Promise<SiteView> {
    return {
      siteId: site.site_id,
      account: site.account_name,
      hostnames: site.hostnames,
      originUrl: originUrl(firstOrigin(site.origin)),
      state: site.state,
      heldBecause: site.held_because,
      createdAt: site.created_at.toISOString(),
      version: site.version,
      inForce: await inForce(site.site_id, site.version),
      measures,
    };
  }

  async function view(siteId: SiteId): Promise<SiteView> {
    const site = await rows.siteById(db, siteId);
    if (!site)
      throw new Fault("state.not-found", `Cannot find the site "${siteId.slice(0, 40)}": check the address`);
    return viewOf(site, (await rows.measuresPerSite(db)).get(siteId) ?? 0);
  }

  async function settle(
    siteId: SiteId,
    change: { readonly state: "active" | "refused"; readonly by: string; readonly reason: string },
  ): Promise<SiteView> {
    if (change.reason.trim().length < 10) {
      throw new Fault(
        "input.invalid",
        "Cannot settle a held site without a reason: write at least ten characters",
      );
    }
    await db.transaction(async (tx) => {
      const site = await rows.siteById(tx, siteId);
      if (!site)
        throw new Fault(
          "state.not-found",
          `Cannot find the site "${siteId.slice(0, 40)}": check the address`,
        );
      if (site.state !== "held") {
        throw new Fault(
          "state.conflict",
          `Cannot settle this site as it is ${site.state}, not held: reload the page`,
        );
      }
      await rows.setSiteState(tx, siteId, change);
      if (change.state === "refused") await hostnames.releaseIn(tx, siteId);
      else await forgiveReleases(tx, siteId);
      await rows.nextVersion(tx, siteId, new Date(now()));
    });
    await publish();
    return view(siteId);
  }

  async function factsOf(q: Queryable, site: rows.SiteRow | null): Promise<SiteFacts | null> {
    if (!site) return null;
    return {
      siteId: site.site_id,
      accountId: site.account_id,
      accountName: site.account_name,
      accountEmail: site.account_email,
      hostnames: site.proven,
      originUrl: originUrl(firstOrigin(site.origin)),
      version: site.version,
    };
  }

  const book = openSettingsBook({
    db,
    settings,
    now,
    random,
    recognition,
    certificates: options.certificates ?? NO_CERTIFICATES,
    publish,
    inForce,
    originWarnings: origins.warnings,
  });
  const protection: ProtectionInside = openProtection({
    bans: openBans(options),
    incidents: openIncidents({
      ...options,
      nodeName: (nodeId) => nodes.get(nodeId)?.name ?? nodeId,
    }),
    notifications: openNotifications({
      ...options,
      mail: options.mail ?? null,
      ...(options.webhookLookUp === undefined ? {} : { lookUp: options.webhookLookUp }),
    }),
    settings: book,
    ruleCounts: options.ruleCounts ?? (async () => null),
    now,
  });
  await protection.start();

  return {
    protection,

    async protect(input) {
      const hostname = parseClaim(input.hostname, settings);
      if (!hostname.ok)
        throw new Fault("input.invalid", hostname.why, { fields: { hostname: hostname.why } });
      const origin = parseOrigin(input.originUrl);
      if (!origin.ok)
        throw new Fault("site.origin-unusable", origin.why, { fields: { originUrl: origin.why } });
      const account = input.account.trim();
      if (account === "" || account.length > 200) {
        throw new Fault(
          "input.invalid",
          "Cannot add a site without an account name of 1 to 200 characters: give one",
        );
      }
      const looked = await lookBefore({ hostname: hostname.value, origin: origin.value, account });
      const siteId = await db.transaction((tx) =>
        addOrMove(tx, {
          hostname: hostname.value,
          origin: origin.value,
          account,
          email: input.accountEmail ?? null,
          ...looked,
          by: input.by ?? BY_OPERATOR,
          vouch: input.vouch ?? input.by === undefined,
        }),
      );
      await publish();
      return view(siteId);
    },

    async ofAccount(input) {
      const parsed = parseClaim(input.hostname, settings);
      const accountId = await accountByName(db, input.account.trim());
      if (!parsed.ok || accountId === null) return null;
      return (await claimInAccount(db, { hostname: parsed.value, accountId }))?.siteId ?? null;
    },

    async leave(siteId) {
      await db.transaction(async (tx) => {
        const site = await rows.siteById(tx, siteId);
        if (site === null || site.state === "removed") {
          throw new Fault("state.not-found", "There is no such site");
        }
        await takeOff(tx, siteId);
      });
      await publish();
      return view(siteId);
    },

    async unprotect(hostname) {
      const siteId = await db.transaction(async (tx) => {
        const site = await rows.siteByHostname(tx, hostname.trim().toLowerCase());
        if (!site)
          throw new Fault(
            "state.not-found",
            `Cannot find "${hostname.slice(0, 80)}" among the protected hostnames: check the name`,
          );
        await takeOff(tx, site.site_id);
        return site.site_id;
      });
      await publish();
      return view(siteId);
    },

    async list(of) {
      const among = of === undefined ? {} : { among: [...of.among] };
      const sites = await rows.allSites(db, { limit: SITES_LISTED_MAX, ...among });
      const measures = await rows.measuresPerSite(db);
      const items = await Promise.all(sites.map((site) => viewOf(site, measures.get(site.site_id) ?? 0)));
      return { items, total: of === undefined ? (await rows.countSites(db)).total : items.length };
    },

    view,

    async find(q, hostname) {
      const exact = await rows.siteByHostname(q, hostname);
      const wildcard = wildcardOver(hostname);
      return factsOf(q, exact ?? (wildcard === null ? null : await rows.siteByHostname(q, wildcard)));
    },

    facts: async (q, siteId) => factsOf(q, await rows.siteById(q, siteId)),

    touch: async (tx, siteId) => ({ version: await rows.nextVersion(tx, siteId, new Date(now())) }),

    publish,
    inForce,
    hostnames,
    purges: openPurges({ db, now, publish, inForce }),
    origins,
    plan: openHostnamePlans({ look, settings }),
    settings: book,

    async nodes(): Promise<readonly NodeView[]> {
      return [...nodes.values()].map((hello) => ({
        nodeId: hello.nodeId,
        name: hello.name,
        seenAt: new Date(hello.seenAtMs).toISOString(),
        alive: alive(hello),
        nginxVersion: hello.nginxVersion,
        workers: hello.workers,
        sites: hello.sites,
      }));
    },

    release: (siteId, input) => settle(siteId, { state: "active", ...input }),
    refuse: (siteId, input) => settle(siteId, { state: "refused", ...input }),

    async rememberLook(siteId, { caseNumber }) {
      const site = await rows.siteById(db, siteId);
      const hostname = site?.hostnames[0];
      if (!site || hostname === undefined) return;
      const origin = firstOrigin(site.origin);
      try {
        const features = await recognition.lookAt(origin, site.origin.hostHeader ?? hostname);
        await rows.saveLook(db, { siteId, caseNumber, features });
      } catch (error) {
        if (!(error instanceof Fault)) throw error;
        options.onAlarm(
          "site.look-missing",
          `Cannot remember what the site of case ${caseNumber} looks like (${error.detail}): its return would not be recognised`,
        );
      }
    },

    async close() {
      for (const off of unsubscribe) off();
      await protection.close();
      await origins.close();
    },
  };

  /** Nothing of the site is served, and nobody is let into it, once this is published. */
  async function takeOff(tx: Tx, siteId: SiteId): Promise<void> {
    await hostnames.releaseIn(tx, siteId);
    await rows.setSiteState(tx, siteId, { state: "removed", by: null, reason: null });
    await protection.removeIn(tx, siteId);
    await removeMembers(tx, siteId);
    await deleteSigningKey(tx, siteId);
    await rows.nextVersion(tx, siteId, new Date(now()));
  }

  /** What a new site, or a new origin of a site that is there, looks like. Before the transaction, as an origin may be slow. */
  async function lookBefore(input: {
    readonly hostname: string;
    readonly origin: Origin;
    readonly account: string;
  }): Promise<{ readonly match: LookMatch | null; readonly lookedAt: string | null }> {
    const { hostname, origin } = input;
    const accountId = await accountByName(db, input.account);
    const own = accountId === null ? null : await claimInAccount(db, { hostname, accountId });
    const site = own === null ? null : await rows.siteById(db, own.siteId);
    if (site === null) return { match: await recognition.atAdding(origin, hostname), lookedAt: null };
    const lookedAt = stateOf(site);
    if (site.state !== "active") return { match: null, lookedAt }; // It is refused without a look.
    const after = movedPool(site.origin, origin) ?? site.origin;
    const change = { siteId: site.site_id, hostnames: site.hostnames, before: site.origin, after };
    return { match: await recognition.atChange(change), lookedAt };
  }

  async function addOrMove(
    tx: Tx,
    input: {
      hostname: string;
      origin: Origin;
      account: string;
      email: string | null;
      match: LookMatch | null;
      /** The site and the revision that the look was taken with; null when there was no such site. */
      lookedAt: string | null;
      by: ChangedBy;
      vouch: boolean;
    },
  ): Promise<SiteId> {
    const accountId = await rows.ensureAccount(tx, {
      accountId: newId<AccountId>("acct", random),
      name: input.account,
      email: input.email,
    });
    const { hostname, vouch } = input;
    const own = await claimInAccount(tx, { hostname, accountId });
    const existing = own === null ? null : await rows.siteById(tx, own.siteId);
    if (existing !== null) {
      if (existing.state !== "active") {
        throw new Fault(
          "site.held",
          `Cannot change "${input.hostname}" as it is ${existing.state}: a person has to settle it first`,
        );
      }
      if (stateOf(existing) !== input.lookedAt) {
        throw new Fault(
          "state.conflict",
          `Cannot move "${hostname}" as its settings were changed meanwhile: try again`,
        );
      }
      if (vouch) await hostnames.vouchIn(tx, existing.site_id, hostname);
      await moveOrigin(tx, { siteId: existing.site_id, origin: input.origin, by: input.by });
      if (input.match !== null) await rows.holdSite(tx, existing.site_id, input.match.because);
      await rows.nextVersion(tx, existing.site_id, new Date(now()));
      return existing.site_id;
    }
    if ((await rows.countSites(tx)).total >= SITES_MAX) {
      throw new Fault("limit.full", `Cannot add a site as there are ${SITES_MAX} already: remove some first`);
    }
    const because = [...(input.match?.because ?? [])];
    if ((await releaseOf(tx, hostname))?.underMeasure === true) {
      because.push(`"${hostname}" was let go of while a measure stood on it, or while its site was held`);
    }
    const siteId = newId<SiteId>("site", random);
    await rows.insertSite(tx, {
      site_id: siteId,
      account_id: accountId,
      state: because.length > 0 ? "held" : "active",
      held_because: because,
    });
    await addAccountAsOwners(tx, siteId, new Date(now()));
    await addRevision(tx, options, {
      siteId,
      before: null,
      settings: newSiteSettings({
        origin: singleOrigin(input.origin.scheme, input.origin.host, input.origin.port),
        limit: settings.defaultLimit,
        bodyBytesMax: settings.bodyBytesMax,
      }),
      by: input.by,
      note: "Added",
    });
    await hostnames.claimIn(tx, { siteId, accountId, hostname, vouch });
    await rows.nextVersion(tx, siteId, new Date(now()));
    return siteId;
  }

  /** One server in place of those that were there; all else that was set stays. The same server again changes nothing. */
  async function moveOrigin(
    tx: Tx,
    move: { readonly siteId: SiteId; readonly origin: Origin; readonly by: ChangedBy },
  ): Promise<void> {
    const before = (await currentRevision(tx, move.siteId))?.settings;
    if (before === undefined) throw new Error(`site ${move.siteId} has no settings`);
    const origin = movedPool(before.origin, move.origin);
    if (origin === null) return;
    await addRevision(tx, options, {
      siteId: move.siteId,
      before,
      settings: { ...before, origin },
      by: move.by,
      note: `Moved to ${originUrl(move.origin)}`,
    });
  }
}

/** What a look is good for: another site, or other settings, would have to be looked at again. */
const stateOf = (site: rows.SiteRow): string => `${site.site_id} ${site.revision}`;

/** One server in place of the pool's; null when it is the only one already. */
function movedPool(before: OriginPool, { scheme, host, port }: Origin): OriginPool | null {
  const [server, ...others] = before.servers;
  const stays = server?.host === host && server.port === port && before.scheme === scheme;
  return stays && others.length === 0
    ? null
    : { ...before, scheme, servers: singleOrigin(scheme, host, port).servers };
}

/** The server that stands for the whole pool where one address is shown. */
function firstOrigin(pool: OriginPool): Origin {
  const [first] = pool.servers;
  if (first === undefined) throw new Error("an origin pool has no server");
  return { scheme: pool.scheme, host: first.host, port: first.port };
}
