/**
 * Keys that a client invents: ten million values of a header by which an owner's rule counts, each with a browser's name, a referrer and a cookie that nobody sent before,
 * so that everything that remembers what clients send is filled. What is asked for lies in the cache: nobody is refused, or the client would be banned, and
 * nothing more would be counted. Afterwards the bans, the site's policy, its rules and a mitigation must hold as before, and memory must not have grown
 * beyond what the first keys took.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { EdgeMitigation } from "../src/contract/flood.ts";
import type { SiteId } from "../src/contract/ids.ts";
import { MATCH_ALL, PROTECTION_DEFAULT, type ProtectionRule } from "../src/contract/protection.ts";
import { workersMb, type FloodEdge } from "./flood-edge.ts";
import { seededRandom, addresses } from "./flood-random.ts";
import { Wire, type Answer } from "./flood-wire.ts";
import { rounded, run } from "./measure.ts";

const KEY_FIELD = "x-api-key";
const PER_KEY = 5;
const CONNECTIONS = 16;
const PIPELINED = 8;
const SECONDS_A_ROUND = 15;
const RULES: readonly ProtectionRule[] = [
  {
    name: "calls for each key",
    match: MATCH_ALL,
    rate: { key: { by: "header", name: KEY_FIELD }, requests: PER_KEY, windowSeconds: 3600, statuses: [] },
    action: "block",
    isShadow: false,
    holdSeconds: 0,
    endsAt: null,
    reason: "A key is one customer's.",
  },
  {
    name: "closed",
    match: { ...MATCH_ALL, paths: ["/keys/*"] },
    rate: null,
    action: "block",
    isShadow: false,
    holdSeconds: 0,
    endsAt: null,
    reason: "What is below here costs the origin nothing.",
  },
];

export type KeysFigures = {
  readonly keys: number;
  /** Of those, what the rule counted. */
  readonly counted: number;
  readonly seconds: number;
  /** All workers: before, after the first tenth, after all. */
  readonly memoryMb: { readonly before: number; readonly afterTenth: number; readonly after: number };
  readonly agentMb: { readonly before: number; readonly after: number };
  readonly bansHeld: boolean;
  readonly held: Readonly<Record<string, boolean>>;
};

