/**
 * What the edge gives out around a challenge: the challenge itself, and the clearance for whoever met it. Both are signed by the caller (HMAC-SHA256, RFC 2104), here
 * stands over what; domain separation is by the first line. A challenge says when it was given out, how many zero bits it asks for, and how long who
 * computes nothing has to wait. A clearance takes its id and its end from what was solved: the same solution is the same clearance wherever and however often
 * it is brought, and has one budget. Both are bound to a site and to the client's network (/24 or /48), and keep one spelling.
 */
import { sameText } from "./warning-pass.ts";

/** How long a browser may compute, and a person may wait and press the button. */
export const PROOF_SECONDS_MAX = 300;
export const WAIT_SECONDS_MAX = 900;
export const CLEARANCE_SECONDS = 1800;
/** Keys change with slots of this length. */
export const KEY_SLOT_SECONDS = 12 * 3600;
/** How far clocks of two nodes may be apart. */
const SKEW_SECONDS = 30;
const WAIT_SECONDS_DEFAULT = 10;
const WAITED_BITS = 16;
const SECONDS_PER_BIT = 5;

/** Of a signature, in base64url: 16 bytes. */
export const MAC_CHARS = 22;
export const MAC_BYTES = 16;
/** Of a clearance's id: 9 bytes. */
export const ID_CHARS = 12;
export const ID_BYTES = 9;

export type Challenge = {
  /** Seconds since the Unix epoch. */
  readonly issuedAt: number;
  readonly bits: number;
  readonly waitSeconds: number;
  readonly mac: string;
};

/** How it was earned: by work, or by waiting. */
export type ClearanceKind = "w" | "t";
export type Clearance = {
  readonly expiresAt: number;
  readonly kind: ClearanceKind;
  readonly id: string;
  readonly mac: string;
};

/** The harder the challenge, the longer the wait of who does not compute. */
export function waitSecondsOf(bits: number): number {
  return WAIT_SECONDS_DEFAULT + Math.max(0, bits - WAITED_BITS) * SECONDS_PER_BIT;
}

export function keySlot(seconds: number): number {
  return Math.floor(seconds / KEY_SLOT_SECONDS);
}

/** `network`: the bytes of a /24 or /48, last as they may be any. */
export function challengeMessage(
  siteId: string,
  challenge: Omit<Challenge, "mac"> & { readonly network: string },
): string {
  const { issuedAt, bits, waitSeconds, network } = challenge;
  return `parapet-challenge-1\n${siteId}\n${whole(issuedAt)}\n${whole(bits)}\n${whole(waitSeconds)}\n${network}`;
}

export function writeChallenge(challenge: Challenge): string {
  const { issuedAt, bits, waitSeconds, mac } = challenge;
  return `1.${whole(issuedAt)}.${whole(bits)}.${whole(waitSeconds)}.${mac}`;
}

/** Undefined for anything that `writeChallenge` does not write. Its signature is not looked at. */
export function readChallenge(text: string): Challenge | undefined {
  if (text.length > 60) return undefined;
  const parts = text.split(".");
  if (parts.length !== 5 || parts[0] !== "1") return undefined;
  const issuedAt = decimal(parts[1] ?? "", 10);
  const bits = decimal(parts[2] ?? "", 2);
  const waitSeconds = decimal(parts[3] ?? "", 3);
  const mac = parts[4] ?? "";
  if (issuedAt < 0 || bits < 0 || waitSeconds < 0 || !isBase64Url(mac, MAC_CHARS)) return undefined;
  return { issuedAt, bits, waitSeconds, mac };
}

/** Of a challenge that is to be met by work. */
export function isProofInTime(challenge: Challenge, now: number): boolean {
  return challenge.issuedAt <= now + SKEW_SECONDS && now <= challenge.issuedAt + PROOF_SECONDS_MAX;
}

/** Of one that is to be met by waiting: how many seconds are left, 0 for now, -1 when it is too late. */
export function secondsToWait(challenge: Challenge, now: number): number {
  const { issuedAt, waitSeconds } = challenge;
  if (now > issuedAt + WAIT_SECONDS_MAX || issuedAt > now + SKEW_SECONDS) return -1;
  return Math.max(0, issuedAt + waitSeconds - now);
}

/** What the id of a clearance that was waited for is the end of the digest of. One that was worked for takes the proof's own digest. */
export function waitedMessage(challenge: string): string {
  return `parapet-waited-1\n${challenge}`;
}

