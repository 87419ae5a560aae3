/** One cookie out of a Cookie field (RFC 6265 §4.2.1). Names are compared letter by letter; of several with one name the first counts. */
import { trimmed } from "./trimmed.ts";

/** Undefined when there is none of that name. */
export function cookieOf(field: string, name: string): string | undefined {
  const wanted = name + "=";
  let at = field.indexOf(wanted);
  while (at >= 0) {
    if (at === 0 || isBeginning(field, at)) {
      const from = at + wanted.length;
      const end = field.indexOf(";", from);
      return trimmed(field.substring(from, end < 0 ? field.length : end));
    }
    at = field.indexOf(wanted, at + 1);
  }
  return undefined;
}

/** Whether nothing but blanks stands between the last semicolon and here. Browsers send one blank: more are not looked past. */
function isBeginning(field: string, at: number): boolean {
  const before = field.charAt(at - 1);
  return before === ";" || (before === " " && (at === 1 || field.charAt(at - 2) === ";"));
}
