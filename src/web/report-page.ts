/**
 * The report form and its answer. What a reporter types is read once, handed to the desk, and shown to nobody but themselves:
 * a form that comes back with an error carries what they typed, an answer carries only their code. Identity fields exist
 * only while there is a vault to seal them to; without one an identity is refused and not shown again.
 */
import { html } from "hono/html";
import { HARMS, type Harm } from "../contract/desk-states.ts";
import type { IdentityInput, ReportInput } from "../desk/desk.ts";
import { field, page, textArea, type Html, type Place } from "./page.ts";
import type { Words } from "./words.ts";

export const URL_CHARS_MAX = 2000;
export const STATEMENT_CHARS_MAX = 5000;
export const QUOTED_CHARS_MAX = 5000;
export const NAME_CHARS_MAX = 200;
export const EMAIL_CHARS_MAX = 254;
export const PHONE_CHARS_MAX = 40;
/**
 * The fields' bounds must bite before this one, so that a long text comes back with its error instead of being lost: one
 * UTF-16 unit of Chinese or Korean takes 9 bytes in a form.
 */
export const REPORT_BYTES_MAX = 128 * 1024;

export type Typed = ReadonlyMap<string, string>;
export type ReportErrors = Readonly<Record<string, string>>;

export type ReadReport =
  | {
      readonly ok: true;
      readonly report: Omit<ReportInput, "original" | "originalContentType" | "channel" | "language">;
    }
  | { readonly ok: false; readonly errors: ReportErrors };

/** Checks what was typed. Every error says what to do, in the reader's language. */
export function readReport(typed: Typed, words: Words): ReadReport {
  const errors: Record<string, string> = {};
  const harm = HARMS.find((known) => known === typed.get("harm"));
  if (!harm) errors["harm"] = words.errorHarm;
  const url = addressOf(typed.get("url") ?? "");
  if (url === null) errors["url"] = words.errorUrl;
  const statement = (typed.get("statement") ?? "").trim();
  if (statement === "") errors["statement"] = words.errorStatement;
  for (const [name, max] of BOUNDS) {
    if ((typed.get(name) ?? "").length > max) errors[name] = words.errorTooLong(max);
  }
  const identity = identityOf(typed);
  if (identity && identity.email !== "" && !/^[^\s@]+@[^\s@]+$/.test(identity.email)) {
    errors["email"] ??= words.errorEmail;
  }
  if (Object.keys(errors).length > 0 || !harm || url === null) return { ok: false, errors };
  return { ok: true, report: { harm, url, statement, quoted: (typed.get("quoted") ?? "").trim(), identity } };
}

const BOUNDS: readonly (readonly [string, number])[] = [
  ["url", URL_CHARS_MAX],
  ["statement", STATEMENT_CHARS_MAX],
  ["quoted", QUOTED_CHARS_MAX],
  ["name", NAME_CHARS_MAX],
  ["email", EMAIL_CHARS_MAX],
  ["phone", PHONE_CHARS_MAX],
];

