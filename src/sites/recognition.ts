/**
 * Whether what a site leads to is a withdrawn site under another name (design §1 step 6). Its origin is looked at when the site is
 * added, and again at every change of where requests go: a harmless page at the adding and the old server afterwards would walk past
 * it. What did not change is not looked at again, and what cannot be looked at is refused, at a change as at the adding. A site is
 * never compared with its own look: its own measures stand on it. Bounds: LOOKS_A_CHANGE_MAX pairs of server and name, LOOKING_MS_MAX.
 */
import { Fault } from "../contract/fault.ts";
import type { SiteId } from "../contract/ids.ts";
import type { OriginPool } from "../contract/origin-pool.ts";
import type { Settings } from "../contract/settings.ts";
import type { Db } from "../store/db.ts";
import { allLooks, type LookRow } from "../store/sites.ts";
import { compareLooks, LOOK_SCORE_HELD, takeLook, type Look, type LookMatch } from "./look.ts";
import { ask, askOrigin, checkOrigin, originUrl, type Origin, type OriginAnswer } from "./origin.ts";

export type Recognition = {
  /** What one server shows under one name now. */
  lookAt(origin: Origin, hostname: string): Promise<Look>;
  atAdding(origin: Origin, hostname: string): Promise<LookMatch | null>;
  /** Null also when requests go where they went before. */
  atChange(change: OriginChange): Promise<LookMatch | null>;
  /**
   * What the site's servers show under one more name. Null also when they cannot be asked: they are in use already, and may let in none but
   * the edges.
   */
  atNewName(added: {
    readonly siteId: SiteId;
    readonly hostname: string;
    readonly pool: OriginPool;
  }): Promise<LookMatch | null>;
};

export type OriginChange = {
  readonly siteId: SiteId;
  /** All that the site claims: a server may answer each of them with another page. */
  readonly hostnames: readonly string[];
  readonly before: OriginPool;
  readonly after: OriginPool;
};

export const LOOKS_A_CHANGE_MAX = 64;
const LOOKING_MS_MAX = 30_000;
const LOOKS_AT_ONCE = 8;
const LOOKS_COMPARED_MAX = 500;

/** One page of one server: `index` is the server's place in the pool. */
type Target = { readonly origin: Origin; readonly index: number; readonly hostname: string };

export function openRecognition(deps: {
  readonly db: Db;
  readonly settings: Pick<Settings, "originPrivateRanges" | "edgeListen">;
  readonly now: () => number;
  readonly random: (bytes: number) => Uint8Array;
}): Recognition {
  const addressOf = (origin: Origin): Promise<string> =>
    checkOrigin(origin, {
      privateRanges: deps.settings.originPrivateRanges,
      edgeListen: deps.settings.edgeListen,
    });

  async function lookAt(origin: Origin, hostname: string): Promise<Look> {
    const address = await addressOf(origin);
    return lookBy((path) => askOrigin(origin, { address, hostname, path }), { address, port: origin.port });
  }

  async function lookAtTarget(target: Target, tlsName: string | null): Promise<Look> {
    const { origin, hostname } = target;
    try {
      const address = await addressOf(origin);
      return await lookBy((path) => askAnyway({ origin, address, hostname, tlsName, path }), {
        address,
        port: origin.port,
      });
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      throw new Fault(error.code, error.detail, {
        fields: { [`origin.servers.${target.index}.host`]: error.detail },
        cause: error,
      });
    }
  }

  async function atChange(change: OriginChange): Promise<LookMatch | null> {
    const targets = newTargets(change);
    if (targets.length === 0) return null;
    const known = (await allLooks(deps.db, LOOKS_COMPARED_MAX)).filter(
      ({ site_id }) => site_id !== change.siteId,
    );
    const endsMs = deps.now() + LOOKING_MS_MAX;
    const chosen = someOf(targets, deps.random);
    for (let from = 0; from < chosen.length; from += LOOKS_AT_ONCE) {
      if (deps.now() > endsMs) throw tooSlow();
      const batch = chosen.slice(from, from + LOOKS_AT_ONCE);
      const looks = await Promise.all(batch.map((target) => lookAtTarget(target, change.after.tls.name)));
      for (const look of looks) {
        const match = recognise(look, known);
        if (match !== null) return match;
      }
    }
    return null;
  }

  return {
    lookAt,
    atChange,

    async atAdding(origin, hostname) {
      return recognise(await lookAt(origin, hostname), await allLooks(deps.db, LOOKS_COMPARED_MAX));
    },

    async atNewName({ siteId, hostname, pool }) {
      if (pool.hostHeader !== null) return null; // Servers get the same Host as before.
      const before = { ...pool, servers: [] };
      try {
        return await atChange({ siteId, hostnames: [hostname], before, after: pool });
      } catch (error) {
        if (error instanceof Fault) return null;
        throw error;
      }
    },
  };
}

