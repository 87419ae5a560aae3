/**
 * Opens one sealed identity from the file that an officer downloaded, with two shares, in this process alone (design law 1). It
 * asks no server and writes nothing. Every way in which this cannot work is a Fault that says what to do; none of them repeats a
 * share or anything of the identity. What it answers was written by a stranger: print it through `printable`.
 */
import { Fault } from "../contract/fault.ts";
import { ID_PATTERN } from "../contract/ids.ts";
import { originalDigest } from "../desk/intake.ts";
import { openSealed, parseShare } from "../desk/vault.ts";
import type { IdentityInput } from "../desk/desk.ts";
import type { SealedIdentity } from "../contract/http.ts";
import type { Parsed } from "../contract/fault.ts";

/** A sealed report of the largest size is half of this. */
export const VAULT_FILE_BYTES_MAX = 1024 * 1024;

export type OpenedIdentity = {
  readonly identity: IdentityInput;
  readonly reportId: string;
  readonly logIndex: number;
  /** The digest that the console shows beside the report, computed anew from what was sealed. */
  readonly originalSha256: string;
};

/** `text` is the downloaded file, the shares as they stand on the officers' papers. */
export async function openVaultFile(
  text: string,
  shares: readonly [string, string],
): Promise<OpenedIdentity> {
  const file = parseVaultFile(text);
  if (!file.ok) {
    throw new Fault("input.invalid", `Cannot use this file, so download it again from the case: ${file.why}`);
  }
  const { sealed, associatedData, sealedTo, logIndex } = file.value;
  for (const [i, share] of shares.entries()) {
    const parsed = parseShare(share);
    if (parsed.ok && parsed.value.vault !== sealedTo.slice(0, parsed.value.vault.length)) {
      throw new Fault(
        "input.invalid",
        `The ${i === 0 ? "first" : "second"} share is of another vault (${parsed.value.vault}…): this was sealed to ${sealedTo}, take two shares of that one`,
      );
    }
  }
  const plain = await openSealed(shares[0], shares[1], {
    sealed: Buffer.from(sealed, "base64"),
    associated: associatedData,
  });
  const opened = parseOpened(new TextDecoder().decode(plain));
  plain.fill(0);
  if (!opened.ok) {
    throw new Fault("input.invalid", `It opened, but ${opened.why}: use the Parapet that sealed it`);
  }
  return { ...opened.value, reportId: associatedData, logIndex };
}

const record = (value: unknown): Readonly<Record<string, unknown>> | null =>
  typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : null;

function fromJson(text: string): Readonly<Record<string, unknown>> | null {
  try {
    return record(JSON.parse(text));
  } catch {
    return null;
  }
}

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

export function parseVaultFile(text: string): Parsed<SealedIdentity> {
  if (text.length > VAULT_FILE_BYTES_MAX) return { ok: false, why: "It is larger than any sealed identity" };
  const json = fromJson(text);
  if (json === null) return { ok: false, why: "It is not whole, or no file of sealed identities" };
  const { schema, sealed, associatedData, sealedTo, logIndex } = json;
  if (schema !== 1) return { ok: false, why: "It has another version than this Parapet reads" };
  if (typeof sealed !== "string" || sealed.length < 64 || !BASE64.test(sealed))
    return { ok: false, why: "Its ciphertext is damaged" };
  if (typeof associatedData !== "string" || !ID_PATTERN.test(associatedData))
    return { ok: false, why: "It does not say which report it belongs to" };
  if (typeof sealedTo !== "string" || !/^[0-9a-f]{32}$/.test(sealedTo))
    return { ok: false, why: "It does not say which vault it was sealed to" };
  if (typeof logIndex !== "number" || !Number.isSafeInteger(logIndex) || logIndex < 0)
    return { ok: false, why: "It does not name its entry in the public log" };
  return { ok: true, value: { schema, sealed, associatedData, sealedTo, logIndex } };
}

function parseOpened(text: string): Parsed<Pick<OpenedIdentity, "identity" | "originalSha256">> {
  const json = fromJson(text);
  const who = record(json?.["identity"]);
  if (json === null || who === null || json["version"] !== 1)
    return { ok: false, why: "it holds something this version does not know" };
  const { name, email, phone } = who;
  const { blind, original } = json;
  for (const part of [name, email, phone, blind, original])
    if (typeof part !== "string") return { ok: false, why: "a part of it is missing" };
  const originalSha256 = originalDigest(
    Buffer.from(String(blind), "hex"),
    Buffer.from(String(original), "base64"),
  );
  return {
    ok: true,
    value: { identity: { name, email, phone } as IdentityInput, originalSha256 },
  };
}
