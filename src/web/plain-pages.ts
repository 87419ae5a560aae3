/** The small pages: the start, the counts, the one-time link, the way to object, and what is said when something is wrong. */
import { html } from "hono/html";
import { DANGER_LEVELS } from "../contract/danger.ts";
import type { TransparencyView } from "../contract/http.ts";
import type { Settings } from "../contract/settings.ts";
import { field, page, type Html, type Place } from "./page.ts";
import { emergencyNote } from "./report-page.ts";

export async function landingPage(place: Place): Promise<Response> {
  const { words, to } = place;
  const door = (path: string, name: string, text: string, first = false): Html =>
    html`<li>
      <a href="${to(path)}" ${first ? html` class="first"` : ""}><b>${name}</b>${text}</a>
    </li>`;
  return page(
    place,
    { title: words.landingTitle, wide: true },
    html`<h1>${words.landingTitle}</h1>
      <p class="lead">${words.landingLead(place.operatorName)}</p>
      <ul class="doors">
        ${door("/report", words.report, words.doorReport, true)}
        ${door("/mailbox", words.mailbox, words.doorMailbox)} ${door("/log", words.log, words.doorLog)}
      </ul>
      ${emergencyNote(words)}`,
  );
}

export async function countsPage(place: Place, view: TransparencyView): Promise<Response> {
  const { words } = place;
  const rows: readonly (readonly [string, number])[] = [
    [words.counts.reports, view.reports],
    [words.counts.sources, view.sources],
    [words.counts.cases, view.cases],
    [words.counts.refusals, view.refusals],
    [words.counts.brakesPulled, view.brakes.pulled],
    [words.counts.brakesRatified, view.brakes.ratified],
    [words.counts.brakesLapsed, view.brakes.lapsed],
    [words.counts.appealsMade, view.appeals.made],
    [words.counts.appealsGranted, view.appeals.granted],
    [words.counts.appealsRefused, view.appeals.refused],
    [words.counts.referralsMade, view.referrals.made],
    [words.counts.referralsDelivered, view.referrals.delivered],
    [words.counts.openingsRequested, view.openings.requested],
    [words.counts.openingsApproved, view.openings.approved],
    [words.counts.openingsRefused, view.openings.refused],
    [words.counts.openingsHandedOut, view.openings.handedOut],
    [words.counts.returnsHeld, view.returnsHeld],
    [words.counts.brigades, view.brigades],
  ];
  const table = (label: string, items: readonly (readonly [string, number])[]): Html =>
    html`<table aria-label="${label}">
      <thead>
        <tr>
          <th scope="col">${words.what}</th>
          <th scope="col" class="n">${words.number}</th>
        </tr>
      </thead>
      <tbody>
        ${items.map(
          ([name, count]) =>
            html`<tr>
              <td>${name}</td>
              <td class="n">${count}</td>
            </tr>`,
        )}
      </tbody>
    </table>`;
  return page(
    place,
    { title: words.countsTitle },
    html`<h1>${words.countsTitle}</h1>
      <p class="lead">${words.countsLead}</p>
      ${table(words.countsTitle, rows)}
      <h2>${words.countsLevels}</h2>
      ${table(
        words.countsLevels,
        DANGER_LEVELS.toReversed().map((level) => [words.levels[level], view.byLevel[level]] as const),
      )}
      <h2>${words.countsMeasures}</h2>
      ${
        view.measures.length === 0
          ? html`<p class="soft">${words.countsNone}</p>`
          : table(
              words.countsMeasures,
              view.measures.map(
                (row) => [`${words.measureKinds[row.kind]}, ${words.scopes[row.scope]}`, row.count] as const,
              ),
            )
      }
      <p><a href="/transparency.json">${words.countsMachine}</a></p>`,
  );
}

export async function enterPage(place: Place, token: string): Promise<Response> {
  const { words } = place;
  return page(
    place,
    { title: words.enterTitle, noSwitch: true },
    html`<h1>${words.enterTitle}</h1>
      <p>${words.enterText}</p>
      <form method="post" action="${place.to("/enter")}">
        <input type="hidden" name="token" value="${token}" />
        <p><button type="submit">${words.enterDo}</button></p>
      </form>`,
  );
}

/** Where the notice on a site leads: to the owner's own link, or to the reporter's mailbox. */
export async function appealPage(place: Place, again?: { readonly typed: string }): Promise<Response> {
  const { words, to } = place;
  return page(
    place,
    { title: words.objectTitle, status: again === undefined ? 200 : 422 },
    html`<h1>${words.objectTitle}</h1>
      <h2>${words.appealOwner}</h2>
      <p>${words.appealOwnerText}</p>
      <form method="post" action="${to("/appeal")}">
        ${field({
          name: "link",
          label: words.appealLink,
          error: again === undefined ? undefined : words.appealWrong,
          control: (attributes) =>
            html`<input ${attributes} maxlength="300" value="${again?.typed ?? ""}" />`,
        })}
        <p><button type="submit">${words.appealGo}</button></p>
      </form>
      <p class="soft">${words.appealLost}</p>
      <h2>${words.appealReporter}</h2>
      <p>${words.appealReporterText} <a href="${to("/mailbox")}">${words.mailbox}</a></p>`,
  );
}

/** One sentence about what went wrong. `why` is ours, in the reader's language, or a Fault's detail. Echoes no address. */
export async function errorPage(
  place: Place,
  error: {
    readonly status: number;
    readonly title: string;
    readonly why: string;
    readonly headers?: Record<string, string>;
  },
): Promise<Response> {
  return page(
    place,
    {
      title: error.title,
      status: error.status,
      noSwitch: true,
      headers: error.headers ?? {},
    },
    html`<h1>${error.title}</h1>
      <p class="lead">${error.why}</p>`,
  );
}

/** RFC 9116. Expires half a year on, and is renewed at every reading: it says that somebody keeps this file. */
export function securityTxt(settings: Settings, now: number): Response {
  const expires = new Date(now + 180 * 86_400_000).toISOString();
  const lines = [
    `Contact: ${settings.operatorUrl}`,
    ...(settings.mailFrom.includes("@")
      ? [`Contact: mailto:${settings.mailFrom.replace(/^.*<([^>]+)>.*$/, "$1")}`]
      : []),
    `Expires: ${expires}`,
    "Preferred-Languages: en, fr",
    `Canonical: ${settings.publicUrl}/.well-known/security.txt`,
  ];
  return new Response(`${lines.join("\n")}\n`, {
    headers: { "content-type": "text/plain; charset=utf-8", "cache-control": "public, max-age=3600" },
  });
}
