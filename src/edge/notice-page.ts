/**
 * What a visitor sees where a measure stands: the notice (451, RFC 7725) and the warning, which can be passed without
 * scripts. Both are drawn from the one `MeasureRecord` (design law 6). They never name the path or quote the address of what is
 * withheld: a notice must not be a signpost. Links are printed only if they are http or https.
 */
import type { MeasureRecord } from "../contract/measure.ts";
import { escapeHtml, jsonString } from "./html.ts";
import type { Language } from "./negotiate.ts";
import { noticeWords, type NoticeWords } from "./notice-words.ts";
import { item, paragraph, readableTime, renderPage } from "./page.ts";

export type NoticeContext = { readonly language: Language; readonly requestId: string };

export function renderNotice(record: MeasureRecord, context: NoticeContext): string {
  const words = noticeWords(context.language);
  return renderPage({
    language: context.language,
    title: words.titles[record.kind],
    body: paragraph(words.intro[record.kind]) + details(record, words),
    requestId: context.requestId,
    reason: "measure.notice",
  });
}

/** `goOnUrl` is a relative address that the edge made; it carries the token that lets this visitor pass. */
export function renderWarning(
  record: MeasureRecord,
  context: NoticeContext & { readonly goOnUrl: string },
): string {
  const words = noticeWords(context.language);
  return renderPage({
    language: context.language,
    title: words.titles.warn,
    body:
      paragraph(words.intro.warn) +
      details(record, words) +
      `<p><a class="act" rel="nofollow" href="${escapeHtml(context.goOnUrl)}">${escapeHtml(words.goOn)}</a></p>\n` +
      paragraph(words.goOnHint),
    requestId: context.requestId,
    reason: "measure.warning",
  });
}

/** The same notice as a problem document (RFC 9457), for clients that ask for JSON. */
export function noticeProblem(record: MeasureRecord, context: NoticeContext): string {
  const words = noticeWords(context.language);
  return (
    `{"type":"about:blank","title":${jsonString(words.titles[record.kind])},"status":451,` +
    `"detail":${jsonString(record.facts)},"code":"measure.notice","requestId":${jsonString(context.requestId)},` +
    `"caseNumber":${jsonString(record.caseNumber)},"clause":${jsonString(record.clause)},` +
    `"startsAt":${jsonString(record.startsAt)},"endsAt":${record.endsAt === null ? "null" : jsonString(record.endsAt)},` +
    `"appealUrl":${jsonString(record.appealUrl)},"blockedBy":${jsonString(record.blockedByUrl)}}\n`
  );
}

/** Whether a link may be printed or sent: http or https, and nothing that could end a header or an attribute early. */
export function isPlainUrl(url: string): boolean {
  if (!url.startsWith("https://") && !url.startsWith("http://")) return false;
  for (let i = 0; i < url.length; i++) {
    const code = url.charCodeAt(i);
    if (code <= 0x20 || code >= 0x7f) return false;
    if ("<>\"'\\`".includes(url.charAt(i))) return false;
  }
  return true;
}

function details(record: MeasureRecord, words: NoticeWords): string {
  const labels = words.labels;
  let rows = item(labels.clause, escapeHtml(words.clauses[record.clause]));
  rows += item(labels.facts, escapeHtml(record.facts));
  rows += item(labels.scope, escapeHtml(words.scopes[record.scope]));
  rows += item(
    labels.territory,
    escapeHtml(record.territory[0] === "*" ? words.everywhere : record.territory.join(", ")),
  );
  rows += item(labels.since, timeHtml(record.startsAt));
  if (record.endsAt !== null) rows += item(labels.until, timeHtml(record.endsAt));
  if (record.reviewAt !== null) rows += item(labels.review, timeHtml(record.reviewAt));
  rows += item(labels.caseNumber, escapeHtml(record.caseNumber));
  rows += item(labels.operator, linkHtml(record.blockedByUrl, record.operatorName));
  const by: string[] = [];
  for (const who of record.appealBy) by.push(words.by[who]);
  const note = by.length > 0 ? ` (${by.join(", ")})` : "";
  rows += item(labels.appeal, linkHtml(record.appealUrl, words.appeal) + escapeHtml(note));
  return (record.brake ? paragraph(words.brake) : "") + `<dl>\n${rows}</dl>\n`;
}

function timeHtml(rfc3339: string): string {
  return `<time datetime="${escapeHtml(rfc3339)}">${escapeHtml(readableTime(rfc3339))}</time>`;
}

function linkHtml(url: string, text: string): string {
  if (!isPlainUrl(url)) return escapeHtml(text);
  return `<a rel="noreferrer" href="${escapeHtml(url)}">${escapeHtml(text)}</a>`;
}
