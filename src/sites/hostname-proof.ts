/**
 * Looking for the proof that an account owns a name: a TXT record, or a file on the server that the name leads to now. The file is never
 * taken from behind this edge: a request that comes back to us is refused as a loop, and an address of ours is not asked at all, as what
 * we answer under a name says nothing about whose it is. Every fetch is bounded: addresses, hops, bytes, time.
 */
import { createHmac } from "node:crypto";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { isIP } from "node:net";
import ipaddr from "ipaddr.js";
import type { AccountId } from "../contract/ids.ts";
import type { LeadsHere } from "../store/hostname-proofs.ts";
import type { DnsLook } from "./dns-look.ts";
import { baseOf } from "./hostname-names.ts";
import type { Finding } from "./hostname-rule.ts";
import { addressAllowed } from "./origin.ts";

const FETCH_MS = 4000;
const HOPS_MAX = 3;
const BODY_BYTES_MAX = 1024;
const ADDRESSES_TRIED_MAX = 2;
const TOKEN_CHARS = 43;

export type Proof = {
  readonly txt: { readonly name: string; readonly value: string };
  readonly http: { readonly url: string; readonly body: string };
};

/**
 * The same for ever, for one account and one name. HMAC-SHA-256 under the instance's key over "parapet hostname KIND v1", the account
 * and the name, parted by line feeds. The file's name and its content are two tokens: a server that echoes the path proves nothing.
 */
export function proofOf(
  key: Uint8Array,
  claim: { readonly accountId: AccountId; readonly hostname: string },
): Proof {
  const token = (kind: string): string =>
    createHmac("sha256", key)
      .update(`parapet hostname ${kind} v1\n${claim.accountId}\n${claim.hostname}`)
      .digest("base64url")
      .slice(0, TOKEN_CHARS);
  const base = baseOf(claim.hostname);
  const value = `parapet-site=${token("value")}`;
  return {
    txt: { name: `_parapet.${base}`, value },
    http: { url: `http://${base}/.well-known/parapet/${token("path")}`, body: value },
  };
}

/** The first label of a site's preview, which nobody can guess: 26 characters of RFC 4648 §6 base32, lower case. */
export function previewLabel(key: Uint8Array, siteId: string): string {
  const bytes = createHmac("sha256", key).update(`parapet preview v1\n${siteId}`).digest();
  return Array.from(bytes.subarray(0, 26), (byte) =>
    "abcdefghijklmnopqrstuvwxyz234567".charAt(byte % 32),
  ).join("");
}

export type ProofLook = {
  readonly dns: DnsLook;
  readonly privateRanges: readonly string[];
  /** Addresses or names under which visitors reach this edge. */
  readonly edgeAddresses: readonly string[];
  /** What this edge calls itself in CDN-Loop (RFC 8586). */
  readonly cdnId: string;
  /** The port that files are fetched from; 80 unless a test says otherwise. */
  readonly httpPort: number;
};

/** Looks for the record first, then for the file. A wildcard is proven by the record alone. */
export async function findProof(hostname: string, proof: Proof, look: ProofLook): Promise<Finding> {
  const leadsHere = await whetherLeadsHere(hostname, look);
  const record = await findRecord(proof, look.dns);
  if (record === "found") return { proof: "dns-txt", leadsHere };
  if (hostname.startsWith("*.")) return { ...record, leadsHere };
  if (leadsHere === "yes") {
    return {
      proof: record.proof,
      why: `${record.why}. A file cannot prove it, as the name leads to this edge`,
      leadsHere,
    };
  }
  const file = await findFile(hostname, proof, look);
  if (file === null) return { proof: "http-token", leadsHere };
  return { proof: record.proof, why: `${record.why}. ${file}`, leadsHere };
}

type NotFound = { readonly proof: "missing" | "silent"; readonly why: string };

async function findRecord(proof: Proof, dns: DnsLook): Promise<"found" | NotFound> {
  const [txt, alias] = await Promise.all([dns.txt(proof.txt.name), dns.cname(proof.txt.name)]);
  if (!txt.ok) return { proof: "silent", why: txt.why };
  if (!txt.records.includes(proof.txt.value)) {
    const others = txt.records.filter((text) => text.startsWith("parapet-site=")).length;
    const why =
      others > 0
        ? `The TXT record at ${proof.txt.name} has another value: set the one that is shown here`
        : `There is no TXT record at ${proof.txt.name}: set the one that is shown here`;
    return { proof: "missing", why };
  }
  // Behind an alias, or a wildcard that is one, the record may be anybody's.
  if (!alias.ok) return { proof: "silent", why: alias.why };
  if (alias.records.length > 0) {
    return {
      proof: "missing",
      why: `The record at ${proof.txt.name} is an alias of ${alias.records[0] ?? "another name"}: set the TXT record itself`,
    };
  }
  return "found";
}

/** Whether the name's addresses are this edge's. */
export async function whetherLeadsHere(hostname: string, look: ProofLook): Promise<LeadsHere> {
  if (look.edgeAddresses.length === 0) return "unknown";
  const name = hostname.startsWith("*.") ? `parapet-check.${baseOf(hostname)}` : hostname;
  const found = await look.dns.addresses(name);
  if (!found.ok) return "unknown";
  const ours = await ownAddresses(look);
  return found.records.some((address) => ours.has(canonical(address))) ? "yes" : "no";
}

