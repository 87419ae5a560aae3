/** The words of the challenge, in English and French. `{n}` is a number of seconds. */
import type { Language } from "./negotiate.ts";

export type ChallengeWords = {
  readonly title: string;
  readonly lead: string;
  readonly early: string;
  readonly failed: string;
  readonly sent: string;
  readonly noScript: string;
  readonly progress: string;
  readonly again: string;
  readonly other: string;
  readonly wait: string;
  readonly go: string;
  readonly help: string;
  readonly hints: readonly string[];
  readonly reason: string;
  readonly request: string;
  readonly program: string;
  readonly passed: string;
  readonly goBack: string;
  /** What the page's script says. */
  readonly said: {
    readonly begin: string;
    readonly about: string;
    readonly slow: string;
    readonly late: string;
    readonly bring: string;
    readonly done: string;
    readonly sends: string;
    readonly resend: string;
    readonly refused: string;
    readonly cookie: string;
    readonly network: string;
    readonly rest: string;
  };
};

const EN: ChallengeWords = {
  title: "One moment, please",
  lead: "This site is protecting itself from a flood of automated requests. Your browser shows with a short calculation that it is none of them. A cookie of this site remembers it for half an hour.",
  early:
    "That was a little early. Please wait until {n} seconds have passed since this page was first shown, then press the button once more.",
  failed:
    "From your address this check has failed several times lately, which need not be your fault. It is tried once more; below are another way and what most often helps.",
  noScript: "Your browser runs no scripts here. Please use the way below instead.",
  sent: "What you sent has not reached the site. After the check, send it again.",
  progress: "Progress of the check",
  again: "Try again",
  other: "Another way, without scripts",
  wait: "Wait {n} seconds, then press this button.",
  go: "Continue",
  help: "If it does not work",
  hints: [
    "Allow cookies for this site: the result of the check is kept in one, for half an hour.",
    "If you use a VPN, a proxy or a relay, your address may change between two requests. Switch it off for this site, or keep to one exit.",
    "Use an up-to-date browser, and reload this page if it has been open for more than five minutes.",
    "If nothing helps, write to the site's owner and give the request's number below.",
  ],
  reason: "Reason:",
  request: "Request:",
  program:
    "This site is being flooded and asks for a proof of work. A browser passes by itself. If this address is meant for programs, the site's owner can exempt it from challenges. See docs/reference/challenge.md on how a program brings a proof.",
  passed: "You have passed",
  goBack: "Go back to the page before, and send what you sent once more.",
  said: {
    begin: "The check begins. You need to do nothing.",
    about: "You need to do nothing: on this device the check usually takes about {n} seconds.",
    slow: "It takes longer than usual. You can go on waiting, or use the other way below.",
    late: "The check took too long for this device. Try again, or use the other way below.",
    bring: "Almost there.",
    done: "Passed. The page opens now.",
    sends: "Passed. Send again what you sent.",
    resend: "Send again",
    refused:
      "The check was not accepted: your address may have changed meanwhile, or the page was open for too long. Try again, or use the other way below.",
    cookie:
      "Your browser does not keep this site's cookie, so that the check is forgotten at once. Allow cookies for this site, then try again.",
    network: "The result could not be sent. See whether you are connected, then try again.",
    rest: "The check does not start by itself any more. You can start it once more, or use the other way below.",
  },
};

const FR: ChallengeWords = {
  title: "Un instant, s’il vous plaît",
  lead: "Ce site se protège d’un afflux de requêtes automatiques. Par un court calcul, votre navigateur montre qu’il n’en fait pas partie. Un cookie de ce site s’en souvient une demi-heure.",
  early:
    "C’était un peu tôt. Attendez que {n} secondes se soient écoulées depuis le premier affichage de cette page, puis appuyez encore une fois sur le bouton.",
  failed:
    "Depuis votre adresse, cette vérification a échoué plusieurs fois récemment, sans que ce soit forcément votre faute. Elle est tentée encore une fois ; vous trouverez ci-dessous une autre voie et ce qui aide le plus souvent.",
  noScript: "Votre navigateur n’exécute pas de scripts ici. Prenez la voie ci-dessous.",
  sent: "Ce que vous avez envoyé n’est pas arrivé au site. Après la vérification, envoyez-le de nouveau.",
  progress: "Avancement de la vérification",
  again: "Réessayer",
  other: "Une autre voie, sans scripts",
  wait: "Attendez {n} secondes, puis appuyez sur ce bouton.",
  go: "Continuer",
  help: "Si cela ne fonctionne pas",
  hints: [
    "Autorisez les cookies pour ce site : le résultat de la vérification y est gardé une demi-heure.",
    "Avec un VPN, un proxy ou un relais, votre adresse peut changer entre deux requêtes. Désactivez-le pour ce site, ou gardez une même sortie.",
    "Utilisez un navigateur à jour, et rechargez cette page si elle est ouverte depuis plus de cinq minutes.",
    "Si rien n’aide, écrivez au propriétaire du site en donnant le numéro de requête ci-dessous.",
  ],
  reason: "Motif :",
  request: "Requête :",
  program:
    "Ce site est submergé de requêtes et demande une preuve de travail. Un navigateur passe de lui-même. Si cette adresse est destinée à des programmes, le propriétaire du site peut l’en dispenser. Voir docs/reference/challenge.md pour apporter une preuve par programme.",
  passed: "La vérification est réussie",
  goBack: "Revenez à la page précédente et envoyez de nouveau ce que vous aviez envoyé.",
  said: {
    begin: "La vérification commence. Vous n’avez rien à faire.",
    about:
      "Vous n’avez rien à faire : sur cet appareil, la vérification dure en général {n} secondes environ.",
    slow: "C’est plus long que d’habitude. Vous pouvez attendre encore, ou prendre l’autre voie ci-dessous.",
    late: "La vérification a été trop longue pour cet appareil. Réessayez, ou prenez l’autre voie ci-dessous.",
    bring: "C’est presque fini.",
    done: "C’est réussi. La page s’ouvre.",
    sends: "C’est réussi. Envoyez de nouveau ce que vous aviez envoyé.",
    resend: "Envoyer de nouveau",
    refused:
      "La vérification n’a pas été acceptée : votre adresse a peut-être changé entre-temps, ou la page était ouverte depuis trop longtemps. Réessayez, ou prenez l’autre voie ci-dessous.",
    cookie:
      "Votre navigateur ne garde pas le cookie de ce site, et la vérification est aussitôt oubliée. Autorisez les cookies pour ce site, puis réessayez.",
    network: "Le résultat n’a pas pu être envoyé. Vérifiez votre connexion, puis réessayez.",
    rest: "La vérification ne démarre plus d’elle-même. Vous pouvez la relancer, ou prendre l’autre voie ci-dessous.",
  },
};

export function challengeWords(language: Language): ChallengeWords {
  return language === "fr" ? FR : EN;
}
