/**
 * What the detector looks for, in English and French, as data: one dimension, one score and one reason a pattern. It is thin on
 * purpose: it proposes, a human disposes, and every hit is shown as the line it stands on. No pattern nests its repetitions, so
 * that a hostile line costs no more than a friendly one. Insults and weapons without a person are not threats here.
 */
import type { Dimension, Score } from "../../contract/danger.ts";

export type Pattern = {
  readonly dimension: Dimension;
  readonly score: Score;
  readonly why: string;
  readonly find: RegExp;
};

const WHO_EN =
  "(?:her|him|them|you|u|this (?:woman|man|girl|guy|bitch|freak)|that (?:woman|man|girl|guy|bitch|freak)|@\\w+|\\p{Lu}\\p{Ll}+ \\p{Lu}\\p{Ll}+)";
const WHO_FR =
  "(?:elle|lui|eux|toi|cette (?:femme|fille|salope)|ce (?:mec|type|gars|pauvre type)|@\\w+|\\p{Lu}\\p{Ll}+ \\p{Lu}\\p{Ll}+)";
/** Case-sensitive where a name is part of it; the verbs allow both cases of their first letter. */
const named = (source: string): RegExp => new RegExp(source, "u");
const any = (source: string): RegExp => new RegExp(source, "iu");

