/**
 * One path, one spelling. Measures are written once and must hold for every way to spell the same path, so both the
 * measure's path and the request's are brought to the form that nginx gives to `$uri`: percent-decoded once, "." and ".."
 * resolved, slashes merged. In Lua a string is bytes and in Node UTF-16: paths beyond ASCII are therefore compared
 * as percent-encoded bytes in upper-case hex, which is the same in both.
 */

const HEX = "0123456789ABCDEF";
/** RFC 3986 §2.3, and what a path may hold unencoded (§3.3) except "%". */
const PLAIN = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,;=:@/";

/** Canonical path of a raw one ("/a/../caf%c3%a9//x" → "/caf%C3%A9/x"). Anything after "?" or "#" must be cut before. */
export function canonicalPath(raw: string): string {
  const kept: string[] = [];
  const segments = recode(raw).split("/");
  let endsInSlash = false;
  for (const segment of segments) {
    endsInSlash = segment === "" || segment === "." || segment === "..";
    if (segment === "" || segment === ".") continue;
    if (segment === "..") kept.pop();
    else kept.push(segment);
  }
  const joined = "/" + kept.join("/");
  return endsInSlash && kept.length > 0 ? joined + "/" : joined;
}

/** What stands behind the first "?" of a request target, without a fragment. */
export function queryOf(target: string): string {
  const mark = target.indexOf("?");
  if (mark < 0) return "";
  const query = target.substring(mark + 1);
  const hash = query.indexOf("#");
  return hash < 0 ? query : query.substring(0, hash);
}

/** A query in one spelling: nothing encoded that may stand plain, all else in upper-case hex. */
export function canonicalQuery(query: string): string {
  return query === "" ? "" : recode(query);
}

/** A canonical path as bytes, one character each, which is what nginx's $uri holds. */
export function decodedPath(canonical: string): string {
  const out: string[] = [];
  let i = 0;
  while (i < canonical.length) {
    if (canonical.charAt(i) === "%") {
      const byte = HEX.indexOf(canonical.charAt(i + 1)) * 16 + HEX.indexOf(canonical.charAt(i + 2));
      out.push(String.fromCharCode(byte));
      i += 3;
    } else {
      out.push(canonical.charAt(i));
      i += 1;
    }
  }
  return out.join("");
}

/** Percent-decodes what may stand plain and encodes, in upper case, what may not. */
function recode(raw: string): string {
  const out: string[] = [];
  let i = 0;
  while (i < raw.length) {
    const char = raw.charAt(i);
    if (char === "%") {
      const high = HEX.indexOf(raw.charAt(i + 1).toUpperCase());
      const low = HEX.indexOf(raw.charAt(i + 2).toUpperCase());
      if (raw.length > i + 2 && high >= 0 && low >= 0) {
        out.push(plainOrEncoded(high * 16 + low));
        i += 3;
        continue;
      }
      out.push("%25");
    } else if (PLAIN.includes(char) || char === "?") {
      out.push(char);
    } else {
      for (const byte of bytesOf(raw, i)) out.push(encoded(byte));
      if (isHighSurrogate(raw.charCodeAt(i))) i += 1;
    }
    i += 1;
  }
  return out.join("");
}

function plainOrEncoded(byte: number): string {
  if (byte < 0x80) {
    const char = String.fromCharCode(byte);
    if (PLAIN.includes(char)) return char;
  }
  return encoded(byte);
}

function encoded(byte: number): string {
  return "%" + HEX.charAt(Math.floor(byte / 16)) + HEX.charAt(byte % 16);
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}

/** UTF-8 bytes of the character at `i`. In Lua each character is a byte already, below 256. */
function bytesOf(text: string, i: number): number[] {
  const unit = text.charCodeAt(i);
  if (unit < 0x80 || "é".length === 2) return [unit];
  if (unit < 0x800) return [0xc0 + Math.floor(unit / 64), 0x80 + (unit % 64)];
  let point = unit;
  if (isHighSurrogate(unit)) {
    const low = text.charCodeAt(i + 1);
    point = 0x10000 + (unit - 0xd800) * 0x400 + (low - 0xdc00);
    return [
      0xf0 + Math.floor(point / 262144),
      0x80 + (Math.floor(point / 4096) % 64),
      0x80 + (Math.floor(point / 64) % 64),
      0x80 + (point % 64),
    ];
  }
  return [0xe0 + Math.floor(unit / 4096), 0x80 + (Math.floor(unit / 64) % 64), 0x80 + (unit % 64)];
}