/** An http(s) address; a person may leave the scheme out. */
function addressOf(typed: string): string | null {
  const text = typed.trim();
  if (text === "" || /\s/.test(text)) return null;
  const url = URL.parse(/^https?:\/\//i.test(text) ? text : `https://${text}`);
  return url && (url.protocol === "https:" || url.protocol === "http:") && url.hostname.includes(".")
    ? url.href
    : null;
}

export function identityOf(typed: Typed): IdentityInput | null {
  const [name, email, phone] = ["name", "email", "phone"].map((key) => (typed.get(key) ?? "").trim());
  if (!name && !email && !phone) return null;
  return { name: name ?? "", email: email ?? "", phone: phone ?? "" };
}

export type ReportForm = {
  readonly typed: Typed;
  readonly errors: ReportErrors;
  /** What is wrong with the whole of it. */
  readonly notice: string | null;
  readonly vaultReady: boolean;
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
};

export function emergencyNote(words: Words): Html {
  return html`<div class="note" role="note">
    <strong>${words.emergency}</strong>
    <p>${words.emergencyCall}</p>
  </div>`;
}

export async function reportPage(place: Place, form: ReportForm): Promise<Response> {
  const { words } = place;
  const value = (name: string): string => form.typed.get(name) ?? "";
  const wrong = form.notice ?? (Object.keys(form.errors).length > 0 ? words.problems : null);
  const options = { title: words.reportTitle, status: form.status ?? 200, headers: form.headers ?? {} };
  return page(
    place,
    options,
    html`${emergencyNote(words)}
      <h1>${words.reportTitle}</h1>
      <p class="lead">${words.reportLead}</p>
      ${wrong === null ? "" : html`<div class="note" role="alert"><strong>${wrong}</strong></div>`}
      <form method="post" action="${place.to("/report")}" novalidate>
        ${field({
          name: "harm",
          label: words.harm,
          error: form.errors["harm"],
          control: (attributes) =>
            html`<select ${attributes} required>
              <option value="">${words.harmChoose}</option>
              ${HARMS.map((harm) => html`<option value="${harm}" ${value("harm") === harm ? html` selected` : ""}>${words.harms[harm satisfies Harm]}</option>`)}
            </select>`,
        })}
        ${field({
          name: "url",
          label: words.url,
          hint: words.urlHint,
          error: form.errors["url"],
          control: (attributes) =>
            html`<input
              ${attributes}
              type="text"
              inputmode="url"
              autocapitalize="none"
              spellcheck="false"
              maxlength="${URL_CHARS_MAX}"
              required
              value="${value("url")}"
            />`,
        })}
        ${field({
          name: "statement",
          label: words.statement,
          hint: words.statementHint,
          error: form.errors["statement"],
          control: (attributes) =>
            textArea(
              html`${attributes} rows="7" maxlength="${STATEMENT_CHARS_MAX}" required`,
              value("statement"),
            ),
        })}
        ${field({
          name: "quoted",
          label: words.quoted,
          hint: words.quotedHint,
          optional: words.optional,
          error: form.errors["quoted"],
          control: (attributes) =>
            textArea(
              html`${attributes} class="short" rows="4" maxlength="${QUOTED_CHARS_MAX}"`,
              value("quoted"),
            ),
        })}
        ${
          form.vaultReady
            ? identityFields(words, form)
            : html`<div class="calm">
                <p><b>${words.identity}</b></p>
                <p>${words.identityNot}</p>
              </div>`
        }
        <p><button type="submit">${words.send}</button></p>
        <p class="soft">${words.sendHint}</p>
      </form>`,
  );
}

function identityFields(words: Words, form: ReportForm): Html {
  const input = (name: string, label: string, attributes: Html): Html =>
    field({
      name,
      label,
      optional: words.optional,
      error: form.errors[name],
      control: (own) => html`<input ${own} ${attributes} value="${form.typed.get(name) ?? ""}" />`,
    });
  return html`<fieldset>
    <legend>${words.identity}</legend>
    <p class="hint">${words.identityWhy}</p>
    ${input("name", words.name, html`type="text" maxlength="${NAME_CHARS_MAX}"`)}
    ${input("email", words.email, html`type="text" inputmode="email" autocapitalize="none" spellcheck="false" maxlength="${EMAIL_CHARS_MAX}"`)}
    ${input("phone", words.phone, html`type="tel" maxlength="${PHONE_CHARS_MAX}"`)}
  </fieldset>`;
}

/** The one page that shows the code. The browser is asked to forget the form that led here. */
export async function thanksPage(
  place: Place,
  answer: { readonly code: string; readonly caseNumber: string; readonly sha256: string },
): Promise<Response> {
  const { words } = place;
  const groups = answer.code.replace(/\D/g, "").match(/.{1,4}/g) ?? [answer.code];
  return page(
    place,
    { title: words.thanksTitle, noSwitch: true, headers: { "clear-site-data": '"cache", "storage"' } },
    html`<h1>${words.thanksTitle}</h1>
      <section class="box" aria-labelledby="code-title">
        <h2 id="code-title">${words.thanksCode}</h2>
        <p class="code">${groups.map((group) => html`<span>${group}</span> `)}</p>
        <p>${words.thanksOnce}</p>
      </section>
      <h2>${words.thanksKeep}</h2>
      <ul>
        ${words.thanksKeepList.map((line) => html`<li>${line}</li>`)}
      </ul>
      <h2>${words.thanksNext}</h2>
      <p>${words.thanksNextText}</p>
      ${emergencyNote(words)}
      <dl>
        <dt>${words.caseNumber}</dt>
        <dd>${answer.caseNumber}</dd>
        <dt>${words.fingerprint}</dt>
        <dd class="mono">${answer.sha256}</dd>
      </dl>
      <p class="hint">${words.fingerprintHint}</p>`,
  );
}
