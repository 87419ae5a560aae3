/** The words of protection's settings in French; see rule-english.ts. Narrow no-break spaces stand before double punctuation. */
import type { MODE_ENGLISH, RULE_ENGLISH, RULE_SETTINGS_ENGLISH } from "./rule-english.ts";

const many = (n: number, one: string, other: string): string =>
  `${n.toLocaleString("fr")} ${Math.abs(n) < 2 ? one : other}`;

export const MODE_FRENCH: typeof MODE_ENGLISH = {
  mode: {
    act: "Arrêter les attaques",
    shadow: "Seulement observer",
    off: "Ne pas chercher d’attaques",
  },
  modeMeaning: {
    act: "Les attaques par saturation sont reconnues et arrêtées d’elles-mêmes, et ce qui a été fait est levé quand elles cessent.",
    shadow:
      "Les attaques par saturation sont reconnues et annoncées, et rien n’est fait : vous voyez ce qui l’aurait été.",
    off: "Rien n’est reconnu, annoncé ni fait. Vos propres règles et exclusions continuent.",
  },
};

export const RULE_SETTINGS_FRENCH: typeof RULE_SETTINGS_ENGLISH = {
  floods: "Attaques par saturation",
  mode: "Quand une attaque arrive",
  offWarn: "Tant que c’est désactivé, une attaque atteint votre serveur telle quelle.",
  attackElsewhere:
    "Pour que chaque visiteur prouve son navigateur dès maintenant, activez « Sous attaque » :",
  exempt: "Jamais arrêtés",
  allow: "Réseaux toujours admis",
  allowHelp: (max) =>
    `Aucune règle, exclusion, limite ou épreuve ne les arrête ; une mesure du bureau des abus, si. Au plus ${max}.`,
  never: "Chemins sans épreuve",
  neverHelp: (max) =>
    `Là où viennent des programmes, pas des navigateurs. Flux, /.well-known/ et icônes vont de soi. Au plus ${max}. Par exemple`,
};

export const RULE_FRENCH: typeof RULE_ENGLISH = {
  order:
    "Elles s’appliquent dans cet ordre ; la première dont l’action est remplie décide. Une nouvelle règle commence dans l’ombre : elle ne fait que compter.",
  edit: "Modifier cette règle",
  name: "Nom",
  nameHelp: "Montré dans les journaux et aux personnes. Lettres, chiffres, espaces, points et tirets.",
  reason: "Pourquoi elle est là",
  reasonHelp: "Pour ceux qui viendront après vous.",
  which: "Quelles requêtes",
  howMany: "À partir de combien c’est trop",
  thenDo: "Ce qui est fait",
  everybody: "Cette règle vise toutes les requêtes du site.",
  everybodyRate: "Cette règle compte toutes les requêtes du site.",
  tlsShapes: "Formes TLS",
  tlsShapesHelp: "Les marques que montrent les incidents, par exemple 3fa2c91b.",
  headers: "Champs d’en-tête",
  cookies: "Témoins (cookies)",
  addHeader: "Ajouter un champ d’en-tête",
  addCookie: "Ajouter un cookie",
  fieldName: "Nom du champ",
  fieldState: "À condition qu’il",
  fieldStates: { there: "soit là", is: "dise", absent: "ne soit pas là" },
  fieldValue: "Texte",
  fieldValueHelp: "Un * remplace n’importe quoi.",
  removeField: (name) => (name === "" ? "Retirer ce champ" : `Retirer le champ « ${name} »`),
  withRate: "Seulement quand il y en a trop",
  withRateHelp: "Sinon, la règle vise chaque requête qui correspond.",
  requests: "Plus de … requêtes",
  window: "en … secondes",
  key: "Comptées par",
  keys: {
    address: "Adresse (en IPv6, son /64)",
    network: "Réseau (son /24 ou /48)",
    asn: "Opérateur de réseau (AS)",
    country: "Pays",
    tls: "Forme TLS",
    site: "Site entier",
    header: "Valeur d’un champ d’en-tête",
    cookie: "Valeur d’un cookie",
  },
  keyName: "Nom de ce champ ou cookie",
  keyNameHelp: "Qui vient sans lui est compté par adresse.",
  statuses: "Ne compter que les réponses de ces statuts",
  statusesHelp: "Par exemple 401, 403. Vide : chaque requête compte.",
  hold: "Puis continuer pendant … secondes",
  holdHelp: "0 : tant qu’il y en a trop.",
  action: "Suite",
  actions: {
    log: "Le noter",
    throttle: "Ralentir",
    challenge: "Demander un navigateur",
    block: "Bloquer",
  },
  actionMeaning: {
    log: "Rien n’est fait ; cela figure au journal.",
    throttle: "Le visiteur est prié de revenir plus tard (429).",
    challenge: "Le navigateur du visiteur doit faire ses preuves une fois. Les programmes ne passent pas.",
    block: "Le visiteur reçoit une page qui le dit (403).",
  },
  ends: "Fin",
  endsHelp: "Dans votre heure. Vide : sans fin.",
  shadow: "Dans l’ombre : compter ce qu’elle ferait, ne rien faire",
  shadowHelp: "Laissez-la un jour, regardez le compte, puis sortez-la de l’ombre.",
  shadowTag: "Dans l’ombre",
  overTag: "Terminée",
  says: {
    every: "Toute requête",
    requests: "Requêtes",
    methods: (list) => `avec ${list}`,
    paths: (list) => `vers ${list}`,
    networks: (list) => `depuis ${list}`,
    asns: (list) => `depuis ${list}`,
    countries: (list) => `depuis ${list}`,
    tlsShapes: (list) => `avec la forme TLS ${list}`,
    header: {
      there: (name, _value) => `avec le champ ${name}`,
      is: (name, value) => `dont le champ ${name} dit « ${value} »`,
      absent: (name, _value) => `sans le champ ${name}`,
    },
    cookie: {
      there: (name, _value) => `avec le cookie ${name}`,
      is: (name, value) => `dont le cookie ${name} dit « ${value} »`,
      absent: (name, _value) => `sans le cookie ${name}`,
    },
    over: (requests, seconds) =>
      `plus de ${requests.toLocaleString("fr")} en ${many(seconds, "seconde", "secondes")}`,
    answered: (list) => `avec une réponse ${list}`,
    per: {
      address: "depuis une même adresse",
      network: "depuis un même réseau",
      asn: "depuis un même opérateur",
      country: "depuis un même pays",
      tls: "avec une même forme TLS",
      site: "sur le site entier",
      header: (name) => `avec une même valeur de ${name}`,
      cookie: (name) => `avec une même valeur du cookie ${name}`,
    },
    held: (seconds) => `et pendant ${many(seconds, "seconde", "secondes")} ensuite`,
    does: {
      log: "c’est noté",
      throttle: "prié de revenir plus tard",
      challenge: "un navigateur est demandé",
      block: "bloqué",
    },
  },
};
