/**
 * What a request has in common with others of its kind, as short texts: of what a client invents anew each time nothing is left but that it was
 * invented, so that a flood with a random path, key or value is one kind and not thousands. Texts are printable ASCII and bounded, whatever came in:
 * they travel as JSON, and are compared as they are. Pure: the same under Node and under LuaJIT. Addresses are bytes, a character each.
 */
import { FEATURE_CHARS_MAX } from "../contract/flood.ts";

const SEGMENTS_MAX = 6;
const KEYS_MAX = 8;
/** Words of one part of a path: with more it is a title. */
const SEGMENT_WORDS_MAX = 3;
const KEY_WORDS_MAX = 4;
/** Longer ones are not looked at: nobody names a key or a folder like that. */
const TOKEN_CHARS_MAX = 24;
const SHORT_CHARS_MAX = 3;
const KNOWN_CHARS_MAX = 5;
const EXTENSION_CHARS_MAX = 5;
const TWO_TO_32 = 4294967296;
const HEX = "0123456789abcdef";

/** Pairs of letters that are common in words: of random ones only a quarter is here. */
const PAIRS: Record<string, string | undefined> = {
  a: "bcdgilmnprstuy",
  b: "aeiloru",
  c: "aehiklortu",
  d: "aeios",
  e: "acdefglmnprstvx",
  f: "eio",
  g: "eir",
  h: "aeiot",
  i: "abcdefglmnoprstvz",
  k: "ei",
  l: "aeilostuy",
  m: "aeiop",
  n: "acdegiost",
  o: "cdlmnoprstuvw",
  p: "aeiloprstu",
  q: "u",
  r: "acdeimorstuy",
  s: "acehiopstu",
  t: "acehiorstuy",
  u: "abceilmnprst",
  v: "aei",
  w: "ae",
  y: "p",
  z: "e",
};
/** Usual words of addresses. */
const WORDS: Record<string, true | undefined> = {};
for (const word of (
  "acme action admin album amount anchor anmelden article asset author blog board brand browse callback campaign " +
  "cart category challenge channel checkout city code color comment compare connexion content context count country coupon " +
  "cursor date debug demo depth detail direction display download edit email event export feed field file " +
  "filter folder format forum from full gallery group height help hidden home html image index item " +
  "json keyword kind known label lang language last layout left level limit link list live load " +
  "locale location login logout mail market media medium member menu message method mobile mode module month " +
  "more name network news next node number offset option order origin output owner page panel param " +
  "parent password path period phone photo place player post prev preview price print privacy product profile " +
  "quantity query range rank rating redirect referrer refresh region reply report request result return review right " +
  "role route scope score screen search section select seller sender session settings share shop show side " +
  "sign site size slug sort source stage start state static status step stock style subject submit " +
  "summary support sync table target team template term terms test text theme thread thumb time timestamp " +
  "title token topic total track type unit update upload uploads user username uuid value variant version " +
  "video view warenkorb watch website week width wiki window word year zone zoom"
).split(" ")) {
  WORDS[word] = true;
}

/** "/forum/thread-123/x8f3k9" → "/forum/thread-N/X". `path`: decoded. */
export function pathShape(path: string): string {
  const segments = path.split("/");
  let shape = "";
  for (let i = 1; i < segments.length; i++) {
    if (i > SEGMENTS_MAX) return `${shape}/+`;
    shape = `${shape}/${segmentShape(segments[i] ?? "")}`;
  }
  return shape === "" ? "-" : shape;
}

function segmentShape(segment: string): string {
  let dot = segment.length - 1;
  while (dot > 0 && segment.charAt(dot) !== ".") dot -= 1;
  const extension = dot > 0 ? segment.substring(dot + 1) : "";
  if (dot < 1 || extension.length > EXTENSION_CHARS_MAX || !isExtension(extension))
    return wordsShape(segment);
  return `${wordsShape(segment.substring(0, dot))}.${extension}`;
}

function isExtension(text: string): boolean {
  if (text === "mp3" || text === "mp4" || text === "woff2" || text === "m3u8") return true;
  return isLetters(text) && text.toLowerCase() === text;
}

function wordsShape(text: string): string {
  if (text.length > TOKEN_CHARS_MAX * SEGMENT_WORDS_MAX) return "X";
  const words = wordsOf(text);
  if (words.length > SEGMENT_WORDS_MAX * 2 - 1) return "X";
  let shape = "";
  for (const word of words) {
    if (word === "X") return "X";
    shape += word;
  }
  return shape;
}

/** Words and what parts them, one after the other; each word already as its shape. */
function wordsOf(text: string): string[] {
  const parts: string[] = [];
  let word = "";
  for (let i = 0; i <= text.length; i++) {
    const code = i < text.length ? text.charCodeAt(i) : 45;
    if (isLetter(code) || isDigit(code) || code > 126 || code < 33) {
      word = word + text.charAt(i);
      continue;
    }
    if (word !== "") parts.push(tokenShape(word, false));
    word = "";
    if (i < text.length) parts.push(text.charAt(i));
  }
  return parts;
}

