/**
 * The transparency log for people and for programs. Programs get the exact bytes of C2SP tlog-tiles below /log/; people get the
 * newest entries in words. Errors never carry the long cache of a tile, or a client would keep a missing tile for a year.
 */
import { html } from "hono/html";
import type { Ledger, SequencedEntry } from "../ledger/ledger.ts";
import { parseEntry, type LedgerEntry } from "../ledger/core/entry.ts";
import { momentIn, page, SECURITY_HEADERS, type Html, type Place } from "./page.ts";

const ENTRIES_SHOWN = 25;
/** checkpoint, or tile/<L>/<N>[.p/<W>], or tile/entries/<N>[.p/<W>] (tlog-tiles): the shape alone, the ledger knows the rest. */
const LOG_FILE = /^(?:checkpoint|tile\/(?:\d{1,2}|entries)\/(?:x\d{3}\/){0,5}\d{3}(?:\.p\/\d{1,3})?)$/;
const YEAR_SECONDS = 31_536_000;

/** A file of the log for programs, or null. */
export async function logFile(ledger: Ledger, path: string): Promise<Response | null> {
  if (!LOG_FILE.test(path)) return null;
  const bytes = await ledger.file(path);
  if (!bytes) return null;
  const isCheckpoint = path === "checkpoint";
  return new Response(bytes as BodyInit, {
    headers: {
      "content-type": isCheckpoint ? "text/plain; charset=utf-8" : "application/octet-stream",
      "cache-control": isCheckpoint ? "no-store" : `public, max-age=${YEAR_SECONDS}, immutable`,
      "access-control-allow-origin": "*", // Anybody's page may check the log.
      "x-content-type-options": "nosniff",
      "content-security-policy": "default-src 'none'; sandbox",
      "referrer-policy": "no-referrer",
    },
  });
}

export function logFileMissing(): Response {
  return new Response("There is no such file in this log\n", {
    status: 404,
    headers: {
      ...SECURITY_HEADERS,
      "content-type": "text/plain; charset=utf-8",
      "access-control-allow-origin": "*",
    },
  });
}

export async function logPage(
  place: Place,
  options: { readonly ledger: Ledger; readonly before: number | null },
): Promise<Response> {
  const { words, language } = place;
  const { ledger } = options;
  const checkpoint = await ledger.checkpoint();
  const size = checkpoint?.size ?? 0;
  const end = Math.min(size, options.before ?? size);
  const start = Math.max(0, end - ENTRIES_SHOWN);
  const entries: SequencedEntry[] = [];
  for (let index = end - 1; index >= start; index--) {
    const entry = await ledger.entry(index);
    if (entry) entries.push(entry);
  }
  return page(
    place,
    { title: words.logTitle, wide: true },
    html`<h1>${words.logTitle}</h1>
      <p class="lead">${words.logLead}</p>
      <dl>
        <dt>${words.logSize}</dt>
        <dd>${size}</dd>
        <dt>${words.logSigned}</dt>
        <dd>${checkpoint ? momentIn(language, checkpoint.signedAt) : "–"}</dd>
        <dt>${words.logOrigin}</dt>
        <dd class="mono">${ledger.origin}</dd>
        <dt>${words.logKey}</dt>
        <dd class="mono">${ledger.vkey}</dd>
      </dl>
      <p class="soft">${words.logUnwitnessed}</p>
      <h2 id="newest">${words.logNewest}</h2>
      ${entries.length === 0 ? html`<p class="soft">${words.logEmpty}</p>` : entryTable(place, entries)}
      <p>
        ${end < size ? html`<a href="${place.to(`/log?before=${Math.min(size, end + ENTRIES_SHOWN)}`)}">← ${words.entryNewer}</a> ` : ""}
        ${start > 0 ? html`<a href="${place.to(`/log?before=${start}`)}">${words.entryOlder} →</a>` : ""}
      </p>
      <h2>${words.logVerify}</h2>
      <p>${words.logVerifyText}</p>
      <p><a href="/log/checkpoint">${words.logCheckpoint}</a></p>
      ${checkpoint ? html`<pre class="mono">${checkpoint.note}</pre>` : ""}`,
  );
}

