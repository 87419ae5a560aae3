/**
 * Signs a request to the origin (RFC 9421). Called when the request's body is there, so that `created` is the time at which the origin hears
 * of it. The client's own fields of these names are replaced: on a signed site they say who the edge is, and nobody else may.
 */
import { SIGNATURE_LABEL, signatureBase, signatureParams, signedAuthority } from "../signature-base.ts";
import { hmacSha256 } from "./hmac.ts";
import type { LoadedOrigin } from "./origin.ts";

export function signRequest(siteId: string, origin: LoadedOrigin): void {
  const key = origin.signer;
  if (key === undefined) return;
  const host = origin.hostHeader === "" ? (ngx.var["http_host"] ?? "") : origin.hostHeader;
  const params = signatureParams(string.format("%d", ngx.time()), siteId);
  const base = signatureBase(
    {
      method: ngx.req.get_method(),
      authority: signedAuthority(host, origin.tls),
      target: ngx.var["request_uri"] ?? "/",
    },
    params,
  );
  ngx.req.set_header("Signature-Input", `${SIGNATURE_LABEL}=${params}`);
  ngx.req.set_header("Signature", `${SIGNATURE_LABEL}=:${ngx.encode_base64(hmacSha256(key, base))}:`);
}
