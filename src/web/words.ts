/**
 * Every word of the public pages, in English and in French. The compiler holds that both languages say everything. Written
 * for a person who is afraid and in a hurry: short sentences, no jargon, what to do next.
 */
import type { DangerLevel } from "../contract/danger.ts";
import type { Harm } from "../contract/desk-states.ts";
import type { EntryKind } from "../ledger/core/entry.ts";
import type { Clause, MeasureKind, Scope } from "../contract/measure.ts";
import type { MailboxView } from "../desk/desk.ts";

export const LANGUAGES = ["en", "fr"] as const;
export type Language = (typeof LANGUAGES)[number];

export type Words = typeof EN;

const EN = {
  leave: "Leave this page quickly",
  otherLanguage: "Français",
  skip: "Skip to the content",
  nav: "Main pages",
  home: "Start",
  report: "Report a danger",
  mailbox: "Open a report",
  log: "Public log",
  transparency: "What was reported and decided",
  emergency: "Is somebody's life in danger right now?",
  emergencyCall:
    "Call your emergency number first: 112 in Europe, 911 in North America, 999 in the United Kingdom. We are not the police and cannot send help.",
  optional: "optional",

  landingTitle: "When a website puts people in danger",
  landingLead: (operator: string): string =>
    `${operator} stands in front of other people's websites and protects them from attacks. If one of these sites endangers somebody, you can tell us here. Two people decide together, give their reasons, and everything they decide is in a log that nobody can rewrite.`,
  doorReport: "Tell us about a page that puts somebody in danger. You need no account and no name.",
  doorMailbox: "You reported something before: read our answer with your 16-digit code.",
  doorLog: "Check what was decided, when, and by which rule. No names are in it.",

  reportTitle: "Report a danger",
  reportLead:
    "You do not have to say who you are. The people behind the site never learn who reported it: not now, not later.",
  problems: "Something is missing or not right. Nothing you typed is lost.",
  harm: "What is happening?",
  harmChoose: "Choose what fits best",
  url: "Address of the page",
  urlHint: "Copy it from the top of your browser. One page is enough.",
  statement: "What happened, in your words",
  statementHint: "Who is in danger, and why? Is there a time or a place? A few sentences are enough.",
  quoted: "What the page says",
  quotedHint: "Copy the words from the page, in case they disappear.",
  identity: "Your name and contact, only if you want",
  identityWhy:
    "Leave this empty and we still act on your report. If you fill it in, it is sealed the moment it arrives: this server cannot open it again. Three people each keep one part of the key; two of them must come together, write down why, and the public log shows that it was opened. The site never learns it.",
  identityNot:
    "We cannot take a name or contact today, as there is no seal for it yet. Send your report without them: you get a code to come back with, and we can write to each other there.",
  identityRefused:
    "Your name and contact were not taken, as there is no seal for them yet, and they are gone from here. The rest of your report is below: send it without them, or come back later.",
  name: "Name",
  email: "E-mail",
  phone: "Phone",
  send: "Send the report",
  sendHint: "You get a code on the next page. It is the only way back to your report.",

  errorHarm: "Choose what is happening",
  errorUrl: "Write the address of the page, like https://site.example/page",
  errorStatement: "Write a few words about what happened",
  errorTooLong: (max: number): string => `This is too long: use at most ${max} characters`,
  errorEmail: "Write an address like name@mail.example, or leave it empty",
  errorForm: "We could not read the form. Go back, check what you typed, and send it again.",
  errorTooLarge: "This is too much text at once. Shorten it and send it again.",
  errorWait: (minutes: number): string =>
    minutes <= 1
      ? "Too many tries. Wait a minute and try again."
      : `Too many tries. Wait ${minutes} minutes and try again.`,
  errorElsewhere: "This form was sent from another website. Open this page yourself and send it from here.",
  errorNotOurs:
    "We do not protect this address, so we can do nothing about it. Check it, or report it to the provider of the site.",
  errorMany:
    "This page was reported in these words many times, and we are at it. If you know more, say what is new.",
  errorCode: "We know no report with this code. Check the 16 digits.",
  errorNothing: "Write something first",
  errorTitle: "That did not work",
  errorInside: (id: string): string =>
    `Something failed on our side, and nothing was sent. Please try again. If it stays, tell us this number: ${id}`,
  notFoundTitle: "There is no such page",
  notFound: "The address may be mistyped, or the page is gone.",

  thanksTitle: "We have your report",
  thanksCode: "Your code",
  thanksOnce:
    "It is shown this one time. With it, and only with it, you can read our answer and write to us. We cannot give it to you again.",
  thanksKeep: "How to keep it safe",
  thanksKeepList: [
    "Write it on paper, or put it in a password manager.",
    "If somebody looks at your phone or computer, do not keep it there, and clear today's history.",
    "Give it to nobody. Nobody from us will ever ask for it.",
  ],
  thanksNext: "What happens now",
  thanksNextText:
    "A person reads it, the most dangerous things first. Come back with your code: tomorrow, or in an hour if it is urgent.",
  caseNumber: "Case",
  fingerprint: "Fingerprint of what you sent (SHA-256)",
  fingerprintHint: "It proves later exactly what we received. You do not have to keep it.",

  mailboxTitle: "Open your report",
  code: "Your 16-digit code",
  codeHint: "Spaces do not matter.",
  open: "Open",
  about: "About",
  received: "Received",
  state: "Where it stands",
  states: {
    received: "Received. Nobody has read it yet.",
    "in-review": "A person is working on it.",
    "measure-taken": "We have acted.",
    declined: "We have decided not to act.",
    closed: "It is closed.",
  } as Record<MailboxView["state"], string>,
  messages: "Messages",
  noMessages: "There are no messages yet.",
  fromDesk: "From us",
  fromYou: "From you",
  write: "Write to us",
  writeHint: "New threats, a new page, something you forgot. Do not put your name here: this is not sealed.",
  writeSend: "Send the message",
  written: "Your message has arrived.",
  outcome: "Our decision",
  clause: "Rule",
  appealTitle: "You think this is wrong?",
  appealHint: "Say why. Somebody who had no part in the decision looks at it again.",
  appealSend: "Ask for another decision",
  appealed: "Your objection has arrived. Somebody else decides it now.",
  forget: "When you are done, close this page. Coming back needs the code again.",

  statementTitle: "Statement of reasons",
  statementLead:
    "A decision concerns your site. This page says what was decided, on what grounds, and how you can object. Whoever has its address can read it: keep it to yourself.",
  sites: "Site",
  measures: "What was decided",
  facts: "What was found",
  scope: "What it covers",
  from: "From",
  until: "Until",
  review: "Reviewed on",
  decidedAt: "Decided",
  decidedByTwo: "Two people decided this together. No program decided it.",
  decidedByBrake:
    "One person pulled the emergency brake. It lifts itself after 60 minutes unless a second person confirms it.",
  territory: "Where",
  everywhere: "everywhere",
  appealUntil: "You can object until",
  customerAppeal: "Object to this decision",
  customerAppealHint: "Say what we got wrong or what has changed. Somebody who had no part in it decides.",
  appealState: { open: "Being looked at", granted: "You were right", refused: "Refused" },
  exportTitle: "Take everything along",
  exportText: "Your settings, hostnames, origin and the measures, as one file.",
  exportDo: "Download",
  inLog: "Entry in the public log",

  logTitle: "The public log",
  logLead:
    "Every decision leaves one entry here, in order, for ever. An entry cannot be changed or taken out without everybody seeing it: not by the operator either. It holds no names and no addresses.",
  logSize: "Entries",
  logSigned: "Last signed",
  logOrigin: "Name of the log",
  logKey: "Key to check it with",
  logUnwitnessed: "No independent witness signs this log yet. The operator's signature stands alone.",
  logNewest: "Newest entries",
  logEmpty: "There are no entries yet.",
  logVerify: "Check it yourself",
  logVerifyText:
    "The log is in the open format C2SP tlog-tiles. Any program that knows the format can check it with the key above, without asking us.",
  logCheckpoint: "The newest signed checkpoint",
  logVerifyDo: "With Parapet's own program",
  entry: "Entry",
  entryNumber: "No.",
  day: "Day",
  what: "What",
  rule: "Rule",
  level: "Danger",
  people: "People",
  entryRaw: "The entry, byte for byte",
  entryProof: "Proof that it is in the log",
  entryRecord: "What it stands for",
  entryClosed:
    "The text behind this entry is not public. The entry still shows that a decision was made, and when.",
  entryOlder: "Older",
  entryNewer: "Newer",
  kinds: {
    "log-start": "The log begins",
    decision: "Decision",
    brake: "Emergency brake",
    ratification: "Brake confirmed",
    refusal: "Declined",
    lift: "Lifted",
    lapse: "Brake ran out",
    release: "Brake released",
    appeal: "Objection decided",
    referral: "Passed on",
    opening: "Sealed name opened",
    erasure: "Text erased",
  } as Record<EntryKind, string>,
  measureKinds: {
    warn: "warning",
    restrict: "restricted",
    withhold: "withheld",
    withdraw: "protection withdrawn",
  } as Record<MeasureKind, string>,
  scopes: {
    url: "one page",
    path: "one part of a site",
    hostname: "one name",
    site: "a whole site",
    account: "a whole account",
  } as Record<Scope, string>,
  levels: {
    LOW: "low",
    MODERATE: "moderate",
    ELEVATED: "elevated",
    HIGH: "high",
    IMMINENT: "imminent",
  } as Record<DangerLevel, string>,
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
  } as Record<Clause, string>,
  harms: {
    "threat-to-life": "Somebody threatens to hurt or kill a person",
    doxxing: "A private address, phone number or place is posted",
    harassment: "Somebody is hounded or stalked",
    swatting: "Armed police are being sent to somebody by a false call",
    ncii: "Intimate images are shown without consent",
    "child-safety": "A child is abused or in danger",
    terror: "Calls for terror or mass violence",
    phishing: "A false page that steals passwords",
    malware: "A page that spreads harmful programs",
    fraud: "Fraud",
    copyright: "My work is used without permission",
    other: "Something else, or I am not sure",
  } as Record<Harm, string>,

  countsTitle: "What was reported and decided",
  countsLead: "Counts from the first day. Names and addresses are never part of them.",
  counts: {
    reports: "Reports",
    sources: "Independent sources",
    cases: "Cases",
    refusals: "Cases declined",
    brakesPulled: "Emergency brakes pulled",
    brakesRatified: "of these confirmed by a second person",
    brakesLapsed: "of these run out or released",
    appealsMade: "Objections",
    appealsGranted: "of these granted",
    appealsRefused: "of these refused",
    referralsMade: "Passed on to hosts, police and others",
    referralsDelivered: "of these delivered",
    openingsRequested: "Requests to open a reporter’s sealed name",
    openingsApproved: "of these approved by a second person",
    openingsRefused: "of these refused",
    openingsHandedOut: "sealed names handed out to be opened",
    returnsHeld: "Sites held as possible returns",
    brigades: "Waves of coordinated false reports",
  },
  countsLevels: "Cases by danger",
  countsMeasures: "Measures by kind and reach",
  countsNone: "None yet.",
  countsMachine: "The same as JSON",
  number: "Number",

  enterTitle: "Sign in with your one-time link",
  enterText: "This link works once. Press the button, then set a password and a second factor.",
  enterDo: "Sign in",
  enterMissing: "This link is not complete. Copy all of it into the address bar.",

  objectTitle: "Object to a decision",
  appealOwner: "You run the site",
  appealOwnerText:
    "The letter about the decision has a link of its own, with the reasons and a form for your objection. Paste it here if you cannot click it.",
  appealLink: "Link from your letter",
  appealGo: "Open the statement of reasons",
  appealLost: "No letter? Write to the operator from the address that your account is known by.",
  appealReporter: "You reported the site",
  appealReporterText: "Open your report with its code: if it was declined, the form is there.",
  appealWrong: "This is not a link from a letter of ours. Copy all of it, from http to its end.",
};

