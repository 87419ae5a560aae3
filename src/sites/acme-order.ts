/**
 * One certificate from one authority, step by step, each step stored before the next begins: (1) key and request, (2) the order's
 * address, (3) the proof that is about to be laid out, (4) the proof is in force on every living edge, or shown by the zone's
 * servers, and only now the authority is told, (5) the request is signed, (6) the chain is downloaded. Called again after a crash or a
 * failure it goes on with the order that is there: the authority's word on that order says which steps are done. If we crash between
 * the authority's taking an order and (2), that order is left to lapse. Waits are bounded; whatever ends the call, proofs are taken away.
 */
import { generateKeyPair } from "node:crypto";
import { promisify } from "node:util";
import { Fault } from "../contract/fault.ts";
import * as acme from "../store/acme.ts";
import { mayIssue, type CertificateRow } from "../store/certificates.ts";
import type { Db } from "../store/db.ts";
import {
  AcmeProblem,
  wrongOf,
  type AcmeAuthorization,
  type AcmeChallenge,
  type AcmeOrder,
  type AcmeSession,
} from "./acme-client.ts";
import { pause, type DnsProof } from "./acme-dns.ts";
import type { Seal } from "./certificates-seal.ts";
import type { Sites } from "./sites.ts";

export type OrderContext = {
  readonly db: Db;
  readonly session: AcmeSession;
  readonly directory: string;
  readonly seal: Seal;
  readonly sites: Pick<Sites, "touch" | "publish" | "inForce">;
  readonly dns: DnsProof | null;
  readonly now: () => number;
  readonly signal: AbortSignal;
  readonly bounds: OrderBounds;
};

/** Milliseconds. */
export type OrderBounds = {
  /** Until every living edge has the proof. */
  readonly inForceMs: number;
  /** Until the authority has made up its mind about a proof, or has signed. */
  readonly authorityMs: number;
};
export const ORDER_BOUNDS: OrderBounds = { inForceMs: 30_000, authorityMs: 120_000 };

const POLL_FIRST_MS = 200;
const POLL_MAX_MS = 5000;
const RETRY_AFTER_POLL_MAX_MS = 30_000;
/** RFC 8555 §8.3: base64url. Bounded, as it becomes part of a path that every edge holds. */
const TOKEN = /^[A-Za-z0-9_-]{16,128}$/;

/** An attempt that ended without a certificate, with a sentence for the owner. */
export class OrderFailed extends Error {
  /** The authority looked at a proof and did not accept it: such failures are counted by name. */
  readonly validation: boolean;

  constructor(why: string, options: { readonly validation?: boolean } = {}) {
    super(why);
    this.name = "OrderFailed";
    this.validation = options.validation ?? false;
  }
}

/** What an authority signed, as it came. The key is in clear: it goes from here straight into checks and the seal. */
export type Issued = { readonly chainPem: string; readonly keyPem: string };

export async function obtain(context: OrderContext, certificate: CertificateRow): Promise<Issued> {
  try {
    return await carryOn(context, certificate);
  } catch (error) {
    // An order that the authority knows no more, or has given up, is no use: the next attempt places another.
    const gone =
      error instanceof OrderFailed ||
      (error instanceof AcmeProblem && [404, 410].includes(error.status)) ||
      (error instanceof AcmeProblem && ["orderNotReady", "malformed"].includes(error.type));
    if (gone && !context.signal.aborted) await acme.deleteOrder(context.db, certificate.certificateId);
    throw error;
  } finally {
    if (!context.signal.aborted) await takeAway(context, certificate);
  }
}

async function carryOn(context: OrderContext, certificate: CertificateRow): Promise<Issued> {
  const { db, session, seal } = context;
  mustBeProvable(context, certificate);
  const row = await ensureOrder(context, certificate);
  let order = await session.order(row.orderUrl);
  if (order.status === "pending") {
    for (const authorization of await session.authorizations(order)) {
      await authorize(context, { certificate, authorization });
    }
    order = await poll(
      context,
      () => session.order(order.url),
      (seen) => seen.status !== "pending",
    );
  }
  if (order.status === "ready") {
    await mustMayIssue(context, certificate);
    await session.finalize(order, row.csrPem);
  }
  order = await poll(
    context,
    () => session.order(order.url),
    (seen) => seen.status === "valid" || seen.status === "invalid",
  );
  if (order.status !== "valid") throw new OrderFailed(`The authority gave up: ${wrongOf(order.error)}`);
  const chainPem = await session.download(order);
  const stored = await acme.orderOf(db, certificate.certificateId);
  if (stored === null) throw new OrderFailed("The certificate was deleted while it was issued");
  return { chainPem, keyPem: seal.open(stored.keySealed, certificate.certificateId) };
}

