/**
 * Pages for what went wrong: each says what happened, whose side it lies on, and what the visitor can do. The reason
 * code and the request id on it are the ones in the access log. A client that asks for JSON gets a problem document (RFC 9457).
 */
import { REASON_STATUS, type ReasonCode } from "../contract/verdict.ts";
import { escapeHtml, jsonString } from "./html.ts";
import type { Language } from "./negotiate.ts";
import { paragraph, renderPage } from "./page.ts";

type ErrorReason = Exclude<ReasonCode, "measure.notice" | "measure.warning">;
type Words = { readonly title: string; readonly what: string; readonly todo: string };

const EN: Record<ErrorReason, Words> = {
  "host.unknown": {
    title: "No such site here",
    what: "This server does not serve the site that was asked for.",
    todo: "Check the address. If the site is yours, its name points to this server before the site was added, or after it was removed.",
  },
  "access.denied": {
    title: "Not for this connection",
    what: "The owner of this site does not let this request in.",
    todo: "If you think that this is a mistake, write to the site's owner and give the request's number below.",
  },
  "access.crawler": {
    title: "Crawlers are asked to stay away",
    what: "The owner of this site does not want it collected by programs of this kind.",
    todo: "Read the site's robots.txt. If you are a person, use an ordinary browser.",
  },
  "client.banned": {
    title: "Kept out for a while",
    what: "Your address, or the network it belongs to, is kept out for a time, as requests from there looked like an attack.",
    todo: "Wait and try again later. Others who share it may have caused that. If it stays, write to the site's owner and give the request's number below.",
  },
  "site.maintenance": {
    title: "Being worked on",
    what: "The owner of this site is working on it.",
    todo: "Try again later.",
  },
  "site.busy": {
    title: "Very many visitors at once",
    what: "Far more visitors than usual are here, and the site's server takes them one after the other.",
    todo: "Try again in a few seconds. You have done nothing wrong. If it stays for more than a few minutes, write to the site's owner and give the request's number below.",
  },
  "site.redirect": {
    title: "The page is elsewhere",
    what: "The owner of this site sends this address elsewhere.",
    todo: "Follow the link.",
  },
  "host.misdirected": {
    title: "Wrong connection",
    what: "Your browser asked for this site over a connection that it opened for another.",
    todo: "Reload the page.",
  },
  "limit.client": {
    title: "Too many requests",
    what: "Your connection asked faster than this site allows.",
    todo: "Wait a moment and try again. Others who share your address may have used up its allowance. If it stays, write to the site's owner and give the request's number below.",
  },
  "rule.blocked": {
    title: "Kept out by a rule",
    what: "A rule of this site's owner keeps requests like this one out.",
    todo: "If you think that this is a mistake, write to the site's owner and give the request's number below.",
  },
  "rule.throttled": {
    title: "Too many requests of this kind",
    what: "This site lets only so many requests like this one through at a time.",
    todo: "Wait a moment and try again. Others may have used up what is allowed. If it stays, write to the site's owner and give the request's number below.",
  },
  "flood.blocked": {
    title: "Kept out while the site is under attack",
    what: "This site is being flooded with requests, and yours looks like one of them.",
    todo: "Wait a minute and try again, with another browser if you can. If it stays, write to the site's owner and give the request's number below.",
  },
  "flood.throttled": {
    title: "Please wait a moment",
    what: "This site is being flooded with requests, and yours looks like one of them.",
    todo: "Try again in a few seconds. If it stays for more than a few minutes, write to the site's owner and give the request's number below.",
  },
  "challenge.asked": {
    title: "One moment, please",
    what: "This site is protecting itself from a flood of automated requests and asks your browser for a short check.",
    todo: "Open a page of this site in a browser, wait for the check, then try again.",
  },
  "origin.loop": {
    title: "The request runs in a circle",
    what: "This site's server sends requests back to the service in front of it.",
    todo: "You can do nothing about it. The site's owner must set the origin to the server itself.",
  },
  "origin.down": {
    title: "The site's server does not answer",
    what: "The service in front of this site works, but the site's own server could not be reached.",
    todo: "Try again in a few minutes. Nothing is wrong with your connection.",
  },
  "origin.slow": {
    title: "The site's server takes too long",
    what: "The service in front of this site works, but the site's own server did not answer in time.",
    todo: "Try again in a few minutes. If you sent something, check whether it arrived before you send it again.",
  },
  "request.body-too-large": {
    title: "Too large",
    what: "What you sent is larger than this site accepts.",
    todo: "Send less, or in parts.",
  },
  "request.headers-too-large": {
    title: "The address or the headers are too large",
    what: "Your browser sent an address, or cookies, larger than this server reads.",
    todo: "Delete this site's cookies and try again with a shorter address.",
  },
  "request.malformed": {
    title: "The request cannot be understood",
    what: "What was sent is not a request that can be read in one way only, so it was not passed on.",
    todo: "Try again. If a program sent it, it has to be mended.",
  },
  "edge.failed": {
    title: "Something failed here",
    what: "The service in front of this site failed. Nothing is known against your request.",
    todo: "Try again in a moment. If it stays, tell the operator the request's number below.",
  },
};

