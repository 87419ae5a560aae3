/** The same signature that the request path puts on requests to an origin (RFC 9421, hmac-sha256), for the node's own checks of it. */
import { createHmac } from "node:crypto";

export function signatureFields(
  key: string,
  request: {
    readonly siteId: string;
    readonly method: string;
    readonly authority: string;
    readonly target: string;
    readonly createdSeconds: number;
  },
): Readonly<Record<string, string>> {
  const [path = "", ...rest] = request.target.split("?");
  const params = `("@method" "@authority" "@path" "@query");created=${request.createdSeconds};keyid="${request.siteId}";alg="hmac-sha256"`;
  const base = [
    `"@method": ${request.method}`,
    `"@authority": ${request.authority.toLowerCase()}`,
    `"@path": ${path === "" ? "/" : path}`,
    `"@query": ?${rest.join("?")}`,
    `"@signature-params": ${params}`,
  ].join("\n");
  const signature = createHmac("sha256", Buffer.from(key, "base64url")).update(base).digest("base64");
  return { "signature-input": `parapet=${params}`, signature: `parapet=:${signature}:` };
}
