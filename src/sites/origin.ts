/**
 * A customer's origin: parsed, resolved, checked, and tried once before it is accepted. Refuses what would let a customer
 * reach into the operator's own network (private, loopback, link-local, metadata and other special ranges, unless the
 * operator allows them) and what would send the edge to itself. The connection goes to the very address that was checked, so a
 * name that changes its answer between the check and the use gains nothing.
 */
import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { isIP } from "node:net";
import { networkInterfaces } from "node:os";
import { Fault, type Parsed } from "../contract/fault.ts";
import type { OriginScheme } from "../contract/origin-pool.ts";
import { kindRefused } from "../contract/public-address.ts";
import { lookUpName } from "./name-look.ts";

export type Origin = { readonly scheme: OriginScheme; readonly host: string; readonly port: number };

const URL_CHARS_MAX = 2000;
const PROBE_MS = 5000;
const PROBE_BYTES_MAX = 1024 * 1024;

export const originUrl = (origin: Origin): string =>
  `${origin.scheme}://${isIP(origin.host) === 6 ? `[${origin.host}]` : origin.host}:${origin.port}`;

export function parseOrigin(input: string): Parsed<Origin> {
  const shown = input.slice(0, 120);
  if (input.length > URL_CHARS_MAX || !URL.canParse(input)) {
    return {
      ok: false,
      why: `Cannot use "${shown}" as an origin: give an address like http://203.0.113.10:8000`,
    };
  }
  const url = new URL(input);
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    return { ok: false, why: `Cannot use "${shown}" as an origin: only http:// and https:// are proxied` };
  }
  if (url.username !== "" || url.password !== "") {
    return { ok: false, why: `Cannot use an origin with a password in it: remove the part before the "@"` };
  }
  if ((url.pathname !== "/" && url.pathname !== "") || url.search !== "" || url.hash !== "") {
    return {
      ok: false,
      why: `Cannot use "${shown}" as an origin: give scheme, host and port only, without a path`,
    };
  }
  const scheme = url.protocol === "https:" ? "https" : "http";
  const port = url.port === "" ? (scheme === "https" ? 443 : 80) : Number(url.port);
  if (port < 1) return { ok: false, why: `Cannot use port ${url.port}: give one from 1 to 65535` };
  return { ok: true, value: { scheme, host: url.hostname.replace(/^\[|\]$/g, ""), port } };
}

/** True when the address is on the public Internet or inside one of the allowed CIDR ranges. */
export function addressAllowed(address: string, privateRanges: readonly string[]): boolean {
  return kindRefused(address, privateRanges) === null;
}

export async function resolveOrigin(origin: Origin): Promise<readonly string[]> {
  if (isIP(origin.host) !== 0) return [origin.host];
  try {
    return await lookUpName(origin.host);
  } catch (cause) {
    throw new Fault(
      "site.origin-unreachable",
      `Cannot find the origin "${origin.host}": check the name, or give the address`,
      { cause },
    );
  }
}

export type OriginAnswer = {
  readonly address: string;
  readonly status: number;
  readonly contentType: string;
  /** At most PROBE_BYTES_MAX bytes. */
  readonly body: Uint8Array;
};

/** Resolves and checks an origin. Throws a Fault that says what to do. */
export async function checkOrigin(
  origin: Origin,
  options: { readonly privateRanges: readonly string[]; readonly edgeListen: string },
): Promise<string> {
  const addresses = await resolveOrigin(origin);
  for (const address of addresses) {
    if (isOwnListener(address, origin.port, options.edgeListen)) {
      throw new Fault(
        "site.origin-loop",
        `Cannot use ${originUrl(origin)} as an origin as it is this edge itself: give the address of the server behind it`,
      );
    }
    if (!addressAllowed(address, options.privateRanges)) {
      throw new Fault(
        "site.origin-unusable",
        `Cannot use ${originUrl(origin)} as an origin as ${address} is not a public address: the operator can allow its range in originPrivateRanges`,
      );
    }
  }
  const [first] = addresses;
  if (first === undefined) {
    throw new Fault("site.origin-unreachable", `Cannot find an address for "${origin.host}": check the name`);
  }
  return first;
}

function isOwnListener(address: string, port: number, edgeListen: string): boolean {
  const at = edgeListen.lastIndexOf(":");
  const listenHost = edgeListen.slice(0, at);
  if (Number(edgeListen.slice(at + 1)) !== port) return false;
  const own = Object.values(networkInterfaces()).flatMap((list) =>
    (list ?? []).map((entry) => entry.address),
  );
  const everywhere = listenHost === "0.0.0.0" || listenHost === "[::]" || listenHost === "*";
  return everywhere
    ? own.includes(address) || address.startsWith("127.") || address === "0.0.0.0"
    : address === listenHost;
}

/** Asks the origin once for `path` as `hostname`, at the checked address. No redirects are followed. */
export async function askOrigin(
  origin: Origin,
  options: { readonly address: string; readonly hostname: string; readonly path: string },
): Promise<OriginAnswer> {
  try {
    return await ask(origin, options);
  } catch (cause) {
    const code = (cause as { code?: string }).code ?? "no answer";
    throw new Fault(
      "site.origin-unreachable",
      `Cannot reach the origin ${originUrl(origin)} (${code}): check that it runs and accepts connections from this edge`,
      { cause },
    );
  }
}

/** One request without redirects, bounded in time and bytes. Rejects with what node says. */
export function ask(
  origin: Origin,
  options: {
    readonly address: string;
    readonly hostname: string;
    readonly path: string;
    /** Left out: the origin's own name, and a certificate that holds. `name` null: the origin's own. */
    readonly tls?: { readonly name: string | null; readonly anyCertificate: true };
  },
): Promise<OriginAnswer> {
  const serverName = options.tls?.name ?? (isIP(origin.host) === 0 ? origin.host : null);
  const send = origin.scheme === "https" ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const request = send(
      {
        host: options.address,
        port: origin.port,
        path: options.path,
        method: "GET",
        ...(serverName === null ? {} : { servername: serverName }),
        ...(options.tls === undefined ? {} : { rejectUnauthorized: false }),
        headers: {
          host: options.hostname.replace(/^\*\./, "www."),
          "user-agent": "Parapet origin check",
          accept: "text/html, */*",
        },
        signal: AbortSignal.timeout(PROBE_MS),
        agent: false,
      },
      (response: IncomingMessage) => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        const finish = (): void =>
          resolve({
            address: options.address,
            status: response.statusCode ?? 0,
            contentType: String(response.headers["content-type"] ?? ""),
            body: Buffer.concat(chunks),
          });
        response.on("data", (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes <= PROBE_BYTES_MAX) chunks.push(chunk);
          else {
            finish();
            response.destroy();
          }
        });
        response.on("end", finish);
        response.on("error", reject);
      },
    );
    request.on("error", reject);
    request.end();
  });
}