/** A word as it is, "N" for a number, a word with "N" behind for a numbered one, "U" beyond ASCII, "X" for what looks drawn at random. */
function tokenShape(token: string, strict: boolean): string {
  if (token.length > TOKEN_CHARS_MAX) return "X";
  let letters = 0;
  for (let i = 0; i < token.length; i++) {
    const code = token.charCodeAt(i);
    if (code > 126 || code < 33) return "U";
    if (!isLetter(code)) break;
    letters += 1;
  }
  if (letters === 0 && isNumber(token)) return "N";
  const stem = token.substring(0, letters);
  if (letters === token.length) return isWord(stem, strict) ? token : "X";
  if (!isNumber(token.substring(letters))) return "X";
  // "v2", "page17"; two letters and digits may as well be random.
  if (letters === 1 && token.length === 2) return `${stem}N`;
  return letters > SHORT_CHARS_MAX && isWord(stem, strict) ? `${stem}N` : "X";
}

/** "a=1&sort=up" → "a=N&sort=T"; "?x8f3k=q" → "*". What stands before the first "=" of a part is its key. */
export function queryShape(query: string): string {
  if (query === "") return "";
  let shape = "";
  let last = "";
  let keys = 0;
  let from = 0;
  while (from <= query.length) {
    let end = query.indexOf("&", from);
    if (end < 0) end = query.length;
    if (end > from) {
      const part = partShape(query.substring(from, end));
      // A row of invented keys is as good as one of them.
      if (part !== last || part !== "*") {
        keys += 1;
        if (keys > KEYS_MAX) return `${shape}&+`;
        shape = shape === "" ? part : `${shape}&${part}`;
        last = part;
      }
    }
    from = end + 1;
  }
  return shape;
}

function partShape(part: string): string {
  const equals = part.indexOf("=");
  const key = equals < 0 ? part : part.substring(0, equals);
  if (!isKey(key)) return "*";
  if (equals < 0) return key;
  const value = part.substring(equals + 1);
  if (value === "") return `${key}=`;
  return isNumber(value) ? `${key}=N` : `${key}=T`;
}

/** Whether somebody named a field of a form like that: words, parted by signs or capital letters. */
export function isKey(key: string): boolean {
  if (key === "" || key.length > TOKEN_CHARS_MAX * 2) return false;
  let words = 0;
  let letters = 0;
  let capitals = 0;
  let longest = 0;
  let word = "";
  for (let i = 0; i <= key.length; i++) {
    const code = i < key.length ? key.charCodeAt(i) : 45;
    const begins = isCapital(code) && i > 0 && !isCapital(key.charCodeAt(i - 1));
    if ((isLetter(code) || isDigit(code)) && !begins) {
      word = word + key.charAt(i);
      continue;
    }
    if (code < 33 || code > 126) return false;
    if (word !== "") {
      words += 1;
      letters += word.length;
      longest = Math.max(longest, word.length);
      if (words > KEY_WORDS_MAX || !isKeyWord(word)) return false;
    }
    if (begins) capitals += 1;
    word = begins ? key.charAt(i) : "";
  }
  if (capitals > 0) return longest > SHORT_CHARS_MAX && letters >= words * SHORT_CHARS_MAX;
  return words > 0 && letters >= words * 2 - 1 && (words === 1 || letters > words * 2);
}

function isKeyWord(word: string): boolean {
  const shape = tokenShape(word, true);
  return shape !== "X" && shape !== "N" && (shape === word || shape.length > 2);
}

/**
 * Letters as they stand in words: in paths one uncommon pair is forgiven in six letters. `strict`, for keys of a query, which a flood invents first
 * of all: short ones must be known, longer ones have almost no uncommon pair.
 */
function isWord(letters: string, strict: boolean): boolean {
  if (letters.length <= SHORT_CHARS_MAX) return true;
  const word = letters.toLowerCase();
  if (word !== letters && letters.toUpperCase() !== letters && !isCapitalised(letters, word)) return false;
  if (WORDS[word] === true) return true;
  let uncommon = 0;
  for (let i = 1; i < word.length; i++) {
    const second = word.charAt(i);
    const known = PAIRS[word.charAt(i - 1)];
    if (known === undefined || !known.includes(second)) uncommon += 1;
  }
  if (!strict) return uncommon <= Math.floor(word.length / 6);
  return word.length > KNOWN_CHARS_MAX && uncommon <= Math.max(0, Math.floor(word.length / 4) - 1);
}

/** Capital letters stand at the begin of a word, and at that of a word in it: "Index", "wikiLink". */
function isCapitalised(letters: string, lower: string): boolean {
  let capitals = 0;
  for (let i = 0; i < letters.length; i++) if (letters.charAt(i) !== lower.charAt(i)) capitals += 1;
  return capitals * 3 <= letters.length;
}

/** "192.0.2.7"; of IPv6, in 8 or 16 bytes, the /64: "2001:db8:1:2::". */
export function addressText(bytes: string): string {
  const plain = withoutMapping(bytes);
  if (plain.length === 4) return dotted(plain, 4);
  return plain.length < 8 ? "" : `${groups(plain, 4)}::`;
}