const FR: Words = {
  leave: "Quitter vite cette page",
  otherLanguage: "English",
  skip: "Aller au contenu",
  nav: "Pages principales",
  home: "Accueil",
  report: "Signaler un danger",
  mailbox: "Suivre un signalement",
  log: "Journal public",
  transparency: "Signalements et décisions",
  emergency: "Une vie est en danger en ce moment ?",
  emergencyCall:
    "Appelez d’abord les secours : 112 en Europe, 911 en Amérique du Nord, 999 au Royaume-Uni. Nous ne sommes pas la police et ne pouvons pas envoyer d’aide.",
  optional: "facultatif",

  landingTitle: "Quand un site met des personnes en danger",
  landingLead: (operator) =>
    `${operator} se tient devant des sites web et les protège des attaques. Si l’un de ces sites met quelqu’un en danger, vous pouvez nous le dire ici. Deux personnes décident ensemble, donnent leurs raisons, et tout ce qu’elles décident figure dans un journal que personne ne peut réécrire.`,
  doorReport: "Parlez-nous d’une page qui met quelqu’un en danger. Sans compte, et sans donner votre nom.",
  doorMailbox: "Vous avez déjà fait un signalement : lisez notre réponse avec votre code à 16 chiffres.",
  doorLog: "Vérifiez ce qui a été décidé, quand, et selon quelle règle. Aucun nom n’y figure.",

  reportTitle: "Signaler un danger",
  reportLead:
    "Vous n’avez pas à dire qui vous êtes. Les responsables du site ne sauront jamais qui a fait le signalement, ni maintenant, ni plus tard.",
  problems:
    "Il manque quelque chose, ou quelque chose ne va pas. Rien de ce que vous avez écrit n’est perdu.",
  harm: "Que se passe-t-il ?",
  harmChoose: "Choisissez ce qui convient le mieux",
  url: "Adresse de la page",
  urlHint: "Copiez-la depuis le haut de votre navigateur. Une seule page suffit.",
  statement: "Ce qui s’est passé, avec vos mots",
  statementHint:
    "Qui est en danger, et pourquoi ? Une heure, un lieu sont-ils cités ? Quelques phrases suffisent.",
  quoted: "Ce que dit la page",
  quotedHint: "Copiez les mots de la page, au cas où ils disparaîtraient.",
  identity: "Votre nom et vos coordonnées, seulement si vous le voulez",
  identityWhy:
    "Laissez ces champs vides et nous agirons tout de même. Si vous les remplissez, ils sont scellés dès leur arrivée : ce serveur ne peut plus les ouvrir. Trois personnes gardent chacune une part de la clé ; il faut que deux d’entre elles se réunissent et écrivent pourquoi, et le journal public montre que le sceau a été ouvert. Le site ne l’apprend jamais.",
  identityNot:
    "Nous ne pouvons pas recevoir de nom ni de coordonnées aujourd’hui, car le sceau n’est pas encore en place. Envoyez votre signalement sans eux : vous recevrez un code pour revenir, et nous pourrons nous écrire.",
  identityRefused:
    "Votre nom et vos coordonnées n’ont pas été reçus, car le sceau n’est pas encore en place, et ils ont disparu d’ici. Le reste de votre signalement est ci-dessous : envoyez-le sans eux, ou revenez plus tard.",
  name: "Nom",
  email: "Adresse e-mail",
  phone: "Téléphone",
  send: "Envoyer le signalement",
  sendHint: "La page suivante vous donne un code. C’est le seul chemin pour revenir à votre signalement.",

  errorHarm: "Choisissez ce qui se passe",
  errorUrl: "Écrivez l’adresse de la page, par exemple https://site.example/page",
  errorStatement: "Écrivez quelques mots sur ce qui s’est passé",
  errorTooLong: (max) => `C’est trop long : ${max} caractères au plus`,
  errorEmail: "Écrivez une adresse comme nom@courriel.example, ou laissez ce champ vide",
  errorForm:
    "Nous n’avons pas pu lire le formulaire. Revenez en arrière, vérifiez ce que vous avez écrit et renvoyez-le.",
  errorTooLarge: "C’est trop de texte à la fois. Raccourcissez-le et renvoyez-le.",
  errorWait: (minutes) =>
    minutes <= 1
      ? "Trop d’essais. Attendez une minute et réessayez."
      : `Trop d’essais. Attendez ${minutes} minutes et réessayez.`,
  errorElsewhere:
    "Ce formulaire a été envoyé depuis un autre site. Ouvrez cette page vous-même et envoyez-le d’ici.",
  errorNotOurs:
    "Nous ne protégeons pas cette adresse et n’y pouvons donc rien. Vérifiez-la, ou signalez-la à l’hébergeur du site.",
  errorMany:
    "Cette page a été signalée bien des fois avec ces mots, et nous nous en occupons. Si vous en savez plus, dites ce qui est nouveau.",
  errorCode: "Nous ne connaissons aucun signalement avec ce code. Vérifiez les 16 chiffres.",
  errorNothing: "Écrivez d’abord quelque chose",
  errorTitle: "Cela n’a pas marché",
  errorInside: (id) =>
    `Quelque chose a échoué chez nous, et rien n’a été envoyé. Réessayez, s’il vous plaît. Si cela continue, donnez-nous ce numéro : ${id}`,
  notFoundTitle: "Cette page n’existe pas",
  notFound: "L’adresse est peut-être mal écrite, ou la page n’est plus là.",

  thanksTitle: "Nous avons reçu votre signalement",
  thanksCode: "Votre code",
  thanksOnce:
    "Il n’est montré que cette fois. Avec lui, et seulement avec lui, vous pouvez lire notre réponse et nous écrire. Nous ne pouvons pas vous le redonner.",
  thanksKeep: "Comment le garder en sécurité",
  thanksKeepList: [
    "Écrivez-le sur du papier, ou mettez-le dans un gestionnaire de mots de passe.",
    "Si quelqu’un regarde votre téléphone ou votre ordinateur, ne l’y gardez pas, et effacez l’historique d’aujourd’hui.",
    "Ne le donnez à personne. Personne chez nous ne vous le demandera jamais.",
  ],
  thanksNext: "Ce qui se passe maintenant",
  thanksNextText:
    "Une personne le lit, en commençant par le plus dangereux. Revenez avec votre code : demain, ou dans une heure si c’est urgent.",
  caseNumber: "Dossier",
  fingerprint: "Empreinte de votre envoi (SHA-256)",
  fingerprintHint: "Elle prouve plus tard ce que nous avons reçu exactement. Vous n’avez pas à la garder.",

  mailboxTitle: "Suivre votre signalement",
  code: "Votre code à 16 chiffres",
  codeHint: "Les espaces ne comptent pas.",
  open: "Ouvrir",
  about: "Objet",
  received: "Reçu",
  state: "Où en est-on",
  states: {
    received: "Reçu. Personne ne l’a encore lu.",
    "in-review": "Une personne s’en occupe.",
    "measure-taken": "Nous avons agi.",
    declined: "Nous avons décidé de ne pas agir.",
    closed: "C’est clos.",
  },
  messages: "Messages",
  noMessages: "Il n’y a pas encore de messages.",
  fromDesk: "De nous",
  fromYou: "De vous",
  write: "Nous écrire",
  writeHint:
    "De nouvelles menaces, une autre page, un oubli. N’écrivez pas votre nom ici : ce message n’est pas scellé.",
  writeSend: "Envoyer le message",
  written: "Votre message est arrivé.",
  outcome: "Notre décision",
  clause: "Règle",
  appealTitle: "Vous pensez que c’est une erreur ?",
  appealHint: "Dites pourquoi. Quelqu’un qui n’a pas pris part à la décision la réexamine.",
  appealSend: "Demander une autre décision",
  appealed: "Votre objection est arrivée. Quelqu’un d’autre en décide maintenant.",
  forget: "Quand vous avez fini, fermez cette page. Pour revenir, il faut de nouveau le code.",

  statementTitle: "Exposé des motifs",
  statementLead:
    "Une décision concerne votre site. Cette page dit ce qui a été décidé, pour quelles raisons, et comment vous pouvez vous y opposer. Quiconque connaît son adresse peut la lire : gardez-la pour vous.",
  sites: "Site",
  measures: "Ce qui a été décidé",
  facts: "Ce qui a été constaté",
  scope: "Ce que cela couvre",
  from: "Depuis",
  until: "Jusqu’au",
  review: "Réexamen le",
  decidedAt: "Décidé",
  decidedByTwo: "Deux personnes l’ont décidé ensemble. Aucun programme ne l’a décidé.",
  decidedByBrake:
    "Une personne a tiré le frein d’urgence. Il se lève de lui-même après 60 minutes si une deuxième personne ne le confirme pas.",
  territory: "Où",
  everywhere: "partout",
  appealUntil: "Vous pouvez vous opposer jusqu’au",
  customerAppeal: "S’opposer à cette décision",
  customerAppealHint:
    "Dites où nous nous trompons, ou ce qui a changé. Quelqu’un qui n’y a pas pris part décide.",
  appealState: { open: "En cours d’examen", granted: "Vous aviez raison", refused: "Refusée" },
  exportTitle: "Tout emporter",
  exportText: "Vos réglages, noms d’hôte, serveur d’origine et mesures, en un fichier.",
  exportDo: "Télécharger",
  inLog: "Entrée dans le journal public",

  logTitle: "Le journal public",
  logLead:
    "Chaque décision laisse ici une entrée, dans l’ordre, pour toujours. Une entrée ne peut être ni changée ni retirée sans que tout le monde le voie, pas même par l’opérateur. Elle ne contient ni nom ni adresse.",
  logSize: "Entrées",
  logSigned: "Dernière signature",
  logOrigin: "Nom du journal",
  logKey: "Clé pour le vérifier",
  logUnwitnessed:
    "Aucun témoin indépendant ne signe encore ce journal. La signature de l’opérateur est seule.",
  logNewest: "Dernières entrées",
  logEmpty: "Il n’y a pas encore d’entrées.",
  logVerify: "Vérifiez vous-même",
  logVerifyText:
    "Le journal est au format ouvert C2SP tlog-tiles. Tout programme qui connaît ce format peut le vérifier avec la clé ci-dessus, sans rien nous demander.",
  logCheckpoint: "Le dernier point de contrôle signé",
  logVerifyDo: "Avec le programme de Parapet",
  entry: "Entrée",
  entryNumber: "N°",
  day: "Jour",
  what: "Quoi",
  rule: "Règle",
  level: "Danger",
  people: "Personnes",
  entryRaw: "L’entrée, octet par octet",
  entryProof: "Preuve qu’elle est dans le journal",
  entryRecord: "Ce qu’elle représente",
  entryClosed:
    "Le texte derrière cette entrée n’est pas public. L’entrée montre tout de même qu’une décision a été prise, et quand.",
  entryOlder: "Plus anciennes",
  entryNewer: "Plus récentes",
  kinds: {
    "log-start": "Début du journal",
    decision: "Décision",
    brake: "Frein d’urgence",
    ratification: "Frein confirmé",
    refusal: "Refus d’agir",
    lift: "Levée",
    lapse: "Frein expiré",
    release: "Frein relâché",
    appeal: "Objection tranchée",
    referral: "Transmission",
    opening: "Nom scellé ouvert",
    erasure: "Texte effacé",
  },
  measureKinds: {
    warn: "avertissement",
    restrict: "restriction",
    withhold: "retenue",
    withdraw: "protection retirée",
  },
  scopes: {
    url: "une page",
    path: "une partie d’un site",
    hostname: "un nom",
    site: "un site entier",
    account: "un compte entier",
  },
  levels: { LOW: "faible", MODERATE: "modéré", ELEVATED: "élevé", HIGH: "grave", IMMINENT: "imminent" },
  clauses: {
    "life-threat": "Menace contre la vie ou la sécurité physique d’une personne",
    "doxxing-with-danger": "Domicile ou lieu d’une personne privée, publié à côté d’une menace",
    "incitement-violence": "Incitation précise et crédible à la violence",
    ncii: "Images intimes diffusées sans consentement",
    "child-safety": "Abus ou exploitation sexuelle d’enfants",
    trafficking: "Traite d’êtres humains",
    phishing: "Hameçonnage ou vol d’identifiants",
    malware: "Diffusion ou commande de logiciels malveillants",
    "court-order": "Ordre d’un tribunal ou d’une autorité compétente",
  },
  harms: {
    "threat-to-life": "On menace de blesser ou de tuer une personne",
    doxxing: "Une adresse, un téléphone ou un lieu privé est publié",
    harassment: "Une personne est harcelée ou traquée",
    swatting: "On envoie la police armée chez quelqu’un par un faux appel",
    ncii: "Des images intimes sont montrées sans consentement",
    "child-safety": "Un enfant est maltraité ou en danger",
    terror: "Appels au terrorisme ou à la violence de masse",
    phishing: "Une fausse page qui vole des mots de passe",
    malware: "Une page qui répand des programmes nuisibles",
    fraud: "Escroquerie",
    copyright: "Mon œuvre est utilisée sans autorisation",
    other: "Autre chose, ou je ne suis pas sûr",
  },

  countsTitle: "Signalements et décisions",
  countsLead: "Nombres depuis le premier jour. Ils ne contiennent jamais de nom ni d’adresse.",
  counts: {
    reports: "Signalements",
    sources: "Sources indépendantes",
    cases: "Dossiers",
    refusals: "Dossiers sans suite",
    brakesPulled: "Freins d’urgence tirés",
    brakesRatified: "dont confirmés par une deuxième personne",
    brakesLapsed: "dont expirés ou relâchés",
    appealsMade: "Objections",
    appealsGranted: "dont acceptées",
    appealsRefused: "dont refusées",
    referralsMade: "Transmis aux hébergeurs, à la police et à d’autres",
    referralsDelivered: "dont remis",
    openingsRequested: "Demandes d’ouvrir le nom scellé d’une personne qui signale",
    openingsApproved: "dont approuvées par une deuxième personne",
    openingsRefused: "dont refusées",
    openingsHandedOut: "noms scellés remis pour ouverture",
    returnsHeld: "Sites retenus comme possibles retours",
    brigades: "Vagues de faux signalements coordonnés",
  },
  countsLevels: "Dossiers par danger",
  countsMeasures: "Mesures par genre et portée",
  countsNone: "Aucune pour l’instant.",
  countsMachine: "Les mêmes en JSON",
  number: "Nombre",

  enterTitle: "Se connecter avec votre lien unique",
  enterText:
    "Ce lien ne sert qu’une fois. Appuyez sur le bouton, puis choisissez un mot de passe et un second facteur.",
  enterDo: "Se connecter",
  enterMissing: "Ce lien n’est pas complet. Copiez-le en entier dans la barre d’adresse.",

  objectTitle: "Contester une décision",
  appealOwner: "Vous êtes responsable du site",
  appealOwnerText:
    "La lettre sur la décision contient un lien personnel, avec les motifs et un formulaire de recours. Collez-le ici si vous ne pouvez pas l’ouvrir.",
  appealLink: "Lien de votre lettre",
  appealGo: "Ouvrir l’exposé des motifs",
  appealLost: "Pas de lettre ? Écrivez à l’exploitant depuis l’adresse connue pour votre compte.",
  appealReporter: "Vous avez signalé le site",
  appealReporterText: "Ouvrez votre signalement avec son code : s’il a été refusé, le formulaire s’y trouve.",
  appealWrong: "Ce n’est pas un lien de l’une de nos lettres. Copiez-le en entier, de http jusqu’à la fin.",
};

export const WORDS: Readonly<Record<Language, Words>> = { en: EN, fr: FR };

/** `?lang=` first, then the browser's first wish that we speak (RFC 9110 §12.5.4), then English. */
export function languageOf(url: URL, acceptLanguage: string | null): Language {
  const asked = LANGUAGES.find((language) => language === url.searchParams.get("lang"));
  if (asked) return asked;
  const wishes = (acceptLanguage ?? "")
    .slice(0, 500)
    .split(",")
    .map((part) => {
      const [tag = "", ...parameters] = part.trim().toLowerCase().split(";");
      const q = parameters
        .map((parameter) => /^\s*q=([01](?:\.\d{1,3})?)$/.exec(parameter)?.[1])
        .find(Boolean);
      return { language: LANGUAGES.find((known) => tag.split("-")[0] === known), q: Number(q ?? "1") };
    })
    .filter((wish) => wish.language !== undefined && wish.q > 0)
    .sort((a, b) => b.q - a.q);
  return wishes[0]?.language ?? "en";
}
