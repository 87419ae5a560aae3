/**
 * The keys that challenges and clearances are signed with (HMAC-SHA256). They are the node's to derive, the same on every node, and lie in shared memory as one text,
 * "SLOT HEX SLOT HEX …", so that they change without a reload; each worker reads it anew at most once a second. For a time without a key, which is
 * every time while the fleet has told its secret to nobody, nginx takes one that it drew at its start.
 */
import { keySlot, MAC_BYTES } from "../clearance.ts";
import { hmacKey, hmacSha256, type HmacKey } from "./hmac.ts";

const control = ngx.shared["parapet_control"]!;
const TEXT = "challenge-keys";
const OWN = "challenge-own-key";
const TEXT_BYTES_MAX = 1024;

let readAt = 0;
let text = "";
let keys: Record<number, HmacKey | undefined> = {};
let own: HmacKey | undefined;

/** Called once, when nginx starts and nothing is kept from before. */
export function startChallengeKeys(path: string, drawn: string): void {
  control.set(OWN, drawn);
  const [file] = io.open(path, "rb");
  const read = file?.read(TEXT_BYTES_MAX) ?? "";
  file?.close();
  control.set(TEXT, read);
}

/** POST /challenge-keys: the text. In force within a second. */
export function feedChallengeKeys(): void {
  ngx.req.read_body();
  const body = ngx.req.get_body_data() ?? "";
  if (body.length > TEXT_BYTES_MAX || string.match(body, "^[%x ]*$")[0] === undefined) {
    ngx.status = 400;
    ngx.print('{"why":"The body is no list of keys"}');
    return;
  }
  control.set(TEXT, body);
  readAt = 0;
  ngx.header["Content-Type"] = "application/json";
  ngx.print("{}");
}

/** The signature over a message of the moment `at` (seconds since the Unix epoch), in base64url. */
export function sign(message: string, at: number): string {
  return base64Url(string.sub(hmacSha256(keyAt(at), message), 1, MAC_BYTES));
}

export function base64Url(bytes: string): string {
  const [dashes] = string.gsub(ngx.encode_base64(bytes, true), "%+", "-");
  const [out] = string.gsub(dashes, "/", "_");
  return out;
}

function keyAt(at: number): HmacKey {
  const now = ngx.time();
  if (now !== readAt) {
    readAt = now;
    look();
  }
  const known = keys[keySlot(at)] ?? own;
  if (known !== undefined) return known;
  own = hmacKey(control.get(OWN)[0] as string);
  return own;
}

function look(): void {
  const fresh = (control.get(TEXT)[0] as string | undefined) ?? "";
  if (fresh === text) return;
  text = fresh;
  keys = {};
  for (const [slot, hex] of string.gmatch(fresh, "(%d+) (%x+)")) {
    let bytes = "";
    for (let i = 1; i < hex!.length; i += 2) bytes += string.char(tonumber(string.sub(hex!, i, i + 1), 16)!);
    keys[tonumber(slot)!] = hmacKey(bytes);
  }
}
