/**
 * Which language, and a page or JSON? Reads Accept-Language and Accept (RFC 9110 §12.5.1, §12.5.4) as far as this house
 * needs them: English or French, HTML or a problem document. Bounded: at most RANGES_MAX ranges are read of a header.
 */
import { trimmed } from "./trimmed.ts";

export type Language = "en" | "fr";

const RANGES_MAX = 20;

/** English unless French is wanted more. A tie goes to the one named first. */
export function chooseLanguage(acceptLanguage: string): Language {
  let best: Language = "en";
  let bestWeight = 0;
  const ranges = acceptLanguage.toLowerCase().split(",");
  for (let i = 0; i < ranges.length && i < RANGES_MAX; i++) {
    const range = ranges[i] ?? "";
    const name = nameOf(range);
    const weight = weightOf(range);
    const primary = name.split("-")[0];
    if ((primary === "en" || primary === "fr") && weight > bestWeight) {
      best = primary;
      bestWeight = weight;
    }
  }
  return best;
}

/** Whether the client asks for JSON and not, at least as much, for HTML. A browser never gets JSON. */
export function prefersJson(accept: string): boolean {
  let json = 0;
  let html = 0;
  const ranges = accept.toLowerCase().split(",");
  for (let i = 0; i < ranges.length && i < RANGES_MAX; i++) {
    const range = ranges[i] ?? "";
    const name = nameOf(range);
    const weight = weightOf(range);
    if (name === "application/json" || name === "application/problem+json") json = Math.max(json, weight);
    if (name === "text/html" || name === "application/xhtml+xml" || name === "text/*")
      html = Math.max(html, weight);
  }
  return json > html;
}

function nameOf(range: string): string {
  return trimmed(range.split(";")[0] ?? "");
}

/** The q of a range in thousandths; 1000 if it has none, 0 if it is malformed. */
function weightOf(range: string): number {
  const parts = range.split(";");
  for (let i = 1; i < parts.length; i++) {
    const part = trimmed(parts[i] ?? "");
    if (part.substring(0, 2) === "q=") return thousandths(part.substring(2));
  }
  return 1000;
}

/** RFC 9110 §12.4.2: "0" or "1", with up to three decimals. */
function thousandths(text: string): number {
  if (text.length === 0 || text.length > 5) return 0;
  const whole = "01".indexOf(text.charAt(0));
  if (whole < 0 || (text.length > 1 && text.charAt(1) !== ".")) return 0;
  let value = whole * 1000;
  let unit = 100;
  for (let i = 2; i < text.length; i++) {
    const digit = "0123456789".indexOf(text.charAt(i));
    if (digit < 0) return 0;
    value += digit * unit;
    unit = unit / 10;
  }
  return value > 1000 ? 0 : value;
}