/** Servers and names that requests did not go to before. Another Host, or another name in TLS, may lead to another page. */
export function newTargets({ hostnames, before, after }: OriginChange): readonly Target[] {
  const sameNames = before.hostHeader === after.hostHeader && before.tls.name === after.tls.name;
  const keyOf = (pool: OriginPool, server: { readonly host: string; readonly port: number }): string =>
    `${pool.scheme} ${server.host} ${server.port}`;
  const known = new Set(sameNames ? before.servers.map((server) => keyOf(before, server)) : []);
  const names = after.hostHeader === null ? hostnames : [after.hostHeader];
  return after.servers.flatMap((server, index) => {
    if (known.has(keyOf(after, server))) return [];
    const origin = { scheme: after.scheme, host: server.host, port: server.port };
    return names.map((hostname) => ({ origin, index, hostname }));
  });
}

/** All of them, or chance's choice: nobody can order servers and names so that the telling one is left out. */
function someOf(targets: readonly Target[], random: (bytes: number) => Uint8Array): readonly Target[] {
  if (targets.length <= LOOKS_A_CHANGE_MAX) return targets;
  return targets
    .map((target) => ({ target, lot: Buffer.from(random(6)).readUIntBE(0, 6) }))
    .sort((a, b) => a.lot - b.lot)
    .slice(0, LOOKS_A_CHANGE_MAX)
    .map(({ target }) => target);
}

async function lookBy(
  ask: (path: string) => Promise<OriginAnswer>,
  at: { readonly address: string; readonly port: number },
): Promise<Look> {
  const page = await ask("/");
  const icon = await ask("/favicon.ico").catch(() => null);
  return takeLook({
    html: page.body,
    // Many applications answer any path with their page: only a picture is an icon.
    favicon: icon !== null && icon.status === 200 && icon.contentType.startsWith("image/") ? icon.body : null,
    ...at,
  });
}

function recognise(look: Look, known: readonly LookRow[]): LookMatch | null {
  let best: LookMatch | null = null;
  for (const row of known) {
    const match = compareLooks(look, row.features as Look);
    if (match.score < LOOK_SCORE_HELD || match.score <= (best?.score ?? 0)) continue;
    best = {
      score: match.score,
      because: [`Looks like the site of case ${row.case_number}`, ...match.because],
    };
  }
  return best;
}

const tooSlow = (): Fault =>
  new Fault(
    "site.origin-unreachable",
    "Cannot take these servers as they answer too slowly to be looked at: change fewer of them at once, or try again",
  );

type Asking = {
  readonly origin: Origin;
  readonly address: string;
  readonly hostname: string;
  readonly tlsName: string | null;
  readonly path: string;
};

/** As `askOrigin`, whatever certificate is shown: an owner may have turned its verification off, and nothing secret is sent. */
async function askAnyway(asking: Asking): Promise<OriginAnswer> {
  try {
    const { origin, tlsName, ...rest } = asking;
    return await ask(origin, { ...rest, tls: { name: tlsName, anyCertificate: true } });
  } catch (cause) {
    const code = (cause as { code?: string }).code ?? "no answer";
    const { tlsName, origin } = asking;
    const how =
      origin.scheme === "https"
        ? `check that it runs and accepts connections from this edge, ${tlsName === null ? "" : `under the name "${tlsName}", `}for a first look also without the edge's certificate`
        : "check that it runs and accepts connections from this edge";
    throw new Fault(
      "site.origin-unreachable",
      `Cannot reach the origin ${originUrl(origin)} (${code}): ${how}`,
      { cause },
    );
  }
}