/** The verb of killing with a person as its object; "kill the process" has none. */
export const PATTERNS: readonly Pattern[] = [
  // H: harm named.
  {
    dimension: "H",
    score: 3,
    why: "names killing a person",
    find: named(
      `\\b(?:[Kk]ill|KILL|[Ss]hoot|[Mm]urder|[Ss]lit|[Ss]trangle|[Ee]xecute|[Bb]ehead|[Ss]tab|[Bb]urn) ${WHO_EN}\\b`,
    ),
  },
  {
    dimension: "H",
    score: 3,
    why: "names killing a person",
    find: any(
      "\\b(?:should|needs? to|must|has to|have to|going to|gonna|deserves? to|will) (?:be (?:shot|killed|murdered|hanged|dead)|die)\\b",
    ),
  },
  {
    dimension: "H",
    score: 3,
    why: "names killing a person",
    find: any(
      "\\b(?:put a bullet in|someone should (?:shoot|kill)|won't live to|make (?:her|him|them) bleed|end (?:her|his|their) life)\\b",
    ),
  },
  {
    dimension: "H",
    score: 3,
    why: "announces sending armed police",
    find: any(
      "\\b(?:swat(?:ting|ted)? (?:her|him|them)|send (?:a )?swat|call (?:in )?a swat|appeler le raid chez)\\b",
    ),
  },
  {
    dimension: "H",
    score: 3,
    why: "nomme la mort d'une personne",
    find: named(
      `\\b(?:[Tt]uer|[Bb]uter|[Aa]battre|[Ff]umer|[ÉéEe]gorger|[Cc]rever|[Ff]linguer|[Pp]oignarder|[Ll]yncher) ${WHO_FR}(?![\\p{L}])`,
    ),
  },
  {
    dimension: "H",
    score: 3,
    why: "nomme la mort d'une personne",
    find: any(
      "\\b(?:va|vont|doit|doivent|mérite de|devrait|faut qu'(?:elle|il)) (?:mourir|crever|être (?:tuée?|abattue?|butée?)|crève|meure)(?![\\p{L}])",
    ),
  },
  {
    dimension: "H",
    score: 3,
    why: "nomme la mort d'une personne",
    find: any(
      "\\b(?:on va|je vais|faut|allons|il faut) (?:la|le|les|l') ?(?:tuer|buter|crever|fumer|égorger|flinguer|abattre)(?![\\p{L}])",
    ),
  },
  {
    dimension: "H",
    score: 2,
    why: "names injury, rape or kidnapping",
    find: any(
      "\\b(?:rape|beat (?:up )?|break the legs of|kidnap|abduct|hurt|cripple|throw acid (?:at|on)) ?(?:her|him|them|you|this|that)\\b",
    ),
  },
  {
    dimension: "H",
    score: 2,
    why: "urges self-harm",
    find: any("\\b(?:kill yourself|kys|hang yourself|suicide-toi|va te pendre|tue-toi)\\b"),
  },
  {
    dimension: "H",
    score: 2,
    why: "nomme blessure, viol ou enlèvement",
    find: any(
      "\\b(?:violer|frapper|tabasser|enlever|kidnapper|défoncer|lui casser|casser la gueule|lui faire la peau|lui faire mal|(?:la|le|les) (?:violer|frapper|tabasser|défoncer))(?![\\p{L}])",
    ),
  },
  {
    dimension: "H",
    score: 1,
    why: "names harm to property or to a livelihood",
    find: any(
      "\\b(?:get (?:her|him|them) fired|smash (?:her|his|their) (?:car|windows)|lose (?:her|his|their) job|brûler sa voiture|perdre son (?:travail|boulot|emploi))(?![\\p{L}])",
    ),
  },
  // E: exposure.
  {
    dimension: "E",
    score: 3,
    why: "gives what looks like a home address",
    find: any(
      "(?<![\\d-])\\b\\d{1,5} ?(?:bis|ter|[a-d])?,? (?:[\\p{L}'’.-]{2,30} ){1,3}(?:street|st|avenue|ave|road|rd|lane|ln|boulevard|blvd)\\b(?! office)",
    ),
  },
  {
    // These words are also everyday words, so here the capitals have to be there.
    dimension: "E",
    score: 3,
    why: "gives what looks like a home address",
    find: named(
      "(?<![\\d-])\\b\\d{1,5} ?[a-dA-D]?,? (?:\\p{Lu}[\\p{L}'’.-]{1,30} ){1,3}(?:Drive|Dr|Court|Ct|Close|Crescent|Terrace|Way|Place|Square|Gardens)\\b",
    ),
  },
  {
    dimension: "E",
    score: 3,
    why: "donne ce qui semble être une adresse de domicile",
    find: any(
      "\\b\\d{1,4} ?(?:bis|ter|quater)?,? ?(?:rue|avenue|av\\.|boulevard|bd|impasse|allée|chemin|place|quai|cours|route|sentier|square)(?: [\\p{L}'’.-]{1,30}){1,6}",
    ),
  },
  {
    dimension: "E",
    score: 3,
    why: "tells where a person lives or stays",
    find: any(
      "\\b(?:(?:she|he|they) (?:lives?|is staying|are staying|sleeps?) (?:at|in) (?:the )?(?:\\d|hotel|apartment|flat|room)|(?:her|his|their) home address|(?:elle|il) habite (?:au|à l['’]hôtel|\\d|chez)|son adresse (?:perso|personnelle|exacte|est|:)|chambre \\d{1,4})",
    ),
  },
  {
    dimension: "E",
    score: 2,
    why: "gives a way to reach a person: telephone, workplace, vehicle, family",
    find: any(
      "\\b(?:(?:her|his|their) (?:phone|number|cell|license plate|licence plate|plate|workplace|boss|mother|mom|kids?|school)|works at|son (?:numéro|portable|employeur|patron|école)|sa (?:plaque|mère|voiture)|ses enfants|travaille (?:chez|à|au))(?![\\p{L}])",
    ),
  },
  {
    dimension: "E",
    score: 1,
    why: "links a name to a handle",
    find: any(
      "\\b(?:real name is|her real name|his real name|vrai nom|s'appelle en (?:vrai|réalité))(?![\\p{L}])",
    ),
  },
  // C: capability and steps.
  {
    dimension: "C",
    score: 3,
    why: "claims to be at the place, armed or not",
    find: any(
      "\\b(?:i(?:'m| am) (?:outside|in front of|parked (?:outside|at)) (?:her|his|their)|outside (?:her|his|their) (?:house|home|place|hotel|door) (?:right )?now|je suis (?:devant|en bas de) chez (?:elle|lui)|devant sa (?:porte|maison))(?![\\p{L}])",
    ),
  },
  {
    dimension: "C",
    score: 3,
    why: "gives the script or number of a false emergency call",
    find: any(
      "\\b(?:tell (?:the police|911|112) (?:that )?(?:she|he) (?:has|shot)|report a hostage|prise d'otages? chez)\\b",
    ),
  },
  {
    dimension: "C",
    score: 2,
    why: "collects means, scouts, or pays for it",
    find: any(
      "\\b(?:bounty|(?:\\$|€)\\d{2,6} (?:to|for) (?:whoever|anyone)|drove (?:past|by) (?:her|his|their)|been to (?:her|his|their) (?:house|place|home)|i(?:'ve| have) (?:got )?(?:a|my) (?:gun|knife|rifle)|bring(?:ing)? (?:a |the |my )?(?:gun|knife|bat|rifle|rope|petrol|gasoline)|prime pour|passé devant chez|j'ai (?:un|mon) (?:flingue|couteau|fusil)|ramène[sz]? (?:un|une|le|la|des) (?:couteau|batte|corde|essence|flingue))(?![\\p{L}])",
    ),
  },
  {
    dimension: "C",
    score: 1,
    why: "talks of weapons or boasts",
    find: any(
      "\\b(?:guns?|rifles?|ammo|knife|knives|machete|molotov|flingues?|fusils?|couteaux?|machette|balles)\\b",
    ),
  },
  // M: mobilisation.
  {
    dimension: "M",
    score: 2,
    why: "adds data, splits tasks or calls for others",
    find: any(
      "\\b(?:who(?:'s| is) (?:in|coming|with me|nearby|close)|we need (?:people|someone|volunteers)|let's (?:all )?(?:go|pay|visit|meet)|meet (?:up )?(?:at|outside|there)|mirror (?:this|it)|spread (?:this|it)|qui (?:vient|est (?:chaud|partant)|habite à côté)|on (?:y va|se retrouve|passe chez)|faites tourner|rdv (?:à|devant))(?![\\p{L}])",
    ),
  },
  {
    dimension: "M",
    score: 1,
    why: "approves",
    find: any(
      "\\b(?:do it|about time|good riddance|she deserves it|he deserves it|bien fait|allez-y|elle le mérite|il le mérite)\\b",
    ),
  },
  // A: last resort; growth over time is measured across captures.
  {
    dimension: "A",
    score: 3,
    why: "speaks as if there were nothing left to lose",
    find: any(
      "\\b(?:this is my last (?:post|message)|goodbye (?:everyone|world|all)|nothing (?:left )?to lose|no turning back|dernier message|plus rien à perdre|adieu à tous)(?![\\p{L}])",
    ),
  },
];