export function clearanceMessage(
  siteId: string,
  clearance: Omit<Clearance, "mac"> & { readonly network: string },
): string {
  const { expiresAt, kind, id, network } = clearance;
  return `parapet-clearance-1\n${siteId}\n${whole(expiresAt)}\n${kind}\n${id}\n${network}`;
}

export function writeClearance(clearance: Clearance): string {
  const { expiresAt, kind, id, mac } = clearance;
  return `1.${whole(expiresAt)}.${kind}.${id}.${mac}`;
}

/** Undefined for anything that `writeClearance` does not write. Its signature is not looked at. */
export function readClearance(text: string): Clearance | undefined {
  if (text.length > 60) return undefined;
  const parts = text.split(".");
  if (parts.length !== 5 || parts[0] !== "1") return undefined;
  const expiresAt = decimal(parts[1] ?? "", 10);
  const kind = parts[2] ?? "";
  const id = parts[3] ?? "";
  const mac = parts[4] ?? "";
  if (kind !== "w" && kind !== "t") return undefined;
  if (expiresAt < 0 || !isBase64Url(id, ID_CHARS) || !isBase64Url(mac, MAC_CHARS)) return undefined;
  return { expiresAt, kind, id, mac };
}

/** Whether its time is now. An end further away than any the edge gives is nobody's. */
export function isClearanceInTime(clearance: Clearance, now: number): boolean {
  return clearance.expiresAt > now && clearance.expiresAt <= now + CLEARANCE_SECONDS + SKEW_SECONDS;
}

/** Compares signatures without telling by its duration where they differ. */
export function isSigned(token: { readonly mac: string }, expected: string): boolean {
  return sameText(token.mac, expected);
}

const TARGET_CHARS_MAX = 1500;
const TARGET_SIGNS = "-._~/?&=+%:@,;!*()$";

/**
 * Where a visitor may be sent to: a path of the same site with its query, "" for anything else. What a browser could take for another host, or HTML for
 * markup, is nothing of the kind.
 */
export function safeTarget(text: string): string {
  if (text.length === 0 || text.length > TARGET_CHARS_MAX || text.charAt(0) !== "/") return "";
  if (text.charAt(1) === "/") return "";
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    const isPlain =
      (code >= 0x30 && code <= 0x39) || (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a);
    if (!isPlain && !TARGET_SIGNS.includes(text.charAt(i))) return "";
  }
  return text;
}

/** One field of a form (application/x-www-form-urlencoded), percent signs decoded; "" for none. Of several the first counts. */
export function formField(body: string, name: string): string {
  for (const part of body.split("&")) {
    if (!part.startsWith(name + "=")) continue;
    return percentDecoded(part.substring(name.length + 1));
  }
  return "";
}

function percentDecoded(text: string): string {
  if (!text.includes("%") && !text.includes("+")) return text;
  let out = "";
  let i = 0;
  while (i < text.length) {
    const char = text.charAt(i);
    const high = char === "%" ? HEX.indexOf(text.charAt(i + 1).toLowerCase()) : -1;
    const low = char === "%" ? HEX.indexOf(text.charAt(i + 2).toLowerCase()) : -1;
    // An escaped byte above ASCII is part of no target that is gone to, and becomes one that is refused.
    if (high >= 0 && low >= 0 && i + 2 < text.length) {
      const code = high * 16 + low;
      out = out + (code < 0x80 ? String.fromCharCode(code) : "\\");
      i = i + 3;
      continue;
    }
    out = out + (char === "+" ? " " : char);
    i = i + 1;
  }
  return out;
}

const HEX = "0123456789abcdef";

/** A whole number without leading zeros of at most `digits` digits, or -1. */
function decimal(text: string, digits: number): number {
  if (text.length === 0 || text.length > digits || (text.length > 1 && text.charAt(0) === "0")) return -1;
  let value = 0;
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}

function isBase64Url(text: string, chars: number): boolean {
  if (text.length !== chars) return false;
  for (let i = 0; i < chars; i++) {
    const code = text.charCodeAt(i);
    const isPlain =
      (code >= 0x30 && code <= 0x39) || (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a);
    if (!isPlain && code !== 0x2d && code !== 0x5f) return false;
  }
  return true;
}

/** In Lua a number as text may come out as a float. */
function whole(value: number): string {
  let text = "";
  let left = Math.floor(value);
  do {
    text = "0123456789".charAt(left % 10) + text;
    left = Math.floor(left / 10);
  } while (left > 0);
  return text;
}
