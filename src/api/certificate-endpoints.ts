/**
 * Certificates of a site over HTTP: what is there, an owner's own, one less, another try. Private keys come in here and never go
 * out: no schema of this file has a field that could carry one. To whoever is not a member of a site, it does not exist.
 */
import { z } from "@hono/zod-openapi";
import {
  CERTIFICATE_CHAIN_BYTES_MAX,
  CERTIFICATE_KEY_BYTES_MAX,
  CERTIFICATE_KINDS,
} from "../contract/certificate.ts";
import {
  CERTIFICATE_STATES,
  SITE_ROLE_NEEDED,
  type CertificateEndpoints,
  type CertificateView,
} from "../contract/http-sites.ts";
import type { CertificateId, SiteId } from "../contract/ids.ts";
import type { Access } from "./access.ts";
import { noQuery } from "./bodies.ts";
import type { Call, Endpoint } from "./endpoints.ts";
import { mustHaveSiteRole } from "./site-access.ts";
import * as views from "./views.ts";

const MEMBERS: Access = ["operator", "customer"];
const nothing: z.ZodType<null> = z.null();
const text = z.string();
const maybe = text.nullable();

const pem = (bytesMax: number): z.ZodString =>
  z
    .string()
    .min(1)
    .max(bytesMax)
    .refine((value) => !value.includes("\0"), "Remove the NUL character") as z.ZodString;

export const uploadBody = z.strictObject({
  kind: z.enum(CERTIFICATE_KINDS),
  chainPem: pem(CERTIFICATE_CHAIN_BYTES_MAX),
  keyPem: pem(CERTIFICATE_KEY_BYTES_MAX),
});

export const certificate: z.ZodType<CertificateView> = z.object({
  certificateId: text as unknown as z.ZodType<CertificateId>,
  hostnames: z.array(text).readonly(),
  source: z.enum(["acme", "uploaded", "origin-client"]),
  state: z.enum(CERTIFICATE_STATES),
  notBefore: maybe,
  notAfter: maybe,
  issuer: maybe,
  fingerprint: maybe,
  nextTryAt: maybe,
  why: maybe,
  inForce: z.object({ acked: z.number(), of: z.number() }),
});

/** The site that is meant, once the caller was let through. */
async function admitted(call: Call<unknown>, key: keyof CertificateEndpoints): Promise<SiteId> {
  const siteId = call.params["siteId"] as SiteId;
  await mustHaveSiteRole(call, siteId, SITE_ROLE_NEEDED[key]);
  return siteId;
}

const idOf = (call: Call<unknown>): CertificateId => call.params["certificateId"] as CertificateId;

export const certificateEndpoints: {
  readonly [Key in keyof CertificateEndpoints]: Endpoint<Key>;
} = {
  "GET /sites/{siteId}/certificates": {
    summary: "The site's certificates, whoever issued them, and how far each is in force",
    access: MEMBERS,
    query: noQuery,
    body: nothing,
    answer: views.page(certificate),
    run: async (call) =>
      call.services.certificates.list(await admitted(call, "GET /sites/{siteId}/certificates")),
  },
  "POST /sites/{siteId}/certificates": {
    summary: "Takes an owner's own certificate, for visitors or for the site's origins",
    access: MEMBERS,
    query: noQuery,
    body: uploadBody,
    answer: certificate,
    run: async (call) =>
      call.services.certificates.upload(await admitted(call, "POST /sites/{siteId}/certificates"), call.body),
  },
  "DELETE /sites/{siteId}/certificates/{certificateId}": {
    summary: "Takes a certificate off every edge and forgets its key",
    access: MEMBERS,
    query: noQuery,
    body: nothing,
    answer: views.page(certificate),
    run: async (call) =>
      call.services.certificates.remove(
        await admitted(call, "DELETE /sites/{siteId}/certificates/{certificateId}"),
        idOf(call),
      ),
  },
  "POST /sites/{siteId}/certificates/{certificateId}/renew": {
    summary: "Asks the authority again now, within what it allows",
    access: MEMBERS,
    query: noQuery,
    body: nothing,
    answer: certificate,
    run: async (call) =>
      call.services.certificates.renew(
        await admitted(call, "POST /sites/{siteId}/certificates/{certificateId}/renew"),
        idOf(call),
      ),
  },
};
