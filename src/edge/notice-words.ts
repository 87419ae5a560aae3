/** The words of the notice and the warning page, in English and French. Facts are quoted as the officers wrote them. */
import type { Clause, MeasureKind, Scope } from "../contract/measure.ts";
import type { Language } from "./negotiate.ts";

export type NoticeWords = {
  readonly titles: Record<MeasureKind, string>;
  readonly intro: Record<MeasureKind, string>;
  readonly scopes: Record<Scope, string>;
  readonly clauses: Record<Clause, string>;
  readonly brake: string;
  readonly labels: {
    readonly clause: string;
    readonly facts: string;
    readonly scope: string;
    readonly since: string;
    readonly until: string;
    readonly review: string;
    readonly caseNumber: string;
    readonly operator: string;
    readonly appeal: string;
    readonly territory: string;
  };
  readonly everywhere: string;
  readonly appeal: string;
  readonly by: { readonly customer: string; readonly reporter: string };
  readonly goOn: string;
  readonly goOnHint: string;
};

const EN: NoticeWords = {
  titles: {
    warn: "A warning before you go on",
    restrict: "This part of the site is not available",
    withhold: "This content is withheld",
    withdraw: "This site is no longer served here",
  },
  intro: {
    warn: "What you are about to open endangers people, as decided below. You may still go on.",
    restrict: "Access was restricted to protect people. The reasons, and how to object, are below.",
    withhold: "It is withheld to protect people. The reasons, and how to object, are below.",
    withdraw:
      "The service in front of this site has ended its protection. The reasons, and how to object, are below.",
  },
  scopes: {
    url: "One page",
    path: "One part of the site",
    hostname: "One hostname",
    site: "The whole site",
    account: "All sites of one account",
  },
  clauses: {
    "life-threat": "Threat to a person's life or physical safety",
    "doxxing-with-danger": "A private person's home or location, posted beside a threat",
    "incitement-violence": "Specific and credible incitement to violence",
    ncii: "Intimate images shared without consent",
    "child-safety": "Sexual abuse or exploitation of children",
    trafficking: "Trafficking in human beings",
    phishing: "Phishing or credential theft",
    malware: "Malware distribution or control",
    "court-order": "An order of a court or authority with jurisdiction",
  },
  brake:
    "This is an emergency brake, pulled by one officer. It lifts itself at the time given unless a second officer confirms it.",
  labels: {
    clause: "Rule",
    facts: "What was found",
    scope: "Extent",
    since: "Since",
    until: "Until",
    review: "Reviewed by",
    caseNumber: "Case",
    operator: "Decided by",
    appeal: "To object",
    territory: "Where",
  },
  everywhere: "Everywhere",
  appeal: "Appeal this decision",
  by: { customer: "the site's owner", reporter: "whoever reported it" },
  goOn: "I understand, go on",
  goOnHint: "This holds for ten minutes, in this browser alone.",
};

const FR: NoticeWords = {
  titles: {
    warn: "Un avertissement avant de continuer",
    restrict: "Cette partie du site n’est pas accessible",
    withhold: "Ce contenu est retenu",
    withdraw: "Ce site n’est plus servi ici",
  },
  intro: {
    warn: "Ce que vous allez ouvrir met des personnes en danger, selon la décision ci-dessous. Vous pouvez tout de même continuer.",
    restrict:
      "L’accès a été restreint pour protéger des personnes. Les raisons et les voies de recours suivent.",
    withhold: "Il est retenu pour protéger des personnes. Les raisons et les voies de recours suivent.",
    withdraw:
      "Le service placé devant ce site a mis fin à sa protection. Les raisons et les voies de recours suivent.",
  },
  scopes: {
    url: "Une page",
    path: "Une partie du site",
    hostname: "Un nom d’hôte",
    site: "Le site entier",
    account: "Tous les sites d’un compte",
  },
  clauses: {
    "life-threat": "Menace pour la vie ou l’intégrité physique d’une personne",
    "doxxing-with-danger": "Domicile ou localisation d’une personne privée, publié à côté d’une menace",
    "incitement-violence": "Incitation précise et crédible à la violence",
    ncii: "Images intimes diffusées sans consentement",
    "child-safety": "Abus ou exploitation sexuels d’enfants",
    trafficking: "Traite d’êtres humains",
    phishing: "Hameçonnage ou vol d’identifiants",
    malware: "Diffusion ou pilotage de logiciels malveillants",
    "court-order": "Ordre d’un tribunal ou d’une autorité compétente",
  },
  brake:
    "Ceci est un frein d’urgence, tiré par une seule personne. Il se lève de lui-même à l’heure indiquée, sauf si une seconde personne le confirme.",
  labels: {
    clause: "Règle",
    facts: "Ce qui a été constaté",
    scope: "Étendue",
    since: "Depuis",
    until: "Jusqu’au",
    review: "Réexamen avant le",
    caseNumber: "Dossier",
    operator: "Décidé par",
    appeal: "Pour contester",
    territory: "Où",
  },
  everywhere: "Partout",
  appeal: "Contester cette décision",
  by: { customer: "le propriétaire du site", reporter: "l’auteur du signalement" },
  goOn: "J’ai compris, continuer",
  goOnHint: "Valable dix minutes, dans ce seul navigateur.",
};

export function noticeWords(language: Language): NoticeWords {
  return language === "fr" ? FR : EN;
}