function entryTable(place: Place, entries: readonly SequencedEntry[]): Html {
  const { words } = place;
  return html`<table class="rows" aria-labelledby="newest">
    <thead>
      <tr>
        <th scope="col">${words.entryNumber}</th>
        <th scope="col">${words.day}</th>
        <th scope="col">${words.what}</th>
        <th scope="col">${words.rule}</th>
        <th scope="col">${words.level}</th>
        <th scope="col" class="n">${words.people}</th>
      </tr>
    </thead>
    <tbody>
      ${entries.map(({ index, entry }) => {
        const parsed = parseEntry(entry);
        const link = html`<a href="${place.to(`/log/entry/${index}`)}">${index}</a>`;
        if (!parsed.ok)
          return html`<tr>
            <td>${link}</td>
            <td colspan="5">?</td>
          </tr>`;
        const { value } = parsed;
        return html`<tr><td data-name="${words.entryNumber}">${link}</td><td>${value.day}</td><td><b>${whatOf(place, value)}</b></td>
<td${value.clause === null ? "" : html` data-name="${words.rule}"`}>${value.clause === null ? "" : words.clauses[value.clause]}</td>
<td${value.level === null ? "" : html` data-name="${words.level}"`}>${value.level === null ? "" : words.levels[value.level]}</td>
<td class="n"${value.signers === 0 ? "" : html` data-name="${words.people}"`}>${value.signers === 0 ? "" : value.signers}</td></tr>`;
      })}
    </tbody>
  </table>`;
}

function whatOf({ words }: Place, entry: LedgerEntry): string {
  const details = [
    entry.measure === null ? null : words.measureKinds[entry.measure],
    entry.scope === null ? null : words.scopes[entry.scope],
  ].filter((detail) => detail !== null);
  return details.length === 0 ? words.kinds[entry.kind] : `${words.kinds[entry.kind]}: ${details.join(", ")}`;
}

export async function entryPage(
  place: Place,
  options: { readonly entry: SequencedEntry; readonly record: Readonly<Record<string, string>> | null },
): Promise<Response> {
  const { words } = place;
  const { entry, record } = options;
  const parsed = parseEntry(entry.entry);
  const title = `${words.entry} ${entry.index}`;
  return page(
    place,
    { title },
    html`<h1>${title}</h1>
      ${parsed.ok ? html`<p class="lead">${whatOf(place, parsed.value)}</p>` : ""}
      ${
        parsed.ok
          ? html`<dl>
              <dt>${words.day}</dt>
              <dd>${parsed.value.day}</dd>
              ${
                parsed.value.clause === null
                  ? ""
                  : html`<dt>${words.rule}</dt>
                      <dd>${words.clauses[parsed.value.clause]}</dd>`
              }
              ${
                parsed.value.level === null
                  ? ""
                  : html`<dt>${words.level}</dt>
                      <dd>${words.levels[parsed.value.level]}</dd>`
              }
              ${
                parsed.value.signers === 0
                  ? ""
                  : html`<dt>${words.people}</dt>
                      <dd>${parsed.value.signers}</dd>`
              }
            </dl>`
          : ""
      }
      <h2>${words.entryRecord}</h2>
      ${
        record === null
          ? html`<p class="soft">${words.entryClosed}</p>`
          : html`<dl>
              ${Object.entries(record).map(
                ([name, value]) =>
                  html`<dt>${name}</dt>
                    <dd class="said">${value}</dd>`,
              )}
            </dl>`
      }
      <h2>${words.entryRaw}</h2>
      <pre class="mono">${new TextDecoder().decode(entry.entry)}</pre>
      <h2>${words.entryProof}</h2>
      <pre class="mono">${entry.proof}</pre>
      <p><a href="${place.to("/log")}">${words.log}</a></p>`,
  );
}