/** The order that is under way, or a new one. */
async function ensureOrder(
  context: OrderContext,
  certificate: CertificateRow,
): Promise<{ readonly orderUrl: string; readonly csrPem: string }> {
  const { db, session, directory } = context;
  const { certificateId } = certificate;
  let row = await acme.orderOf(db, certificateId);
  if (row !== null && row.directory !== directory) {
    await acme.deleteOrder(db, certificateId);
    row = null;
  }
  if (row === null) {
    const made = await newRequest(asked(certificate));
    await db.transaction(async (tx) => {
      await acme.insertOrder(tx, {
        certificateId,
        directory,
        keySealed: context.seal.seal(made.keyPem, certificateId),
        csrPem: made.csrPem,
        createdAt: new Date(context.now()),
      });
    });
    row = await acme.orderOf(db, certificateId);
    if (row === null) throw new Error("an order that was stored is not there");
  }
  if (row.orderUrl !== null) return { orderUrl: row.orderUrl, csrPem: row.csrPem };
  await mustMayIssue(context, certificate);
  const order = await session.newOrder(asked(certificate));
  await acme.setOrderUrl(db, certificateId, order.url);
  return { orderUrl: order.url, csrPem: row.csrPem };
}

const makeKeyPair = promisify(generateKeyPair);

/** P-256: what every client of the last fifteen years takes, and the cheapest handshake. */
async function newRequest(hostname: string): Promise<{ readonly keyPem: string; readonly csrPem: string }> {
  const { crypto } = await import("acme-client");
  const { privateKey } = await makeKeyPair("ec", { namedCurve: "P-256" });
  const keyPem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  // No common name: it may have 64 characters at most, and nothing reads it any more.
  const [, csr] = await crypto.createCsr({ altNames: [hostname] }, keyPem);
  return { keyPem, csrPem: csr.toString() };
}

async function authorize(
  context: OrderContext,
  given: { readonly certificate: CertificateRow; readonly authorization: AcmeAuthorization },
): Promise<void> {
  const { session } = context;
  const { certificate, authorization } = given;
  if (authorization.status === "valid") return;
  const challenge = choose(context, certificate, authorization);
  if (authorization.status === "pending" && challenge.status === "pending") {
    const value = await session.proof(challenge);
    if (challenge.type === "dns-01") await layOutDns(context, { certificate, value });
    else await layOutHttp(context, { certificate, token: challenge.token, value });
    await mustMayIssue(context, certificate);
    await session.ready(challenge);
  }
  const settled = await poll(
    context,
    async () => {
      const order = { authorizations: [authorization.url] } as unknown as AcmeOrder;
      const [seen] = await session.authorizations(order);
      if (seen === undefined) throw new Error("The authority lost an authorization");
      return seen;
    },
    (seen) => seen.status !== "pending",
  );
  if (settled.status === "valid") return;
  const error = settled.challenges.find((each) => each.type === challenge.type)?.error;
  throw new OrderFailed(
    `The authority did not accept the proof for ${asked(certificate)} (${challenge.type}): ${wrongOf(error)}`,
    { validation: true },
  );
}

/** Before an order is placed: one that cannot be fulfilled would only count against the account. */
function mustBeProvable(context: OrderContext, certificate: CertificateRow): void {
  if (!asked(certificate).startsWith("*.") || context.dns !== null) return;
  throw new OrderFailed(
    `A certificate for the wildcard ${asked(certificate)} needs a record in the DNS, and this edge has no way to write one: upload a certificate, or ask the operator to set dnsUpdate`,
  );
}

/** HTTP-01 for a single name unless the operator wants DNS-01 for all; a wildcard has nothing but DNS-01 (RFC 8555 §7.1.3). */
function choose(
  context: OrderContext,
  certificate: CertificateRow,
  authorization: AcmeAuthorization,
): AcmeChallenge {
  const wildcard = asked(certificate).startsWith("*.");
  const wanted = wildcard || context.dns?.for === "all" ? "dns-01" : "http-01";
  const challenge = authorization.challenges.find((each) => each.type === wanted);
  if (challenge === undefined) {
    throw new OrderFailed(
      `The authority does not offer ${wanted} for ${asked(certificate)}: ask the operator`,
    );
  }
  if (!TOKEN.test(challenge.token)) throw new OrderFailed("The authority sent a token that is none");
  return challenge;
}

