/** Visitors of the story: they speak HTTP to the edge as browsers do, each from an address of their own on loopback; the flood speaks it as its programs do. */
import { Agent, request } from "node:http";

export type Answer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
};

const ANSWER_MS = 5000;
const ANSWER_BYTES_MAX = 1024 * 1024;

/** What a browser says when somebody follows a link. */
const BROWSER_FIELDS = {
  "user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
  accept: "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
  "accept-encoding": "gzip, deflate",
  "upgrade-insecure-requests": "1",
  "sec-fetch-dest": "document",
  "sec-fetch-mode": "navigate",
};
const PROGRAM_FIELDS = { "user-agent": "loader/1.4", accept: "*/*" };

export function visit(
  edge: string,
  options: {
    readonly hostname: string;
    readonly path?: string;
    readonly from?: string;
    readonly agent?: Agent;
    readonly language?: string;
    readonly fields?: Readonly<Record<string, string>>;
  },
): Promise<Answer> {
  const at = edge.lastIndexOf(":");
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        host: edge.slice(0, at),
        port: Number(edge.slice(at + 1)),
        path: options.path ?? "/",
        headers: {
          host: options.hostname,
          "accept-language": options.language ?? "en",
          ...(options.fields ?? BROWSER_FIELDS),
        },
        signal: AbortSignal.timeout(ANSWER_MS),
        ...(options.agent === undefined ? { agent: false as const } : { agent: options.agent }),
        ...(options.from === undefined ? {} : { localAddress: options.from }),
      },
      (response) => {
        let body = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => {
          body += chunk;
          if (body.length > ANSWER_BYTES_MAX) response.destroy(new Error("the answer is too large"));
        });
        response.on("error", reject);
        response.on("end", () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers as Record<string, string>,
            body,
          }),
        );
      },
    );
    outgoing.on("error", reject);
    outgoing.end();
  });
}

export type FloodResult = { readonly sent: number; readonly stopped: number; readonly seconds: number };

/** A flood from `addresses` loopback addresses at once, `each` requests from every one, as fast as they go. */
export async function flood(
  edge: string,
  options: { readonly hostname: string; readonly addresses: number; readonly each: number },
): Promise<FloodResult> {
  const startedAt = performance.now();
  let stopped = 0;
  await Promise.all(
    Array.from({ length: options.addresses }, async (_, i) => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      for (let n = 0; n < options.each; n++) {
        const answer = await visit(edge, {
          hostname: options.hostname,
          path: `/?${i}-${n}`,
          from: `127.66.${i >> 8}.${(i & 255) + 1}`,
          agent,
          fields: PROGRAM_FIELDS,
        }).catch(() => null);
        if (answer?.status !== 200) stopped += 1;
      }
      agent.destroy();
    }),
  );
  return { sent: options.addresses * options.each, stopped, seconds: (performance.now() - startedAt) / 1000 };
}

/** Asks every few milliseconds until the edge answers `status`; returns the milliseconds since `since`. */
export async function untilStatus(
  edge: string,
  options: {
    readonly hostname: string;
    readonly status: number;
    readonly since: number;
    readonly path?: string;
  },
): Promise<{ readonly ms: number; readonly answer: Answer }> {
  const agent = new Agent({ keepAlive: true });
  const deadline = options.since + 10_000;
  try {
    for (;;) {
      const answer = await visit(edge, {
        hostname: options.hostname,
        agent,
        ...(options.path === undefined ? {} : { path: options.path }),
      });
      if (answer.status === options.status) return { ms: performance.now() - options.since, answer };
      if (performance.now() > deadline) {
        throw new Error(
          `${options.hostname} still answers ${answer.status} instead of ${options.status} after ten seconds`,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  } finally {
    agent.destroy();
  }
}
