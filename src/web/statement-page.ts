/**
 * The customer's statement of reasons (design law 6), by the token in their notice: what was decided, on what grounds, by
 * which rule, until when, and how to object. It draws on the measure's record alone, so nothing of a report can stand in it.
 */
import { html } from "hono/html";
import type { MeasureView } from "../contract/http.ts";
import type { StatementView } from "../desk/desk.ts";
import { clauseIn, MESSAGE_CHARS_MAX } from "./mailbox-page.ts";
import { field, momentIn, page, textArea, type Html, type Place } from "./page.ts";

export type StatementState = {
  readonly view: StatementView;
  readonly token: string;
  readonly now: number;
  readonly done?: string;
  readonly error?: { readonly why: string; readonly typed: string };
};

export async function statementPage(place: Place, state: StatementState): Promise<Response> {
  const { words, language } = place;
  const { view, token, error } = state;
  const appealOpen = view.appeal === null && Date.parse(view.appealOpenUntil) > state.now;
  return page(
    place,
    { title: words.statementTitle, status: error ? 422 : 200 },
    html`<h1>${words.statementTitle}</h1>
      <p class="lead">${words.statementLead}</p>
      ${state.done === undefined ? "" : html`<div class="calm" role="status"><p>${state.done}</p></div>`}
      <dl>
        <dt>${words.caseNumber}</dt>
        <dd>${view.caseNumber}</dd>
        <dt>${words.sites}</dt>
        <dd>${view.siteHostnames.join(", ")}</dd>
        <dt>${words.decidedAt}</dt>
        <dd>${momentIn(language, view.decision.madeAt)}</dd>
        <dt>${words.clause}</dt>
        <dd>${clauseIn(place, view.decision.clause)}</dd>
      </dl>
      <p>${view.decision.brake ? words.decidedByBrake : words.decidedByTwo}</p>
      <h2>${words.facts}</h2>
      <p class="said">${view.decision.facts}</p>
      <h2>${words.measures}</h2>
      ${view.measures.map((measure) => measureIn(place, measure))}
      <h2>${words.customerAppeal}</h2>
      ${
        view.appeal === null
          ? appealOpen
            ? html`<p>${words.appealUntil} ${momentIn(language, view.appealOpenUntil)}.</p>
                <form method="post" action="${place.to(`/statement/${token}`)}" novalidate>
                  ${field({
                    name: "appeal",
                    label: words.customerAppeal,
                    hint: words.customerAppealHint,
                    error: error?.why,
                    control: (attributes) =>
                      textArea(
                        html`${attributes} rows="7" maxlength="${MESSAGE_CHARS_MAX}"`,
                        error?.typed ?? "",
                      ),
                  })}
                  <p><button type="submit">${words.appealSend}</button></p>
                </form>`
            : html`<p class="soft">${words.appealUntil} ${momentIn(language, view.appealOpenUntil)}.</p>`
          : html`<div class="calm">
              <p>
                <b>${words.appealState[view.appeal.state]}</b> ·
                ${momentIn(language, view.appeal.decidedAt ?? view.appeal.madeAt)}
              </p>
              <p class="said">${view.appeal.text}</p>
              ${view.appeal.reason === null ? "" : html`<p class="said"><b>${words.outcome}:</b> ${view.appeal.reason}</p>`}
            </div>`
      }
      <h2>${words.exportTitle}</h2>
      <p>${words.exportText} <a href="/statement/${token}/export" download>${words.exportDo}</a></p>`,
  );
}

function measureIn(place: Place, measure: MeasureView): Html {
  const { words, language } = place;
  const { record } = measure;
  const where = record.territory.includes("*") ? words.everywhere : record.territory.join(", ");
  const subject = `${record.subject.hostname ?? ""}${record.subject.path ?? ""}`;
  return html`<dl>
    <dt>${words.what}</dt>
    <dd>${words.measureKinds[record.kind]}</dd>
    <dt>${words.scope}</dt>
    <dd>${words.scopes[record.scope]}${subject === "" ? "" : html` <span class="mono">${subject}</span>`}</dd>
    <dt>${words.territory}</dt>
    <dd>${where}</dd>
    <dt>${words.from}</dt>
    <dd>${momentIn(language, record.startsAt)}</dd>
    ${
      record.endsAt === null
        ? ""
        : html`<dt>${words.until}</dt>
            <dd>${momentIn(language, record.endsAt)}</dd>`
    }
    ${
      record.reviewAt === null
        ? ""
        : html`<dt>${words.review}</dt>
            <dd>${momentIn(language, record.reviewAt)}</dd>`
    }
    ${
      measure.logIndex === null
        ? ""
        : html`<dt>${words.inLog}</dt>
            <dd><a href="${place.to(`/log/entry/${measure.logIndex}`)}">${measure.logIndex}</a></dd>`
    }
  </dl>`;
}
