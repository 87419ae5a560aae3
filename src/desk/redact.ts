/**
 * Takes the reporter's own name, address and number out of the free text that they wrote beside them. The byte-exact original lies
 * under the seal, so nothing is lost; what officers read does not say who wrote it (design law 1). Pure.
 */
import type { IdentityInput } from "./desk.ts";

const MARK = "[sealed]";
const NAME_CHARS_MIN = 4;
const PHONE_DIGITS_MIN = 6;

const escape = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

/** `keepName`: what was copied from a page may well name the reporter, and that name is evidence. */
export function redact(
  text: string,
  identity: IdentityInput | null,
  options: { readonly keepName: boolean },
): string {
  if (identity === null) return text;
  let out = text;
  const email = identity.email.trim();
  if (email !== "") {
    out = out.replace(new RegExp(escape(email), "giu"), MARK);
    out = out.replace(new RegExp(escape(encodeURIComponent(email)), "giu"), MARK);
  }
  const digits = identity.phone.replace(/\D/g, "");
  if (identity.phone.trim() !== "") out = out.replace(new RegExp(escape(identity.phone.trim()), "giu"), MARK);
  if (digits.length >= PHONE_DIGITS_MIN) {
    // The same number, however it is grouped, with or without its country's prefix.
    const tail = digits.slice(-9);
    out = out.replace(
      new RegExp(`(?:\\+|00)?[\\d\\s().\\-/]{0,6}${[...tail].join("[\\s().\\-/]{0,2}")}`, "gu"),
      MARK,
    );
  }
  const name = identity.name.trim();
  if (!options.keepName && name.length >= NAME_CHARS_MIN) {
    out = out.replace(new RegExp(name.split(/\s+/).map(escape).join("\\s+"), "giu"), MARK);
  }
  return out;
}