export async function ownAddresses(
  look: Pick<ProofLook, "dns" | "edgeAddresses">,
): Promise<ReadonlySet<string>> {
  const ours = new Set<string>();
  for (const entry of look.edgeAddresses) {
    if (isIP(entry) !== 0) ours.add(canonical(entry));
    else {
      const found = await look.dns.addresses(entry);
      if (found.ok) for (const address of found.records) ours.add(canonical(address));
    }
  }
  return ours;
}

/** One spelling for one address: IPv6 in its shortest form, IPv4 within IPv6 as IPv4. */
export function canonical(address: string): string {
  return isIP(address) === 0 ? address : ipaddr.process(address).toString();
}

/** Null when the file is there, else why not. */
async function findFile(hostname: string, proof: Proof, look: ProofLook): Promise<string | null> {
  let url = new URL(proof.http.url);
  if (look.httpPort !== 80) url.port = String(look.httpPort);
  const deadline = performance.now() + 2 * FETCH_MS;
  for (let hop = 0; hop <= HOPS_MAX; hop++) {
    if (performance.now() > deadline) return `The server of ${hostname} takes too long`;
    const answer = await fetchOnce(url, look);
    if (!answer.ok) return answer.why;
    if (answer.status === 200) {
      return answer.body.trim() === proof.http.body
        ? null
        : `The file at ${proof.http.url} has another content: put exactly the one that is shown here`;
    }
    if (![301, 302, 303, 307, 308].includes(answer.status) || !URL.canParse(answer.location, url)) {
      return `The server of ${hostname} answered ${answer.status} for the file`;
    }
    const next = new URL(answer.location, url);
    if (!followable(next, { hostname, httpPort: look.httpPort })) {
      return `The server of ${hostname} sends the request for the file elsewhere: serve it under ${hostname} itself`;
    }
    url = next;
  }
  return `The server of ${hostname} redirects more than ${HOPS_MAX} times`;
}

/** To the same name alone, with or without "www.", on the ordinary ports: anything further is not this name's word. */
function followable(next: URL, from: { readonly hostname: string; readonly httpPort: number }): boolean {
  const bare = (name: string): string => name.replace(/^www\./, "");
  const port = next.port === "" ? (next.protocol === "https:" ? 443 : 80) : Number(next.port);
  const usual = next.protocol === "https:" ? port === 443 : port === from.httpPort;
  return (
    (next.protocol === "http:" || next.protocol === "https:") &&
    bare(next.hostname) === bare(from.hostname) &&
    next.username === "" &&
    usual
  );
}

type Answer =
  | { readonly ok: true; readonly status: number; readonly location: string; readonly body: string }
  | { readonly ok: false; readonly why: string };

async function fetchOnce(url: URL, look: ProofLook): Promise<Answer> {
  const found = await look.dns.addresses(url.hostname);
  if (!found.ok) return { ok: false, why: found.why };
  if (found.records.length === 0)
    return { ok: false, why: `${url.hostname} has no address to fetch the file from` };
  const ours = await ownAddresses(look);
  const usable = found.records.filter(
    (address) => !ours.has(canonical(address)) && addressAllowed(address, look.privateRanges),
  );
  if (usable.length === 0) {
    return {
      ok: false,
      why: `${url.hostname} leads to no public address that the file could be fetched from`,
    };
  }
  let why = "";
  for (const address of usable.slice(0, ADDRESSES_TRIED_MAX)) {
    try {
      return await ask(url, address, look.cdnId);
    } catch (error) {
      const code = String((error as { code?: unknown }).code ?? "no answer").slice(0, 40);
      why = `The server of ${url.hostname} cannot be reached (${code})`;
    }
  }
  return { ok: false, why };
}

function ask(url: URL, address: string, cdnId: string): Promise<Answer> {
  const secure = url.protocol === "https:";
  const send = secure ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const request = send(
      {
        host: address,
        port: url.port === "" ? (secure ? 443 : 80) : Number(url.port),
        path: url.pathname + url.search,
        method: "GET",
        ...(secure ? { servername: url.hostname } : {}),
        headers: {
          host: url.host,
          "user-agent": "Parapet ownership check",
          accept: "text/plain, */*",
          "cdn-loop": cdnId,
        },
        maxHeaderSize: 8192,
        signal: AbortSignal.timeout(FETCH_MS),
        agent: false,
      },
      (response: IncomingMessage) => {
        let body = "";
        let bytes = 0;
        const finish = (): void =>
          resolve({
            ok: true,
            status: response.statusCode ?? 0,
            location: String(response.headers.location ?? "").slice(0, 2000),
            body,
          });
        response.on("data", (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes > BODY_BYTES_MAX) {
            body = "";
            finish();
            response.destroy();
          } else body += chunk.toString("latin1");
        });
        response.on("end", finish);
        response.on("error", reject);
      },
    );
    request.on("error", reject);
    request.end();
  });
}
