/**
 * What a signature on a request to the origin covers (RFC 9421 §2): method, authority, path and query, as the origin gets them, with the
 * time and the site's id. The origin's owner checks it with the site's key and so knows that the request came by this edge.
 */

/** The name under which the signature stands in both fields. */
export const SIGNATURE_LABEL = "parapet";

/** The covered components and parameters (RFC 9421 §2.3), the member of Signature-Input after its label. */
export function signatureParams(created: string, keyId: string): string {
  return `("@method" "@authority" "@path" "@query");created=${created};keyid="${keyId}";alg="hmac-sha256"`;
}

/** The signature base (RFC 9421 §2.5). `target` is the request's target in origin form. */
export function signatureBase(
  request: { readonly method: string; readonly authority: string; readonly target: string },
  params: string,
): string {
  const { method, authority, target } = request;
  const at = target.indexOf("?");
  const path = at < 0 ? target : target.substring(0, at);
  const query = at < 0 ? "?" : target.substring(at);
  return `"@method": ${method}\n"@authority": ${authority}\n"@path": ${path === "" ? "/" : path}\n"@query": ${query}\n"@signature-params": ${params}`;
}

/** Host as "@authority" wants it (RFC 9421 §2.2.3): lower case, without the scheme's own port. */
export function signedAuthority(host: string, tls: boolean): string {
  const lower = host.toLowerCase();
  const own = tls ? ":443" : ":80";
  return lower.endsWith(own) ? lower.substring(0, lower.length - own.length) : lower;
}
