/**
 * HMAC-SHA256 (RFC 2104, FIPS 180-4) by the system's libcrypto, which nginx has loaded anyway. A key is expanded once into the two states that
 * every message starts from; a message then costs two copies of 112 bytes and its own hashing, and allocates nothing but the
 * result. The context functions of SHA-256 are used, since those of EVP look their algorithm up anew for each message.
 */
import * as ffi from "ffi";

/** SHA256_CTX after the inner and after the outer block of a key. */
export type HmacKey = { readonly inner: object; readonly outer: object };

ffi.cdef(`
typedef struct { uint32_t h[8]; uint32_t Nl, Nh; uint32_t data[16]; unsigned int num, md_len; } parapet_sha256_t;
int SHA256_Init(parapet_sha256_t *c);
int SHA256_Update(parapet_sha256_t *c, const void *data, size_t len);
int SHA256_Final(unsigned char *md, parapet_sha256_t *c);
`);
/** @noSelf */
interface Crypto {
  SHA256_Init(state: object): number;
  SHA256_Update(state: object, data: string | object, bytes: number): number;
  SHA256_Final(digest: object, state: object): number;
}
const crypto = ffi.load("libcrypto.so.3") as Crypto;

const BLOCK_BYTES = 64;
const DIGEST_BYTES = 32;
const STATE_BYTES = ffi.sizeof("parapet_sha256_t");
const scratch = ffi.new("parapet_sha256_t");
const digest = ffi.new("unsigned char[32]");

/** A key from its bytes. */
export function hmacKey(bytes: string): HmacKey {
  const key = bytes.length > BLOCK_BYTES ? sha256(bytes) : bytes;
  return { inner: stateAfter(key, 0x36), outer: stateAfter(key, 0x5c) };
}

/** The 32 bytes of the authentication code. */
export function hmacSha256(key: HmacKey, message: string): string {
  ffi.copy(scratch, key.inner, STATE_BYTES);
  crypto.SHA256_Update(scratch, message, message.length);
  crypto.SHA256_Final(digest, scratch);
  ffi.copy(scratch, key.outer, STATE_BYTES);
  crypto.SHA256_Update(scratch, digest, DIGEST_BYTES);
  crypto.SHA256_Final(digest, scratch);
  return ffi.string(digest, DIGEST_BYTES);
}

/** The bytes behind base64url without padding (RFC 4648 §5); "" when it is none. */
export function bytesOfBase64Url(text: string): string {
  const [dashes] = string.gsub(text, "%-", "+");
  const [standard] = string.gsub(dashes, "_", "/");
  return ngx.decode_base64(standard + string.rep("=", (4 - (standard.length % 4)) % 4)) ?? "";
}

/** The 32 bytes of SHA-256. */
export function sha256(bytes: string): string {
  crypto.SHA256_Init(scratch);
  crypto.SHA256_Update(scratch, bytes, bytes.length);
  crypto.SHA256_Final(digest, scratch);
  return ffi.string(digest, DIGEST_BYTES);
}

function stateAfter(key: string, pad: number): object {
  let block = "";
  for (let i = 1; i <= BLOCK_BYTES; i++) {
    const byte = i <= key.length ? string.byte(key, i) : 0;
    block += string.char(byte ^ pad);
  }
  const state = ffi.new("parapet_sha256_t");
  crypto.SHA256_Init(state);
  crypto.SHA256_Update(state, block, BLOCK_BYTES);
  return state;
}