const FR: Record<ErrorReason, Words> = {
  "host.unknown": {
    title: "Pas de tel site ici",
    what: "Ce serveur ne sert pas le site demandé.",
    todo: "Vérifiez l’adresse. Si le site est à vous, son nom pointe vers ce serveur avant son ajout, ou après son retrait.",
  },
  "access.denied": {
    title: "Accès refusé",
    what: "Le propriétaire de ce site n’accepte pas cette requête.",
    todo: "S’il s’agit d’une erreur, écrivez au propriétaire du site en donnant le numéro de requête ci-dessous.",
  },
  "access.crawler": {
    title: "Robots priés de passer leur chemin",
    what: "Le propriétaire de ce site ne souhaite pas qu’il soit collecté par des programmes de ce type.",
    todo: "Lisez le fichier robots.txt du site. Si vous êtes une personne, utilisez un navigateur ordinaire.",
  },
  "client.banned": {
    title: "Mis à l’écart pour un temps",
    what: "Votre adresse, ou le réseau dont elle fait partie, est mise à l’écart pour un temps : des requêtes venues de là ressemblaient à une attaque.",
    todo: "Attendez et réessayez plus tard. D’autres personnes qui la partagent ont pu en être la cause. Si cela dure, écrivez au propriétaire du site en donnant le numéro de requête ci-dessous.",
  },
  "site.maintenance": {
    title: "Site en travaux",
    what: "Le propriétaire de ce site y effectue des travaux.",
    todo: "Réessayez plus tard.",
  },
  "site.busy": {
    title: "Beaucoup de visiteurs à la fois",
    what: "Il y a bien plus de visiteurs que d’habitude, et le serveur du site les prend l’un après l’autre.",
    todo: "Réessayez dans quelques secondes. Vous n’y êtes pour rien. Si cela dure plus de quelques minutes, écrivez au propriétaire du site en donnant le numéro de requête ci-dessous.",
  },
  "site.redirect": {
    title: "La page est ailleurs",
    what: "Le propriétaire de ce site renvoie cette adresse ailleurs.",
    todo: "Suivez le lien.",
  },
  "host.misdirected": {
    title: "Mauvaise connexion",
    what: "Votre navigateur a demandé ce site par une connexion ouverte pour un autre.",
    todo: "Rechargez la page.",
  },
  "limit.client": {
    title: "Trop de requêtes",
    what: "Votre connexion demande plus vite que ce site ne le permet.",
    todo: "Attendez un instant et réessayez. D’autres personnes à la même adresse ont pu épuiser le quota. Si cela dure, écrivez au propriétaire du site en donnant le numéro de requête ci-dessous.",
  },
  "rule.blocked": {
    title: "Écarté par une règle",
    what: "Une règle du propriétaire de ce site écarte les requêtes comme celle-ci.",
    todo: "S’il s’agit d’une erreur, écrivez au propriétaire du site en donnant le numéro de requête ci-dessous.",
  },
  "rule.throttled": {
    title: "Trop de requêtes de ce type",
    what: "Ce site ne laisse passer qu’un certain nombre de requêtes comme celle-ci à la fois.",
    todo: "Attendez un instant et réessayez. D’autres ont pu épuiser ce qui est permis. Si cela dure, écrivez au propriétaire du site en donnant le numéro de requête ci-dessous.",
  },
  "flood.blocked": {
    title: "Écarté le temps d’une attaque",
    what: "Ce site est submergé de requêtes, et la vôtre ressemble à l’une d’elles.",
    todo: "Attendez une minute et réessayez, avec un autre navigateur si possible. Si cela dure, écrivez au propriétaire du site en donnant le numéro de requête ci-dessous.",
  },
  "flood.throttled": {
    title: "Un instant, s’il vous plaît",
    what: "Ce site est submergé de requêtes, et la vôtre ressemble à l’une d’elles.",
    todo: "Réessayez dans quelques secondes. Si cela dure plus de quelques minutes, écrivez au propriétaire du site en donnant le numéro de requête ci-dessous.",
  },
  "challenge.asked": {
    title: "Un instant, s’il vous plaît",
    what: "Ce site se protège d’un afflux de requêtes automatiques et demande à votre navigateur une courte vérification.",
    todo: "Ouvrez une page de ce site dans un navigateur, attendez la vérification, puis réessayez.",
  },
  "origin.loop": {
    title: "La requête tourne en rond",
    what: "Le serveur de ce site renvoie les requêtes au service placé devant lui.",
    todo: "Vous n’y pouvez rien. Le propriétaire du site doit indiquer comme origine le serveur lui-même.",
  },
  "origin.down": {
    title: "Le serveur du site ne répond pas",
    what: "Le service placé devant ce site fonctionne, mais le serveur du site est injoignable.",
    todo: "Réessayez dans quelques minutes. Votre connexion n’est pas en cause.",
  },
  "origin.slow": {
    title: "Le serveur du site est trop lent",
    what: "Le service placé devant ce site fonctionne, mais le serveur du site n’a pas répondu à temps.",
    todo: "Réessayez dans quelques minutes. Si vous avez envoyé quelque chose, vérifiez si c’est arrivé avant de recommencer.",
  },
  "request.body-too-large": {
    title: "Trop volumineux",
    what: "Votre envoi dépasse ce que ce site accepte.",
    todo: "Envoyez moins, ou en plusieurs fois.",
  },
  "request.headers-too-large": {
    title: "Adresse ou en-têtes trop longs",
    what: "Votre navigateur a envoyé une adresse, ou des cookies, trop longs pour ce serveur.",
    todo: "Supprimez les cookies de ce site et réessayez avec une adresse plus courte.",
  },
  "request.malformed": {
    title: "Requête incompréhensible",
    what: "Cette requête peut se lire de plusieurs façons ; elle n’a donc pas été transmise.",
    todo: "Réessayez. Si un programme l’a envoyée, il faut le corriger.",
  },
  "edge.failed": {
    title: "Une panne ici",
    what: "Le service placé devant ce site est en panne. Votre requête n’est pas en cause.",
    todo: "Réessayez dans un instant. Si cela dure, donnez à l’opérateur le numéro de requête ci-dessous.",
  },
};

