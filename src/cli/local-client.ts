/**
 * How the verbs of the command line talk to a running instance: HTTP over the socket in its data folder. Who may open that
 * folder may call; there is no other credential, and nothing of the desk can be decided here.
 */
import { request } from "node:http";
import { Fault, type FaultCode } from "../contract/fault.ts";
import type { Problem } from "../contract/http.ts";

const ANSWER_BYTES_MAX = 4 * 1024 * 1024;
const ANSWER_MS = 30_000;

export const socketPath = (dataDir: string): string => `${dataDir}/control.sock`;

export async function callLocal<T>(
  dataDir: string,
  call: { readonly method: string; readonly path: string; readonly body?: unknown },
): Promise<T> {
  const body = call.body === undefined ? null : JSON.stringify(call.body);
  const { status, text } = await new Promise<{ status: number; text: string }>((resolve, reject) => {
    const outgoing = request(
      {
        socketPath: socketPath(dataDir),
        method: call.method,
        path: call.path,
        headers: {
          host: "localhost",
          "content-type": "application/json",
          ...(body === null ? {} : { "content-length": Buffer.byteLength(body) }),
        },
        signal: AbortSignal.timeout(ANSWER_MS),
      },
      (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => {
          text += chunk;
          if (text.length > ANSWER_BYTES_MAX) response.destroy(new Error("answer too large"));
        });
        response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
        response.on("error", reject);
      },
    );
    outgoing.on("error", reject);
    outgoing.end(body ?? undefined);
  }).catch((cause: unknown) => {
    const code = (cause as { code?: string }).code;
    if (code === "ENOENT" || code === "ECONNREFUSED") {
      throw new Fault(
        "edge.not-running",
        `Cannot find a running instance in ${dataDir}: start it with ./parapet up`,
        { cause },
      );
    }
    if (code === "EACCES") {
      throw new Fault(
        "auth.forbidden",
        `Cannot open ${socketPath(dataDir)}: call as the user who started the instance`,
        { cause },
      );
    }
    throw cause;
  });
  if (status >= 200 && status < 300) return JSON.parse(text) as T;
  const problem = JSON.parse(text) as Problem;
  throw new Fault(
    problem.code as FaultCode,
    problem.detail,
    problem.fields ? { fields: problem.fields } : {},
  );
}
