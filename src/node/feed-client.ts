/** The agent's side of nginx's control socket: one request per connection, bounded in time and size. */
import { request } from "node:http";
import type { EdgeBan } from "../contract/ban.ts";
import type { EdgeChange, EdgeFeedAnswer } from "../contract/edge-site.ts";

const ANSWER_BYTES_MAX = 1024 * 1024;
const ANSWER_MS = 10_000;

export function postChanges(socketPath: string, changes: readonly EdgeChange[]): Promise<EdgeFeedAnswer> {
  return call(socketPath, { method: "POST", path: "/policy", body: JSON.stringify({ changes }) });
}

/** How many of the bans nginx kept; it knows them at once, and all of its workers within 50 ms. */
export async function postBans(
  socketPath: string,
  bans: readonly EdgeBan[],
): Promise<{ readonly kept: number }> {
  return call(socketPath, { method: "POST", path: "/bans", body: JSON.stringify({ bans }) });
}

/** Whether new answers may be stored in the cache from now on. */
export function postCacheState(socketPath: string, storing: boolean): Promise<unknown> {
  return call(socketPath, { method: "POST", path: `/cache?storing=${storing}`, body: "" });
}

export function askStatus(socketPath: string): Promise<EdgeFeedAnswer> {
  return call(socketPath, { method: "GET", path: "/status", body: "" });
}

function call<Answer>(
  socketPath: string,
  input: { readonly method: string; readonly path: string; readonly body: string },
): Promise<Answer> {
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
          if (bytes > ANSWER_BYTES_MAX) asking.destroy(new Error("nginx's answer is too large"));
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
