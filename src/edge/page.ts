/**
 * The frame of every page that the edge itself serves: one column, readable on a phone, in light and dark, without a
 * script, a font, an image or a byte from anywhere else. What is put into it is escaped by the caller, or built from `item` and
 * `paragraph`, which escape.
 */
import { escapeHtml } from "./html.ts";
import type { Language } from "./negotiate.ts";

export type Page = {
  readonly language: Language;
  readonly title: string;
  /** HTML. */
  readonly body: string;
  readonly requestId: string;
  readonly reason: string;
};

const STYLE =
  ":root{color-scheme:light dark;--ink:#1b1f24;--soft:#59636e;--paper:#fff;--line:#d1d9e0;--link:#0a55b8}" +
  "@media(prefers-color-scheme:dark){:root{--ink:#e8ecf1;--soft:#a3adb8;--paper:#14181d;--line:#3a424b;--link:#7db4ff}}" +
  "*{box-sizing:border-box}body{margin:0;background:var(--paper);color:var(--ink);" +
  "font:1.0625rem/1.6 system-ui,-apple-system,'Segoe UI',Roboto,sans-serif;overflow-wrap:anywhere}" +
  "main{max-width:40rem;margin:0 auto;padding:clamp(1.5rem,6vw,4rem) 1.25rem}" +
  "h1{font-size:1.6rem;line-height:1.25;margin:0 0 1rem}p{margin:0 0 1rem}" +
  "dl{margin:1.5rem 0;border-top:1px solid var(--line)}" +
  "dl>div{padding:.6rem 0;border-bottom:1px solid var(--line)}dt{color:var(--soft);font-size:.9rem}dd{margin:0}" +
  "a{color:var(--link)}a:focus-visible{outline:3px solid var(--link);outline-offset:2px}" +
  "a.act{display:inline-block;padding:.7rem 1.1rem;border:2px solid var(--link);border-radius:.4rem;text-decoration:none}" +
  "footer{margin-top:2rem;color:var(--soft);font-size:.9rem}code{font:inherit;font-family:ui-monospace,monospace}";

export function renderPage(page: Page): string {
  const labels = page.language === "fr" ? LABELS_FR : LABELS_EN;
  return (
    `<!doctype html>\n<html lang="${page.language}">\n<head>\n<meta charset="utf-8">\n` +
    `<meta name="viewport" content="width=device-width,initial-scale=1">\n<meta name="robots" content="noindex">\n` +
    `<title>${escapeHtml(page.title)}</title>\n<style>${STYLE}</style>\n</head>\n<body>\n<main>\n` +
    `<h1>${escapeHtml(page.title)}</h1>\n${page.body}` +
    `<footer><p>${labels.reason} <code>${escapeHtml(page.reason)}</code><br>` +
    `${labels.request} <code>${escapeHtml(page.requestId)}</code></p></footer>\n</main>\n</body>\n</html>\n`
  );
}

export function paragraph(text: string): string {
  return `<p>${escapeHtml(text)}</p>\n`;
}

/** One row of a description list; `html` is HTML. */
export function item(label: string, html: string): string {
  return `<div><dt>${escapeHtml(label)}</dt><dd>${html}</dd></div>\n`;
}

/** "2026-11-22T19:30:05.123Z" → "2026-11-22 19:30 UTC". */
export function readableTime(rfc3339: string): string {
  return `${rfc3339.substring(0, 10)} ${rfc3339.substring(11, 16)} UTC`;
}

const LABELS_EN = { reason: "Reason:", request: "Request:" };
const LABELS_FR = { reason: "Motif :", request: "Requête :" };