export type ErrorContext = {
  readonly language: Language;
  readonly requestId: string;
  /** What the site's owner says in place of the edge's first sentence; "" for nothing. */
  readonly message?: string;
};

export function renderError(reason: ErrorReason, context: ErrorContext): string {
  const words = (context.language === "fr" ? FR : EN)[reason];
  return renderPage({
    language: context.language,
    title: words.title,
    body: paragraph(said(words, context)) + paragraph(words.todo),
    requestId: context.requestId,
    reason,
  });
}

export function errorProblem(reason: ErrorReason, context: ErrorContext): string {
  const words = (context.language === "fr" ? FR : EN)[reason];
  return (
    `{"type":"about:blank","title":${jsonString(words.title)},"status":${REASON_STATUS[reason]},` +
    `"detail":${jsonString(said(words, context) + " " + words.todo)},"code":${jsonString(reason)},` +
    `"requestId":${jsonString(context.requestId)}}\n`
  );
}

function said(words: Words, context: ErrorContext): string {
  const message = context.message ?? "";
  return message === "" ? words.what : message;
}

/** For clients that do not follow by themselves (RFC 9110 §15.4). */
export function renderRedirect(location: string, context: ErrorContext): string {
  const words = (context.language === "fr" ? FR : EN)["site.redirect"];
  const link = escapeHtml(location);
  return renderPage({
    language: context.language,
    title: words.title,
    body: `${paragraph(words.what)}<p><a href="${link}">${link}</a></p>\n`,
    requestId: context.requestId,
    reason: "site.redirect",
  });
}

/** The reason for an error that nginx itself found, by its status. */
export function reasonOfStatus(status: number): ErrorReason {
  if (status === 413) return "request.body-too-large";
  if (status === 414 || status === 431 || status === 494) return "request.headers-too-large";
  if (status === 502 || status === 503) return "origin.down";
  if (status === 504) return "origin.slow";
  if (status >= 400 && status < 500) return "request.malformed";
  return "edge.failed";
}
