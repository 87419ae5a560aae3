/**
 * Does a site's origin answer the public directly? Whoever knows its address then walks past the edge: past limits, floods' rules and measures. The
 * origin is asked like a stranger would ask it: at its address, with the site's Host, without signature and client certificate, whatever its
 * certificate says. What it answers is compared with what the edge serves. This machine may be one that a firewall lets in: then
 * the origin may be safe and the finding says how to be sure.
 */
import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { isIP } from "node:net";
import ipaddr from "ipaddr.js";
import type { OriginScheme } from "../contract/origin-pool.ts";
import type { SiteSettings } from "../contract/site-settings.ts";
import { compareLooks, takeLook } from "./look.ts";

export type Exposure = { readonly exposed: boolean; readonly what: string };
/** Asks one address once; null when nothing answers. */
export type AskDirectly = (target: DirectTarget) => Promise<DirectAnswer | null>;
export type DirectTarget = {
  readonly scheme: OriginScheme;
  readonly address: string;
  readonly port: number;
  readonly hostname: string;
};

export type DirectAnswer = { readonly status: number; readonly body: Uint8Array };

const ASK_MS = 5000;
const BODY_BYTES_MAX = 256 * 1024;
const ADDRESSES_MAX = 16;
/** Less than recognises a return: both pages were asked for under the same name, at the same time. */
const LOOK_SCORE_SAME = 0.4;

export async function checkExposure(input: {
  readonly origin: SiteSettings["origin"];
  readonly hostname: string;
  /** Where each server's name leads; those that cannot be found are left out. */
  readonly resolve: (host: string) => Promise<readonly string[]>;
  /** "HOST:PORT" of the edge's plain listener. */
  readonly edgeAddress: string;
  readonly ask?: AskDirectly;
  readonly isPublic?: (address: string) => boolean;
}): Promise<Exposure> {
  const { origin, ask = askDirectly, isPublic = isPublicAddress } = input;
  const hostname = input.hostname.replace(/^\*\./, "www.");
  const at = input.edgeAddress.lastIndexOf(":");
  const edge = {
    scheme: "http" as const,
    address: input.edgeAddress.slice(0, at).replace(/^\[|\]$/g, ""),
    port: Number(input.edgeAddress.slice(at + 1)),
    hostname,
  };
  const targets: DirectTarget[] = [];
  for (const { host, port } of origin.servers) {
    for (const address of await input.resolve(host).catch(() => [])) {
      targets.push({ scheme: origin.scheme, address, port, hostname: origin.hostHeader ?? hostname });
    }
  }
  const reachable = targets.filter(({ address }) => isPublic(address)).slice(0, ADDRESSES_MAX);
  if (targets.length === 0) {
    return {
      exposed: false,
      what: "Nothing was checked, as the origin's name leads nowhere: check the name",
    };
  }
  if (reachable.length === 0) {
    return {
      exposed: false,
      what: "The origin's addresses are not public: only machines of its own network reach it",
    };
  }
  const served = await ask(edge);
  for (const target of reachable) {
    const direct = await ask(target);
    if (direct === null || direct.status >= 400) continue;
    const same = served === null ? null : isSamePage(served, direct);
    if (same === false) continue;
    return { exposed: true, what: sentence(target, { compared: same !== null, origin }) };
  }
  return { exposed: false, what: "The origin does not serve this site to a stranger who asks it directly" };
}

/** Null when the edge's own answer says nothing about the page: then any good answer of the origin counts as the page. */
function isSamePage(served: DirectAnswer, direct: DirectAnswer): boolean | null {
  if (served.status >= 300) return null;
  if (served.status !== direct.status) return false;
  if (Buffer.from(served.body).equals(Buffer.from(direct.body))) return true;
  // The same address for both would count as likeness.
  const look = (body: Uint8Array, address: string): ReturnType<typeof takeLook> =>
    takeLook({ html: body, favicon: null, address, port: 0 });
  return compareLooks(look(served.body, "edge"), look(direct.body, "origin")).score >= LOOK_SCORE_SAME;
}

function sentence(
  { address, port }: DirectTarget,
  about: { readonly compared: boolean; readonly origin: SiteSettings["origin"] },
): string {
  const where = address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
  const what = about.compared ? "serves this site's page" : "answers for this site";
  const how = about.origin.signed
    ? "although requests are signed: have it refuse requests without a valid signature"
    : about.origin.tls.clientCertificateId !== null
      ? "although the edge shows a certificate: have it refuse connections without one"
      : "to whoever asks it directly, past this edge: let only the edges' addresses in, or sign requests and refuse others";
  return `The origin ${where} ${what} ${how}. If a firewall lets in this machine alone, nothing is wrong`;
}

export function isPublicAddress(address: string): boolean {
  return ipaddr.isValid(address) && ipaddr.process(address).range() === "unicast";
}

/** An address is no server name (RFC 6066 §3): none is sent then. */
function serverName(host: string): string {
  const name = host.replace(/:\d*$/, "");
  return isIP(name.replace(/^\[|\]$/g, "")) === 0 ? name : "";
}

const askDirectly: AskDirectly = (target) =>
  new Promise((resolve) => {
    const request = (target.scheme === "https" ? httpsRequest : httpRequest)(
      {
        host: target.address,
        port: target.port,
        path: "/",
        method: "GET",
        agent: false,
        headers: { host: target.hostname, "user-agent": "Parapet exposure check", accept: "text/html, */*" },
        // A stranger does not mind whose certificate it is.
        ...(target.scheme === "https"
          ? { servername: serverName(target.hostname), rejectUnauthorized: false }
          : {}),
        signal: AbortSignal.timeout(ASK_MS),
      },
      (answer: IncomingMessage) => {
        const parts: Buffer[] = [];
        let bytes = 0;
        const done = (): void => {
          resolve({
            status: answer.statusCode ?? 0,
            body: Buffer.concat(parts).subarray(0, BODY_BYTES_MAX),
          });
          request.destroy();
        };
        answer.on("data", (part: Buffer) => {
          parts.push(part);
          bytes += part.length;
          if (bytes >= BODY_BYTES_MAX) done();
        });
        answer.on("end", done);
        answer.on("error", () => resolve(null));
      },
    );
    request.on("error", () => resolve(null));
    request.end();
  });
