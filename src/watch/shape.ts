/**
 * Which features say what of a request. Client-shape features describe the program that sent it, and a crowd of real visitors shows many of them,
 * in the proportions that the site knows; place features say where it came from, and a legitimate crowd may well come from one place. Whoever decides
 * has to know the difference, so it is written down once.
 */
import { FEATURES, type EdgeMitigation, type Feature, type FloodSample } from "../contract/flood.ts";

export const FEATURE_COUNT = FEATURES.length;

export const FEATURE_INDEX = Object.fromEntries(FEATURES.map((name, i) => [name, i])) as Readonly<
  Record<Feature, number>
>;

/** What the sending program cannot help to show. */
export const SHAPE_FEATURES = ["headers", "userAgent", "accept", "language", "tls", "http"] as const;
const SHAPE_INDEXES = SHAPE_FEATURES.map((name) => FEATURE_INDEX[name]);

/** Where clients are: never enough, by itself, to tell a flood from a crowd. */
export const ADDRESS_INDEX = FEATURE_INDEX.address;
export const NETWORK_INDEX = FEATURE_INDEX.network;
export const PLACE_INDEXES: ReadonlySet<number> = new Set([
  FEATURE_INDEX.address,
  FEATURE_INDEX.network,
  FEATURE_INDEX.asn,
  FEATURE_INDEX.country,
]);

/**
 * What a condition costs in the search when everything else is equal: what a flood cannot change easily, and what few visitors share by chance,
 * is cheapest; places are dearest, since whole campuses stand behind them.
 */
export const CONDITION_COST: readonly number[] = FEATURES.map((feature) => {
  switch (feature) {
    case "headers":
      return 0.02;
    case "tls":
    case "userAgent":
      return 0.03;
    case "accept":
    case "language":
      return 0.05;
    case "queryShape":
    case "method":
    case "http":
      return 0.08;
    case "path":
    case "pathShape":
    case "cookies":
      return 0.15;
    case "referrer":
      return 0.2;
    case "asn":
    case "country":
      return 0.3;
    case "address":
    case "network":
      return 0.5;
  }
});

/** All of a client's shape in one text. */
export function shapeOf(values: readonly string[]): string {
  let text = "";
  for (const i of SHAPE_INDEXES) text += `${values[i] ?? ""}\n`;
  return text;
}

export function addressOf(sample: FloodSample): string {
  return sample.values[ADDRESS_INDEX] ?? "";
}

export function matches(where: EdgeMitigation["where"], values: readonly string[]): boolean {
  for (const { feature, value } of where) if (values[FEATURE_INDEX[feature]] !== value) return false;
  return true;
}
