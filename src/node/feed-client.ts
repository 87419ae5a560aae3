/** The agent's side of nginx's control socket: one request per connection, bounded in time and size. */
import { request } from "node:http";
import type { EdgeBan } from "../contract/ban.ts";
import type { SiteId } from "../contract/ids.ts";
import type { RuleCounts } from "../contract/protection.ts";
import type { EdgeChange, EdgeFeedAnswer } from "../contract/edge-site.ts";
import type { EdgeMitigation } from "../contract/flood.ts";
import type { CrawlerFinding, CrawlerQuestion } from "./crawlers.ts";

const ANSWER_BYTES_MAX = 1024 * 1024;
/** Twice what the edge stops at (src/edge/nginx/sample.ts), since its last batch goes over. */
const WATCH_BYTES_MAX = 4 * 1024 * 1024;
const ANSWER_MS = 10_000;

export function postChanges(socketPath: string, changes: readonly EdgeChange[]): Promise<EdgeFeedAnswer> {
  return call(socketPath, { method: "POST", path: "/policy", body: JSON.stringify({ changes }) });
}

/** Which of the bans, counted from 0, nginx has no room for. It knows the others at once, and all of its workers within 50 ms. */
export async function postBans(
  socketPath: string,
  bans: readonly EdgeBan[],
): Promise<{ readonly refused: readonly number[] }> {
  return call(socketPath, { method: "POST", path: "/bans", body: JSON.stringify({ bans }) });
}

/** What protection rules counted: of one site, or of all. */
export async function askRuleCounts(
  socketPath: string,
  siteId: SiteId | null,
): Promise<{ readonly rules: readonly RuleCounts[] }> {
  const path = siteId === null ? "/rules" : `/rules?site=${siteId}`;
  return call(socketPath, { method: "GET", path, body: "" });
}

/** Whether new answers may be stored in the cache from now on. */
export function postCacheState(socketPath: string, storing: boolean): Promise<unknown> {
  return call(socketPath, { method: "POST", path: `/cache?storing=${storing}`, body: "" });
}

/** What is usual at sites' origins, for the gate. */
export function postGates(
  socketPath: string,
  gates: readonly { readonly siteId: SiteId; readonly terms: string }[],
): Promise<unknown> {
  return call(socketPath, { method: "POST", path: "/gates", body: JSON.stringify({ gates }) });
}

/** What nginx counted and sampled since the time before; nginx forgets it. */
export function postWatch(socketPath: string): Promise<unknown> {
  return call(socketPath, { method: "POST", path: "/watch", body: "", bytesMax: WATCH_BYTES_MAX });
}

/** Resolves when nginx keeps them; all of its workers know them within 50 ms. */
export function postMitigations(
  socketPath: string,
  mitigations: readonly EdgeMitigation[],
): Promise<unknown> {
  return call(socketPath, { method: "POST", path: "/mitigations", body: JSON.stringify({ mitigations }) });
}

/** The keys of challenges, as text (`challenge-keys.ts`). In force within a second. */
export function postChallengeKeys(socketPath: string, keys: string): Promise<unknown> {
  return call(socketPath, { method: "POST", path: "/challenge-keys", body: keys });
}

/** Who says to be a crawler, each once. */
export function askCrawlers(socketPath: string): Promise<{ readonly asked: readonly CrawlerQuestion[] }> {
  return call(socketPath, { method: "GET", path: "/crawlers", body: "" });
}

export function postCrawlers(socketPath: string, found: readonly CrawlerFinding[]): Promise<unknown> {
  return call(socketPath, { method: "POST", path: "/crawlers", body: JSON.stringify({ found }) });
}

export function askStatus(socketPath: string): Promise<EdgeFeedAnswer> {
  return call(socketPath, { method: "GET", path: "/status", body: "" });
}

function call<Answer>(
  socketPath: string,
  input: {
    readonly method: string;
    readonly path: string;
    readonly body: string;
    readonly bytesMax?: number;
  },
): Promise<Answer> {
  const bytesMax = input.bytesMax ?? ANSWER_BYTES_MAX;
  return new Promise((resolve, reject) => {
    const asking = request(
      {
        socketPath,
        method: input.method,
        path: input.path,
        agent: false,
        timeout: ANSWER_MS,
        headers: { host: "control", "content-length": Buffer.byteLength(input.body) },
      },
      (answer) => {
        const parts: Buffer[] = [];
        let bytes = 0;
        answer.on("data", (part: Buffer) => {
          bytes += part.length;
          if (bytes > bytesMax) asking.destroy(new Error("nginx's answer is too large"));
          else parts.push(part);
        });
        answer.on("error", reject);
        answer.on("end", () => {
          const text = Buffer.concat(parts).toString("utf8");
          if (answer.statusCode !== 200) {
            reject(new Error(`nginx refused the changes with ${answer.statusCode}: ${text.slice(0, 200)}`));
            return;
          }
          try {
            resolve(JSON.parse(text) as Answer);
          } catch (error) {
            reject(error instanceof Error ? error : new Error(String(error)));
          }
        });
      },
    );
    asking.on("timeout", () => asking.destroy(new Error(`nginx did not answer within ${ANSWER_MS} ms`)));
    asking.on("error", reject);
    asking.end(input.body);
  });
}