async function layOutHttp(
  context: OrderContext,
  given: { readonly certificate: CertificateRow; readonly token: string; readonly value: string },
): Promise<void> {
  const { db, sites } = context;
  const { certificateId, siteId } = given.certificate;
  const { version } = await db.transaction(async (tx) => {
    const touched = await sites.touch(tx, siteId);
    await acme.insertChallenge(tx, {
      certificateId,
      siteId,
      method: "http-01",
      place: `/.well-known/acme-challenge/${given.token}`,
      value: given.value,
      version: touched.version,
      at: new Date(context.now()),
    });
    return touched;
  });
  await sites.publish();
  const deadline = performance.now() + context.bounds.inForceMs;
  for (;;) {
    const seen = await sites.inForce(siteId, version);
    const [refusal] = seen.refusals;
    if (refusal !== undefined) throw new Error(`An edge refused the proof: ${refusal.why}`);
    if (seen.of > 0 && seen.acked === seen.of) return;
    if (performance.now() > deadline) {
      throw new Error(
        seen.of === 0
          ? "No edge is alive that could show the proof: start one"
          : `The proof is in force on ${seen.acked} of ${seen.of} edges only: see which one lags behind`,
      );
    }
    await pause(POLL_FIRST_MS / 4, context.signal);
  }
}

async function layOutDns(
  context: OrderContext,
  given: { readonly certificate: CertificateRow; readonly value: string },
): Promise<void> {
  const { db, dns } = context;
  if (dns === null) throw new Error("a DNS proof was chosen without a way to lay it out");
  const { certificateId, siteId } = given.certificate;
  const record = { name: await dns.recordName(asked(given.certificate)), value: given.value };
  await db.transaction((tx) =>
    acme.insertChallenge(tx, {
      certificateId,
      siteId,
      method: "dns-01",
      place: record.name,
      value: record.value,
      version: null,
      at: new Date(context.now()),
    }),
  );
  await dns.present(record);
  await dns.untilShown(record);
}

/** Takes this attempt's proofs away. What cannot be taken away now is left to the sweep (certificates-open.ts). */
async function takeAway(context: OrderContext, certificate: CertificateRow): Promise<void> {
  for (const row of await acme.challengesOf(context.db, certificate.certificateId)) {
    try {
      await takeAwayOne(context, row);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
    }
  }
}

export async function takeAwayOne(
  context: Pick<OrderContext, "db" | "sites" | "dns">,
  row: acme.ChallengeRow,
): Promise<void> {
  const { db, sites, dns } = context;
  if (row.method === "dns-01") {
    if (dns === null)
      throw new Fault("state.conflict", "Cannot take the record away without dnsUpdate: set it again");
    await dns.cleanup({ name: row.place, value: row.value });
    await acme.deleteChallenge(db, row);
    return;
  }
  await db.transaction(async (tx) => {
    await acme.deleteChallenge(tx, row);
    await sites.touch(tx, row.siteId);
  });
  await sites.publish();
}

/** Asks until `done`, at the pace that the authority names (RFC 8555 §7.5.1) or our own. */
async function poll<T extends { readonly retryAfterMs?: number }>(
  context: OrderContext,
  ask: () => Promise<T>,
  done: (seen: T) => boolean,
): Promise<T> {
  const deadline = performance.now() + context.bounds.authorityMs;
  for (let wait = POLL_FIRST_MS; ; wait = Math.min(POLL_MAX_MS, wait * 2)) {
    const seen = await ask();
    if (done(seen)) return seen;
    if (performance.now() > deadline) {
      throw new Error("The authority has not made up its mind in time: it is asked again later");
    }
    await pause(Math.max(wait, Math.min(RETRY_AFTER_POLL_MAX_MS, seen.retryAfterMs ?? 0)), context.signal);
  }
}

async function mustMayIssue(context: OrderContext, certificate: CertificateRow): Promise<void> {
  const allowed = await mayIssue(context.db, { siteId: certificate.siteId, hostname: asked(certificate) });
  if (!allowed) {
    throw new OrderFailed(
      `No certificate is asked for ${asked(certificate)} as its ownership is not proven, or its site is not active`,
    );
  }
}

function asked(certificate: CertificateRow): string {
  if (certificate.asked === null) throw new Error("an uploaded certificate is not asked for");
  return certificate.asked;
}