/** A taker: somebody who offers to go. With a call for others in the same text it makes M3. */
export const TAKER: RegExp = any(
  "\\b(?:i(?:'m| am) in\\b|count me in|i(?:'ll| will) (?:go|come|drive|be there)|on my way|omw|i can be there|j'en suis|je viens|j'y vais|je serai là|comptez sur moi|je suis (?:chaud|partant|en route))(?![\\p{L}])",
);

/** A time within 72 hours, as people write it. */
export const SOON: RegExp = any(
  "\\b(?:tonight|tomorrow|this (?:evening|afternoon|morning|night)|right now|in (?:an?|one|two|three|\\d{1,2}) (?:hours?|minutes?)|at (?:[01]?\\d|2[0-3])(?::[0-5]\\d| ?[ap]m)|ce soir|cette nuit|demain|aujourd'hui|dans (?:une|deux|trois|\\d{1,2}) (?:heures?|minutes?)|à (?:[01]?\\d|2[0-3]) ?h(?:eures)?(?: ?[0-5]\\d)?)(?![\\p{L}\\d])",
);

/** A place, for the count of what was stated. */
export const PLACE: RegExp = any(
  "\\b(?:at (?:her|his|their) (?:house|home|place|work|door|hotel)|outside (?:her|his|their)|chez (?:elle|lui|eux)|devant (?:sa|son|leur)|à son (?:hôtel|travail|domicile))(?![\\p{L}])",
);

/** A named person: two capitalised words, or a handle. */
export const PERSON: RegExp = named("(?:\\b\\p{Lu}\\p{Ll}{1,20} \\p{Lu}\\p{Ll}{1,20}\\b|@\\w{2,30})");
export const PRONOUN: RegExp = any("\\b(?:her|him|she|he|elle|lui|il)\\b");
export const GROUP: RegExp = any(
  "\\b(?:all (?:of )?(?:them|those)|these people|those people|every(?:one| one) of them|tous ces|toutes ces|ces gens)(?![\\p{L}])",
);

/** The situation of the reporter, from what they tell us: never scored as a threat. */
export const SITUATION: readonly { readonly score: Score; readonly why: string; readonly find: RegExp }[] = [
  {
    score: 3,
    why: "the reporter says they hide, are a minor, or may harm themselves",
    find: any(
      "\\b(?:in hiding|left my home|women's shelter|i am (?:1[0-7]|a minor)|i'm (?:1[0-7]|a minor)|want to die|je me cache|quitté mon (?:domicile|appartement)|j'ai (?:1[0-7]) ans|je suis mineure?)(?![\\p{L}])",
    ),
  },
  {
    score: 2,
    why: "the reporter was contacted at home or work, or went to the police",
    find: any(
      "\\b(?:came to my (?:house|home|door|work)|called me at|police report|went to the police|filed a complaint|venus? chez moi|sonné chez moi|porté plainte|dépôt de plainte|main courante)(?![\\p{L}])",
    ),
  },
  {
    score: 1,
    why: "the reporter speaks of fear",
    find: any("\\b(?:afraid|scared|terrified|frightened|fear for|peur|terrifiée?|je crains)\\b"),
  },
];

/** Whether a text for publication would give somebody's home away. */
export function exposesAddress(text: string): boolean {
  return PATTERNS.some(
    (pattern) => pattern.dimension === "E" && pattern.score === 3 && pattern.find.test(text),
  );
}