export async function measureKeys(
  edge: FloodEdge,
  options: {
    readonly host: string;
    readonly other: { readonly host: string; readonly siteId: SiteId };
    readonly keys: number;
    readonly seed: number;
    readonly folder: string;
  },
): Promise<KeysFigures> {
  const { host, other } = options;
  // Watched like any site, and nothing is done about it: what is invented must reach the counters.
  const siteId = await edge.addSite(host, {
    protection: { ...PROTECTION_DEFAULT, floods: "shadow", rules: RULES },
  });
  const random = seededRandom(options.seed, "keys");
  const [banned = "", visitor = ""] = addresses(random, { count: 2, taken: new Set() });
  await edge.under.node.ban([{ siteId, address: banned, seconds: 3600 }]);
  const script = writeKeys(join(options.folder, "keys.lua"), { host, seed: options.seed });
  const before = workersMb(edge).pssMb;
  const agentBefore = process.memoryUsage.rss();
  const startedAt = performance.now();
  let keys = 0;
  let afterTenth = Number.NaN;
  let perSecond = 0;
  while (keys < options.keys) {
    const left = Math.ceil(((options.keys - keys) / perSecond) * 1.05);
    const round = keys === 0 ? 3 : Math.min(SECONDS_A_ROUND, left);
    await edge.under.node.mitigate([mitigationOf(other.siteId)]);
    const text = await run("wrk", [
      "-t1",
      `-c${CONNECTIONS}`,
      `-d${round}s`,
      "-s",
      script,
      `http://127.0.0.1:${edge.port}`,
    ]);
    const came = Number(/(\d+) requests in/.exec(text)?.[1] ?? Number.NaN);
    if (!(came > 0)) throw new Error(`Not one key was sent: ${text}`);
    keys += came;
    perSecond = came / round;
    if (Number.isNaN(afterTenth) && keys >= options.keys / 10) afterTenth = workersMb(edge).pssMb;
  }
  const seconds = (performance.now() - startedAt) / 1000;
  const ask = (from: string, request: Asked): Promise<number> => askStatus(edge.port, { from, ...request });
  const statuses: number[] = [];
  for (let i = 0; i <= PER_KEY; i++)
    statuses.push(await ask(visitor, { host, path: "/", fields: `${KEY_FIELD}: one-customer\r\n` }));
  const held = {
    ban: (await ask(banned, { host, path: "/" })) === 403,
    othersComeIn: (await ask(visitor, { host, path: "/" })) === 200,
    otherSite: (await ask(banned, { host: other.host, path: "/" })) === 200,
    ruleWithoutRate: (await ask(visitor, { host, path: "/keys/a" })) === 403,
    ruleWithRate: statuses.slice(0, PER_KEY).every((status) => status === 200) && statuses.at(-1) === 403,
    mitigation: (await ask(visitor, { host: other.host, path: "/", agent: HELD_AGENT })) === 403,
  };
  // They are at most a second old.
  await new Promise((resolve) => setTimeout(resolve, 1500));
  const counts = await edge.under.node.ruleCounts(siteId);
  const counted = counts.find(({ rule }) => rule === RULES[0]?.name)?.matched ?? 0;
  if (counted < keys)
    throw new Error(`Of ${keys} keys only ${counted} were counted: the figure would mean nothing.`);
  return {
    keys,
    counted,
    seconds: Math.round(seconds),
    memoryMb: { before, afterTenth, after: workersMb(edge).pssMb },
    agentMb: { before: mb(agentBefore), after: mb(process.memoryUsage.rss()) },
    bansHeld: Object.values(held).every(Boolean),
    held,
  };
}

const mb = (bytes: number): number => rounded(bytes / 2 ** 20);

const HELD_AGENT = "Held-By-A-Mitigation/1.0";
const mitigationOf = (siteId: SiteId): EdgeMitigation => ({
  mitigationId: "bench-keys",
  siteId,
  where: [{ feature: "userAgent", value: HELD_AGENT }],
  action: "block",
  difficultyBits: 0,
  perSecond: 0,
  seconds: 120,
});

type Asked = {
  readonly host: string;
  readonly path: string;
  readonly fields?: string;
  readonly agent?: string;
};

async function askStatus(port: number, asked: Asked & { readonly from: string }): Promise<number> {
  const wire = new Wire({ port, address: asked.from, timeoutMs: 10_000 });
  const answer = await new Promise<Answer | Error>((done) => {
    wire.send(
      `GET ${asked.path} HTTP/1.1\r\nHost: ${asked.host}\r\nUser-Agent: ${asked.agent ?? "Mozilla/5.0"}\r\n${asked.fields ?? ""}\r\n`,
      { keepBody: false, done },
    );
  });
  wire.close();
  if (answer instanceof Error) throw answer;
  return answer.status;
}

/** Several requests in one write, none like another. */
function writeKeys(file: string, { host, seed }: { readonly host: string; readonly seed: number }): string {
  writeFileSync(
    file,
    `local run, at = ${seed} * 1000 + os.time() % 1000, 0
local form = "GET /assets/logo.svg HTTP/1.1\\r\\nHost: ${host}\\r\\nUser-Agent: client/%x\\r\\nReferer: https://%x.example/\\r\\nCookie: c%x=%x\\r\\n${KEY_FIELD}: %x-%x-%x\\r\\n\\r\\n"
local concat = table.concat
request = function()
  local parts = {}
  for i = 1, ${PIPELINED} do
    at = at + 1
    local a = at * 2654435761 % 4294967296
    parts[i] = form:format(a, a, at, a, run, at, a)
  end
  return concat(parts)
end
`,
  );
  return file;
}
