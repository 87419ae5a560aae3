/**
 * Report codes: 16 digits in groups of four, the only credential a reporter has. Only a lookup key is kept: scrypt (RFC 7914) of the
 * digits under one salt of this instance, so that a copied database gives no code away within reach, and a code still finds its
 * report by one lookup. Callers limit attempts: 10^16 codes are many, not infinitely many.
 */
import { scrypt } from "node:crypto";
import type { Parsed } from "../contract/fault.ts";

const DIGITS = 16;
const KEY_BYTES = 32;
/** About 50 ms and 16 MiB for each guess. */
const COST = { N: 16_384, r: 8, p: 1 } as const;

/** A fresh code, like "1234 5678 9012 3456". Every code is equally likely: bytes above 249 are drawn again. */
export function newReportCode(random: (bytes: number) => Uint8Array): string {
  let digits = "";
  while (digits.length < DIGITS) {
    for (const byte of random(DIGITS)) {
      if (byte < 250 && digits.length < DIGITS) digits += String(byte % 10);
    }
  }
  return (digits.match(/.{4}/g) ?? []).join(" ");
}

/** The digits of what a person typed, whatever they put between them. */
export function parseReportCode(text: string): Parsed<string> {
  if (text.length > 64) return { ok: false, why: "A report code has 16 digits" };
  const digits = text.replace(/[\s.\-–\u00a0]/g, "");
  return /^[0-9]{16}$/.test(digits)
    ? { ok: true, value: digits }
    : { ok: false, why: "A report code has 16 digits" };
}

/** The key under which the report of a code is found. `salt` is this instance's, hex. */
export async function codeLookupKey(digits: string, salt: string): Promise<string> {
  return await new Promise((resolve, reject) => {
    scrypt(`parapet/report-code/v1\n${digits}`, Buffer.from(salt, "hex"), KEY_BYTES, COST, (error, key) => {
      if (error === null) resolve(key.toString("hex"));
      else reject(error);
    });
  });
}
