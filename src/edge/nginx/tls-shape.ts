/**
 * How a client speaks TLS, as rules match and count it and samples tell it: the feature `tls` of contract/flood.ts. Made of the version and of the ciphers that the
 * client offers, in its order and without the values that browsers draw anew for each connection (GREASE, RFC 8701 §2). Curves are left out, as
 * nginx knows them for new sessions alone: a client would have two shapes.
 */

const DIGITS = 12;
const REMEMBERED_MAX = 2000;

let known: Record<string, string | undefined> = {};
let count = 0;

/** "" over a plain connection. */
export function tlsShape(): string {
  const version = ngx.var["ssl_protocol"];
  if (version === undefined || version === "") return "";
  const said = `${version} ${ngx.var["ssl_ciphers"] ?? ""}`;
  const found = known[said];
  if (found !== undefined) return found;
  const [lasting] = string.gsub(said, "0x(%x)a%1a:?", "");
  const bytes = ngx.md5_bin(lasting);
  let shape = "";
  for (let i = 1; i <= DIGITS / 2; i++) shape += string.format("%02x", string.byte(bytes, i));
  // What clients offer is theirs to invent.
  if (count >= REMEMBERED_MAX) {
    known = {};
    count = 0;
  }
  known[said] = shape;
  count += 1;
  return shape;
}
