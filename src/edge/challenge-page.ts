/**
 * The page of a challenge, complete without scripts: it says what happens and why, holds a form by which whoever computes nothing goes on after a
 * wait, and says what may be wrong when it keeps failing. Its script (`contract/challenge-script.ts`) does the work where there is one. The page is rendered once for
 * each kind, cut at the places where nginx puts in what belongs to one request: the challenge, the target and the request's number. Nobody but this house
 * writes into it otherwise.
 */
import { CHALLENGE_SCRIPT } from "../contract/challenge-script.ts";
import { CHALLENGE_PATH } from "../contract/protection.ts";
import { challengeWords } from "./challenge-words.ts";
import { escapeHtml, jsonString } from "./html.ts";
import type { Language } from "./negotiate.ts";

/** first: the first time. early: the button was pressed too early. failed: again and again, or what was brought was refused. */
export type ChallengeStage = "first" | "early" | "failed";

export type ChallengeKind = {
  readonly language: Language;
  readonly stage: ChallengeStage;
  /** Whether the request sent something, which has to be sent again afterwards. */
  readonly sends: boolean;
  readonly waitSeconds: number;
};

/** What stands between the challenge and the target is in nginx.conf: `"><input type="hidden" name="target" value="`. */
export type ChallengeFrame = { readonly before: string; readonly middle: string; readonly after: string };

const STYLE =
  ":root{color-scheme:light dark;--ink:#1b1f24;--soft:#59636e;--paper:#fff;--line:#d1d9e0;--link:#0a55b8;--on:#fff}" +
  "@media(prefers-color-scheme:dark){:root{--ink:#e8ecf1;--soft:#a3adb8;--paper:#14181d;--line:#3a424b;--link:#7db4ff;--on:#10151b}}" +
  "*{box-sizing:border-box}[hidden]{display:none!important}body{margin:0;background:var(--paper);color:var(--ink);" +
  "font:1.0625rem/1.6 system-ui,-apple-system,'Segoe UI',Roboto,sans-serif;overflow-wrap:anywhere}" +
  "main{max-width:40rem;margin:0 auto;padding:clamp(1.5rem,6vw,4rem) 1.25rem}" +
  "h1{font-size:1.6rem;line-height:1.25;margin:0 0 1rem}h2{font-size:1.1rem;margin:0 0 .5rem}p{margin:0 0 1rem}" +
  "#say{min-height:1.6em;font-weight:600}#say:empty{min-height:0;margin:0}#bar{height:.75rem;margin:0 0 1rem;border:1px solid var(--soft);border-radius:1rem;overflow:hidden}" +
  "#fill{height:100%;width:0;background:var(--link)}" +
  "section,details{margin:1.5rem 0 0;padding:1rem 0 0;border-top:1px solid var(--line)}summary{cursor:pointer;color:var(--link)}details p{margin-top:.75rem}" +
  "button{font:inherit;min-height:2.75rem;padding:.5rem 1.1rem;border:2px solid var(--link);border-radius:.4rem;background:var(--link);color:var(--on);cursor:pointer}" +
  "details button{background:none;color:var(--link)}" +
  "button:focus-visible,summary:focus-visible{outline:3px solid var(--link);outline-offset:2px}li{margin:0 0 .5rem}ul{padding-left:1.25rem;margin:0}" +
  "footer{margin-top:2rem;color:var(--soft);font-size:.9rem}code{font:inherit;font-family:ui-monospace,monospace}" +
  "@media(forced-colors:active){#fill{background:Highlight}}";

export function renderChallenge(kind: ChallengeKind): ChallengeFrame {
  const words = challengeWords(kind.language);
  const text = (raw: string): string => escapeHtml(raw.replaceAll("{n}", `${kind.waitSeconds}`));
  const { stage, sends } = kind;
  const lead = stage === "early" ? words.early : stage === "failed" ? words.failed : words.lead;
  const open = stage === "first" ? "" : " data-open";
  const before =
    `<!doctype html>\n<html lang="${kind.language}">\n<head>\n<meta charset="utf-8">\n` +
    `<meta name="viewport" content="width=device-width,initial-scale=1">\n<meta name="robots" content="noindex">\n` +
    `<title>${text(words.title)}</title>\n<style>${STYLE}</style>\n</head>\n<body>\n<main>\n<h1>${text(words.title)}</h1>\n` +
    `<p>${text(lead)}</p>\n${sends ? `<p>${text(words.sent)}</p>\n` : ""}` +
    `<noscript><p>${text(words.noScript)}</p></noscript>\n<p id="say" role="status" aria-live="polite"></p>\n` +
    `<div id="bar" role="progressbar" aria-label="${text(words.progress)}" aria-valuemin="0" aria-valuemax="100" aria-valuenow="0" hidden><div id="fill"></div></div>\n` +
    `<button id="again" type="button" hidden>${text(words.again)}</button>\n` +
    `<details id="more" open><summary>${text(words.other)}</summary>\n<p>${text(words.wait)}</p>\n` +
    `<form id="way" method="post" action="${CHALLENGE_PATH}"${open}${sends ? " data-sends" : ""}>` +
    `<input type="hidden" name="token" value="`;
  const middle =
    `"><button>${text(words.go)}</button></form>\n</details>\n` +
    `<section id="help"${stage === "failed" ? "" : " hidden"}><h2>${text(words.help)}</h2>\n<ul>\n` +
    words.hints.map((hint) => `<li>${text(hint)}</li>\n`).join("") +
    `</ul></section>\n<footer><p>${text(words.reason)} <code>challenge.asked</code><br>${text(words.request)} <code>`;
  const said = words.said;
  const after =
    `</code></p></footer>\n</main>\n<span id="words" hidden data-begin="${text(said.begin)}" data-about="${escapeHtml(said.about)}" ` +
    `data-slow="${text(said.slow)}" data-late="${text(said.late)}" data-bring="${text(said.bring)}" data-done="${text(said.done)}" ` +
    `data-sends="${text(said.sends)}" data-resend="${text(said.resend)}" data-refused="${text(said.refused)}" ` +
    `data-cookie="${text(said.cookie)}" data-network="${text(said.network)}" data-rest="${text(said.rest)}"></span>\n` +
    `<script>${CHALLENGE_SCRIPT}</script>\n</body>\n</html>\n`;
  return { before, middle, after };
}

/** For clients that ask for JSON: the same as a problem document (RFC 9457), to be cut at the request's number and the challenge. */
export function challengeProblem(
  language: Language,
  given: { requestId: string; challenge: string },
): string {
  const words = challengeWords(language);
  return (
    `{"type":"about:blank","title":${jsonString(words.title)},"status":403,"detail":${jsonString(words.program)},` +
    `"code":"challenge.asked","requestId":${jsonString(given.requestId)},` +
    `"challenge":${jsonString(given.challenge)},"bringTo":${jsonString(CHALLENGE_PATH)}}\n`
  );
}

/** What a visitor without scripts reads who has passed after having sent something. */
export function renderPassed(language: Language): string {
  const words = challengeWords(language);
  return (
    `<!doctype html>\n<html lang="${language}">\n<head>\n<meta charset="utf-8">\n` +
    `<meta name="viewport" content="width=device-width,initial-scale=1">\n<meta name="robots" content="noindex">\n` +
    `<title>${escapeHtml(words.passed)}</title>\n<style>${STYLE}</style>\n</head>\n<body>\n<main>\n<h1>${escapeHtml(words.passed)}</h1>\n` +
    `<p>${escapeHtml(words.goBack)}</p>\n</main>\n</body>\n</html>\n`
  );
}
