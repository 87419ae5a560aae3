/**
 * What people are written when a flood begins and ends, in English and in French below it, as nobody's language is known. It says what happened, what
 * was done and what there is to do, in a few lines; everything else is behind the link. What a stranger chose stands in quotation marks, cut.
 */
import type { IncidentRecord } from "../store/incidents.ts";
import type { Notice } from "./incident-notices.ts";

export type NoticeMail = { readonly subject: string; readonly text: string };

const KIND_EN = { flood: "flood", surge: "surge of visitors", slow: "slow attack" } as const;
const KIND_FR = {
  flood: "une inondation de requêtes",
  surge: "un afflux de visiteurs",
  slow: "une attaque lente",
} as const;
const KIND_FR_END = {
  flood: "l’inondation de requêtes",
  surge: "l’afflux de visiteurs",
  slow: "l’attaque lente",
} as const;
const WORDS_CHARS_MAX = 300;

export function noticeMail(
  notice: Notice,
  site: { readonly link: string; readonly operatorName: string },
): NoticeMail {
  const { incident, what } = notice;
  const name = incident.siteName;
  const subject =
    what === "began"
      ? `${name}: a ${KIND_EN[incident.kind]} has begun / ${KIND_FR[incident.kind]} a commencé`
      : `${name}: the ${KIND_EN[incident.kind]} is over / ${KIND_FR_END[incident.kind]} est terminée`.replace(
          "l’afflux de visiteurs est terminée",
          "l’afflux de visiteurs est terminé",
        );
  const text = `${english(notice).join("\n")}\n\n${site.link}\n\n-- \n\n${french(notice).join("\n")}\n\n${site.link}\n\n${site.operatorName}\n`;
  return { subject, text };
}

function english({ what, incident, others }: Notice): string[] {
  const { summary, siteName, kind } = incident;
  const lines: string[] = [];
  if (what === "began") {
    lines.push(
      `A ${KIND_EN[kind]} on ${siteName} began at ${clock(incident.beganAt)}: ${figure(summary.peakPerSecond, "en")} requests a second at its height so far, where ${figure(summary.usualPerSecond, "en")} are usual.`,
    );
    lines.push(doneEnglish(incident));
  } else {
    lines.push(
      `The ${KIND_EN[kind]} on ${siteName} that began at ${clock(incident.beganAt)} was over at ${clock(incident.endedAt ?? incident.beganAt)}. There were ${figure(summary.requests, "en")} requests more than usual, in all at most ${figure(summary.peakPerSecond, "en")} a second; ${share(incident)} % of those beyond the usual were let through.`,
    );
  }
  if (summary.words !== null) lines.push(`What its requests had in common: ${harmless(summary.words.en)}.`);
  if (others.length > 0)
    lines.push(
      `Since the last message ${others.length} more came and went; they are in the list of incidents.`,
    );
  lines.push(
    what === "began"
      ? "You need not do anything. If visitors complain, or the site is slow all the same, look here:"
      : "What it was, what was done and what it cost:",
  );
  return lines;
}

function doneEnglish({ kind, mitigatedAt, summary }: IncidentRecord): string {
  if (kind === "surge") return "Nothing is done against it, as it looks like people.";
  if (summary.mode === "shadow") return "Nothing is done against it, as this site is set to watch only.";
  if (mitigatedAt === null) return "What its requests have in common is still being looked for.";
  return `It is being held off since ${clock(mitigatedAt)}.`;
}

function french({ what, incident, others }: Notice): string[] {
  const { summary, siteName, kind } = incident;
  const lines: string[] = [];
  if (what === "began") {
    lines.push(
      `Sur ${siteName}, ${KIND_FR[kind]} a commencé à ${clock(incident.beganAt)} : jusqu’à ${figure(summary.peakPerSecond, "fr")} requêtes par seconde pour l’instant, contre ${figure(summary.usualPerSecond, "fr")} d’habitude.`,
    );
    lines.push(doneFrench(incident));
  } else {
    lines.push(
      `Sur ${siteName}, ${KIND_FR[kind]} a commencé à ${clock(incident.beganAt)} et pris fin à ${clock(incident.endedAt ?? incident.beganAt)} : ${figure(summary.requests, "fr")} requêtes de plus que d’habitude, en tout ${figure(summary.peakPerSecond, "fr")} par seconde au plus ; de ce surplus ${share(incident)} % ont passé.`,
    );
  }
  if (summary.words !== null)
    lines.push(`Ce que ces requêtes avaient en commun : ${harmless(summary.words.fr)}.`);
  if (others.length > 0)
    lines.push(
      `Depuis le dernier message, ${others.length} autre(s) ont eu lieu ; la liste des incidents les montre.`,
    );
  lines.push(
    what === "began"
      ? "Vous n’avez rien à faire. Si des visiteurs se plaignent, ou si le site reste lent, voyez ici :"
      : "Ce que c’était, ce qui a été fait et ce que cela a coûté :",
  );
  return lines;
}

function doneFrench({ kind, mitigatedAt, summary }: IncidentRecord): string {
  if (kind === "surge") return "Rien n’est entrepris : cela ressemble à des personnes.";
  if (summary.mode === "shadow") return "Rien n’est entrepris : ce site est réglé pour observer seulement.";
  if (mitigatedAt === null) return "Ce que ces requêtes ont en commun est encore recherché.";
  return `Elle est contenue depuis ${clock(mitigatedAt)}.`;
}

const clock = (at: Date): string => `${at.toISOString().slice(0, 10)} ${at.toISOString().slice(11, 19)} UTC`;
const figure = (value: number, language: string): string =>
  new Intl.NumberFormat(language, { maximumFractionDigits: value < 10 ? 1 : 0 }).format(value);
const share = ({ summary }: IncidentRecord): string =>
  String(summary.requests === 0 ? 0 : Math.round((1000 * summary.passed) / summary.requests) / 10);
/** Strangers chose some of these words: they stay on one line, and no mail program makes a link of them. */
const harmless = (words: string): string => {
  const line = words
    .replaceAll(/\p{Cc}+/gu, " ")
    .replaceAll("://", "[://]")
    .replaceAll(/(?<=[\p{L}\p{N}-])\.(?=\p{L})/gu, "[.]");
  return line.length <= WORDS_CHARS_MAX ? line : `${line.slice(0, WORDS_CHARS_MAX - 1)}…`;
};