/** "192.0.2.0/24", "2001:db8:1::/48". */
export function networkText(bytes: string): string {
  const plain = withoutMapping(bytes);
  if (plain.length === 4) return `${dotted(plain, 3)}.0/24`;
  return plain.length < 8 ? "" : `${groups(plain, 3)}::/48`;
}

/** An IPv4 address that came in IPv6's clothes (RFC 4291 §2.5.5.2) is what it is. */
function withoutMapping(bytes: string): string {
  if (bytes.length !== 16 || bytes.charCodeAt(10) !== 255 || bytes.charCodeAt(11) !== 255) return bytes;
  for (let i = 0; i < 10; i++) if (bytes.charCodeAt(i) !== 0) return bytes;
  return bytes.substring(12);
}

function dotted(bytes: string, count: number): string {
  let text = decimal(bytes.charCodeAt(0));
  for (let i = 1; i < count; i++) text = `${text}.${decimal(bytes.charCodeAt(i))}`;
  return text;
}

function decimal(byte: number): string {
  let text = HEX.charAt(byte % 10);
  if (byte >= 10) text = HEX.charAt(Math.floor(byte / 10) % 10) + text;
  return byte >= 100 ? HEX.charAt(Math.floor(byte / 100)) + text : text;
}

function groups(bytes: string, count: number): string {
  let text = "";
  for (let i = 0; i < count; i++) {
    const high = bytes.charCodeAt(i * 2);
    const low = bytes.charCodeAt(i * 2 + 1);
    const digits = hexByte(high) + hexByte(low);
    let from = 0;
    while (from < 3 && digits.charAt(from) === "0") from += 1;
    text = i === 0 ? digits.substring(from) : `${text}:${digits.substring(from)}`;
  }
  return text;
}

function hexByte(byte: number): string {
  return HEX.charAt(Math.floor(byte / 16)) + HEX.charAt(byte % 16);
}

/** Printable ASCII of at most FEATURE_CHARS_MAX characters: every other byte, and "%", as "%" and two digits. */
export function clipped(text: string): string {
  const end = Math.min(text.length, FEATURE_CHARS_MAX);
  let odd = false;
  for (let i = 0; i < end && !odd; i++) {
    const code = text.charCodeAt(i);
    odd = code < 32 || code > 126 || code === 37;
  }
  if (!odd) return text.length > FEATURE_CHARS_MAX ? text.substring(0, FEATURE_CHARS_MAX) : text;
  let out = "";
  for (let i = 0; i < end; i++) {
    const code = text.charCodeAt(i);
    const part = code < 32 || code > 126 || code === 37 ? `%${hexByte(code % 256)}` : text.charAt(i);
    if (out.length + part.length > FEATURE_CHARS_MAX) return out;
    out = out + part;
  }
  return out;
}

/** "none", "same", or the host of another site. `host`: the request's, in lower case and without a port. */
export function referrerOf(field: string, host: string): string {
  if (field === "") return "none";
  const scheme = field.indexOf("://");
  if (scheme < 0) return "other";
  let end = scheme + 3;
  while (end < field.length && end < scheme + 3 + FEATURE_CHARS_MAX && !endsHost(field.charCodeAt(end)))
    end += 1;
  const named = field.substring(scheme + 3, end).toLowerCase();
  return named === host ? "same" : clipped(named);
}

function endsHost(code: number): boolean {
  return code === 47 || code === 58 || code === 63 || code === 35; // "/", ":", "?", "#"
}

/** One more line of a head, by nginx's hash of its name (any 32 bits, signed or not). */
export function mixHeader(mixed: number, hash: number): number {
  const plain = hash < 0 ? hash + TWO_TO_32 : hash;
  return (mixed * 33 + plain) % TWO_TO_32;
}

/** nginx's own hash (ngx_hash_key) of a text in lower case: its low 32 bits. */
export function hashText(text: string): number {
  let hash = 0;
  for (let i = 0; i < text.length; i++) hash = (hash * 31 + text.charCodeAt(i)) % TWO_TO_32;
  return hash;
}

/** Eight hexadecimal digits of a whole number from 0 to 2^32 - 1. */
export function hex32(value: number): string {
  let text = "";
  let rest = value;
  for (let i = 0; i < 4; i++) {
    text = hexByte(rest % 256) + text;
    rest = Math.floor(rest / 256);
  }
  return text;
}

function isNumber(text: string): boolean {
  if (text === "") return false;
  let digits = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (isDigit(code)) digits += 1;
    else if (code !== 46 && code !== 45) return false; // "." and "-"
  }
  return digits > 0;
}

function isLetters(text: string): boolean {
  if (text === "") return false;
  for (let i = 0; i < text.length; i++) if (!isLetter(text.charCodeAt(i))) return false;
  return true;
}

function isLetter(code: number): boolean {
  return (code >= 97 && code <= 122) || (code >= 65 && code <= 90);
}

function isCapital(code: number): boolean {
  return code >= 65 && code <= 90;
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}
