/**
 * The frame of every public page, and the headers that keep it quiet: nothing from a third party, no script at all, no
 * cookie, nothing kept by the browser, nothing told to the next site. Text goes in through hono's html template, which escapes it.
 */
import { html, raw } from "hono/html";
import type { HtmlEscapedString } from "hono/utils/html";
import { STYLE, STYLE_HASH } from "./style.ts";
import { WORDS, type Language, type Words } from "./words.ts";

/** Whole and from one place: the policy names the exact bytes between the tags. */
const STYLE_ELEMENT = raw(`<style>${STYLE}</style>`);

export type Html = HtmlEscapedString | Promise<HtmlEscapedString>;

/** Where a page is drawn: language, whose instance, and the way to write an address in that language. */
export type Place = {
  readonly language: Language;
  readonly words: Words;
  readonly operatorName: string;
  /** The path of this page with its own query, for the switch of languages. */
  readonly path: string;
  readonly to: (path: string) => string;
};

export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy": `default-src 'none'; style-src '${STYLE_HASH}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`,
  "referrer-policy": "no-referrer",
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "permissions-policy": "camera=(), geolocation=(), microphone=()",
  "x-robots-tag": "noindex",
};

export function placeOf(input: {
  readonly language: Language;
  readonly operatorName: string;
  readonly path: string;
}): Place {
  return {
    ...input,
    words: WORDS[input.language],
    to: (path) => `${path}${path.includes("?") ? "&" : "?"}lang=${input.language}`,
  };
}

export type PageOptions = {
  readonly title: string;
  readonly status?: number;
  readonly wide?: boolean;
  /** The page of a sent form cannot be asked for again in the other language. */
  readonly noSwitch?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
};

export async function page(place: Place, options: PageOptions, body: Html): Promise<Response> {
  const { words, language, to } = place;
  const other = language === "en" ? "fr" : "en";
  const text = await html`<!doctype html>
    <html lang="${language}">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="referrer" content="no-referrer" />
        <title>${options.title} · ${place.operatorName}</title>
        ${STYLE_ELEMENT}
      </head>
      <body>
        <a class="skip" href="#content">${words.skip}</a>
        <header>
          <div class="bar">
            <a class="brand" href="${to("/")}">${place.operatorName}</a>
            ${
              options.noSwitch === true
                ? ""
                : html`<a
                    href="${place.path}${place.path.includes("?") ? "&" : "?"}lang=${other}"
                    hreflang="${other}"
                    lang="${other}"
                    >${words.otherLanguage}</a
                  >`
            }
            <a class="leave" href="/leave?lang=${language}" rel="noreferrer">${words.leave}</a>
          </div>
        </header>
        <main id="content" class="${options.wide === true ? "wide" : "page"}" tabindex="-1">${body}</main>
        <footer>
          <div>
            <nav aria-label="${words.nav}">
              <a href="${to("/")}">${words.home}</a> · <a href="${to("/report")}">${words.report}</a> ·
              <a href="${to("/mailbox")}">${words.mailbox}</a> · <a href="${to("/log")}">${words.log}</a> ·
              <a href="${to("/transparency")}">${words.transparency}</a>
            </nav>
          </div>
        </footer>
      </body>
    </html> `;
  return new Response(String(text), {
    status: options.status ?? 200,
    headers: {
      ...SECURITY_HEADERS,
      "content-type": "text/html; charset=utf-8",
      "content-language": language,
      vary: "Accept-Language",
      ...options.headers,
    },
  });
}

/** A moment for a person, in UTC, as the server does not ask where they are. */
export function momentIn(language: Language, iso: string): string {
  const moment = new Date(iso);
  if (Number.isNaN(moment.getTime())) return iso;
  return `${new Intl.DateTimeFormat(language === "fr" ? "fr-FR" : "en-GB", { dateStyle: "long", timeStyle: "short", timeZone: "UTC" }).format(moment)} UTC`;
}

export type FieldOptions = {
  readonly name: string;
  readonly label: string;
  readonly hint?: string;
  readonly error?: string | undefined;
  readonly optional?: string | undefined;
  /** Draws the control with these attributes: id, name, aria-describedby, aria-invalid. */
  readonly control: (attributes: Html) => Html;
};

/** A label, its hint, its error and its control, tied together for people who listen to the page. */
export function field(options: FieldOptions): Html {
  const { name, hint, error } = options;
  const describedBy = [hint === undefined ? "" : `${name}-hint`, error === undefined ? "" : `${name}-error`]
    .filter((id) => id !== "")
    .join(" ");
  const attributes = html`id="${name}" name="${name}"
  autocomplete="off"${
    describedBy === "" ? "" : html` aria-describedby="${describedBy}"`
  }${error === undefined ? "" : html` aria-invalid="true"`}`;
  return html`<div class="field${error === undefined ? "" : " wrong"}">
    <label for="${name}"
      >${options.label}${options.optional === undefined ? "" : html` <span class="opt">(${options.optional})</span>`}</label
    >
    ${hint === undefined ? "" : html`<p class="hint" id="${name}-hint">${hint}</p>`}
    ${options.control(attributes)}
    ${error === undefined ? "" : html`<p class="error" id="${name}-error">${error}</p>`}
  </div>`;
}

const NEWLINE = raw("\n");

/** A text area. HTML swallows its first newline, so one stands there for it, and none of the reader's is lost. */
export function textArea(attributes: Html, value: string): Html {
  // prettier-ignore
  return html`<textarea ${attributes}>${NEWLINE}${value}</textarea>`;
}
