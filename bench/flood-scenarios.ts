/** The floods (a) to (d) as data: how many addresses, how fast, with what. The rest of the scenarios have files of their own. */
import type { FloodShape } from "./flood-shapes.ts";

export type FloodScenario = {
  readonly name: "a" | "b" | "c" | "d";
  readonly what: string;
  readonly shape: FloodShape;
  readonly addresses: number;
  readonly requestsPerSecond: number;
};

export const FLOOD_SCENARIOS: readonly FloodScenario[] = [
  {
    name: "a",
    what: "2,000 addresses, random query against caches",
    shape: "cache-buster",
    addresses: 2000,
    requestsPerSecond: 2000,
  },
  {
    name: "b",
    what: "50 addresses, each slower than any limit for an address, one odd head",
    shape: "odd-heads",
    addresses: 50,
    requestsPerSecond: 400,
  },
  {
    name: "c",
    what: "1,000 addresses trying names and passwords at the login",
    shape: "logins",
    addresses: 1000,
    requestsPerSecond: 1200,
  },
  {
    name: "d",
    what: "1,000 addresses that send what the most common browser sends, to the front page",
    shape: "imitation",
    addresses: 1000,
    requestsPerSecond: 1200,
  },
];
