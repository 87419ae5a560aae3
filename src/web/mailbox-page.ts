/**
 * The reporter's mailbox: the code opens it, and nothing else does. The code travels in the body of a form, never in an
 * address, and the page holds it only in its own forms, so that a reporter can write back without a cookie.
 */
import { html } from "hono/html";
import { CLAUSES, type Clause } from "../contract/measure.ts";
import type { MailboxView } from "../desk/desk.ts";
import { field, momentIn, page, textArea, type Place } from "./page.ts";

export const MESSAGE_CHARS_MAX = 5000;

/** Sixteen digits, however they were grouped; null for anything else. */
export function codeOf(typed: string): string | null {
  const digits = typed.slice(0, 64).replace(/[\s\u00a0.-]/g, "");
  return /^\d{16}$/.test(digits) ? digits : null;
}

export async function mailboxDoor(
  place: Place,
  state: {
    readonly error?: string;
    readonly status?: number;
    readonly headers?: Record<string, string>;
  } = {},
): Promise<Response> {
  const { words } = place;
  const options = { title: words.mailboxTitle, status: state.status ?? 200, headers: state.headers ?? {} };
  return page(
    place,
    options,
    html`<h1>${words.mailboxTitle}</h1>
      <form method="post" action="${place.to("/mailbox")}" novalidate>
        ${field({
          name: "code",
          label: words.code,
          hint: words.codeHint,
          error: state.error,
          control: (attributes) =>
            html`<input
              ${attributes}
              type="text"
              inputmode="numeric"
              spellcheck="false"
              maxlength="40"
              required
              value=""
            />`,
        })}
        <p><button type="submit">${words.open}</button></p>
      </form>`,
  );
}

export type MailboxState = {
  readonly view: MailboxView;
  readonly code: string;
  /** What just happened, or what went wrong with it. */
  readonly done?: string;
  readonly error?: { readonly name: "text" | "appeal"; readonly why: string; readonly typed: string };
};

export async function mailboxPage(place: Place, state: MailboxState): Promise<Response> {
  const { words, language } = place;
  const { view, code, error } = state;
  const action = place.to("/mailbox");
  const form = (
    does: "write" | "appeal",
    name: "text" | "appeal",
    label: string,
    hint: string,
    button: string,
  ) =>
    html`<form method="post" action="${action}" novalidate>
      <input type="hidden" name="code" value="${code}" /><input type="hidden" name="do" value="${does}" />
      ${field({
        name,
        label,
        hint,
        error: error?.name === name ? error.why : undefined,
        control: (attributes) =>
          textArea(
            html`${attributes} rows="5" maxlength="${MESSAGE_CHARS_MAX}"`,
            error?.name === name ? error.typed : "",
          ),
      })}
      <p><button type="submit">${button}</button></p>
    </form>`;
  return page(
    place,
    {
      title: words.mailboxTitle,
      noSwitch: true,
      status: error ? 422 : 200,
      headers: { "clear-site-data": '"cache", "storage"' },
    },
    html`<h1>${words.caseNumber} ${view.caseNumber}</h1>
      ${state.done === undefined ? "" : html`<div class="calm" role="status"><p>${state.done}</p></div>`}
      <dl>
        <dt>${words.state}</dt>
        <dd><b>${words.states[view.state]}</b></dd>
        <dt>${words.received}</dt>
        <dd>${momentIn(language, view.receivedAt)}</dd>
        <dt>${words.about}</dt>
        <dd>${words.harms[view.harm]}</dd>
      </dl>
      ${
        view.outcome === null
          ? ""
          : html`<section class="box">
                <h2>${words.outcome}</h2>
                <p class="said">${view.outcome.text}</p>
                ${view.outcome.clause === null ? "" : html`<p class="soft">${words.clause}: ${clauseIn(place, view.outcome.clause)}</p>`}
              </section>
              ${
                view.outcome.mayAppeal
                  ? html`<h2>${words.appealTitle}</h2>
                      ${form("appeal", "appeal", words.appealSend, words.appealHint, words.appealSend)}`
                  : ""
              }`
      }
      <h2>${words.messages}</h2>
      ${
        view.messages.length === 0
          ? html`<p class="soft">${words.noMessages}</p>`
          : html`<ol class="messages">
              ${view.messages.map(
                (message) =>
                  html`<li class="${message.from}">
                    <b>${message.from === "desk" ? words.fromDesk : words.fromYou}</b>
                    <span class="soft">${momentIn(language, message.at)}</span>
                    <p>${message.text}</p>
                  </li>`,
              )}
            </ol>`
      }
      ${form("write", "text", words.write, words.writeHint, words.writeSend)}
      <p class="soft">${words.forget}</p>
      <dl>
        <dt>${words.fingerprint}</dt>
        <dd class="mono">${view.sha256}</dd>
      </dl>`,
  );
}

/** A clause in the reader's language; a name that is no clause is shown as it is. */
export function clauseIn(place: Place, clause: string): string {
  return Object.hasOwn(CLAUSES, clause) ? place.words.clauses[clause as Clause] : clause;
}
