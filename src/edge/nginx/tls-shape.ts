/** How a client speaks TLS, as rules match and count it: the feature `tls` of contract/flood.ts. "" over a plain connection. */

const DIGITS = 12;

export function tlsShape(): string {
  const version = ngx.var["ssl_protocol"];
  if (version === undefined || version === "") return "";
  const said = `${version} ${ngx.var["ssl_ciphers"] ?? ""} ${ngx.var["ssl_curves"] ?? ""}`;
  let digits = "";
  const bytes = ngx.md5_bin(said);
  for (let i = 1; i <= DIGITS / 2; i++) digits += string.format("%02x", string.byte(bytes, i));
  return digits;
}
