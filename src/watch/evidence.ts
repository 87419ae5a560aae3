/**
 * Machines or people? Looks at the requests that a candidate signature holds, and at what else their senders did. A crowd that followed a link shows many
 * client shapes that the site knows, in about the known proportions, fetches the files of its pages and asks for a page now and then; a flood shows one shape
 * or invented ones, fetches no files, and its clients ask without pause. Each sign has a weight; their sum decides, so that no single sign, which
 * somebody could fake, decides alone. Pure.
 */
import { FEATURES, type EdgeMitigation, type FloodSample } from "../contract/flood.ts";
import type { Reference } from "./reference.ts";
import { ADDRESS_INDEX, matches, SHAPE_FEATURES, shapeOf } from "./shape.ts";
import type { Texts } from "./texts.ts";

/** Files of a page are asked for within this time, or the client wants none. */
const FILES_AFTER_MS = 700;
/** A fifth of it has to be older than this. */
const SETTLED_MS = 850;
const REFERENCE_MIN = 60;

export type Evidence = {
  /** For machines, and against. Positive: machines. */
  readonly suspicion: number;
  readonly signs: readonly string[];
  /** Estimated number of clients. */
  readonly clients: number;
  /** It has lasted long enough for a crowd's files to have been asked for. */
  readonly isSettled: boolean;
  /** Whether its clients fetch files about as often as visitors of this site. */
  readonly fetchesFiles: boolean;
};

/** What the reference says of client shapes; made once for a search. */
export type KnownShapes = {
  readonly size: number;
  /** Part of the good samples, by joint shape. */
  readonly joint: ReadonlyMap<string, number>;
  readonly of: ReadonlyMap<string, ReadonlySet<number>>;
  /** How likely a good request shows header fields never seen (Good and Turing). */
  readonly unseenMass: number;
};

const UNSEEN_FEATURES = ["headers", "accept", "tls", "userAgent", "queryShape"] as const;

export function knownShapes(reference: Reference): KnownShapes {
  const joint = new Map<string, number>();
  const of = new Map(UNSEEN_FEATURES.map((feature) => [feature as string, new Set<number>()]));
  const headers = new Map<number, number>();
  const shapeIndexes = SHAPE_FEATURES.map((feature) => FEATURES.indexOf(feature));
  for (let row = 0; row < reference.size; row++) {
    let key = "";
    for (const i of shapeIndexes) key += `${reference.valueAt(row, i)} `;
    joint.set(key, (joint.get(key) ?? 0) + 1);
    for (const feature of UNSEEN_FEATURES)
      of.get(feature)!.add(reference.valueAt(row, FEATURES.indexOf(feature)));
    const head = reference.valueAt(row, FEATURES.indexOf("headers"));
    headers.set(head, (headers.get(head) ?? 0) + 1);
  }
  let once = 0;
  for (const count of headers.values()) if (count === 1) once += 1;
  for (const [key, count] of joint) joint.set(key, count / reference.size);
  return { size: reference.size, joint, of, unseenMass: once / Math.max(1, reference.size) };
}

export function evidenceOf(
  members: readonly FloodSample[],
  {
    where,
    window,
    known,
    texts,
    perSecond,
    seconds,
    nowMs,
    usualFiles,
    usualPerClient,
  }: {
    readonly where: EdgeMitigation["where"];
    /** All samples of the last seconds. */
    readonly window: readonly FloodSample[];
    readonly known: KnownShapes;
    readonly texts: Texts;
    /** Requests per second that `members` stand for. */
    readonly perSecond: number;
    /** The span that they were taken from. */
    readonly seconds: number;
    readonly nowMs: number;
    /** Usual share of files beside pages; undefined: not known yet. */
    readonly usualFiles: number | undefined;
    readonly usualPerClient: number | undefined;
  },
): Evidence {
  let suspicion = 0;
  const signs: string[] = [];
  const sign = (name: string, weight: number): void => {
    if (weight === 0) return;
    signs.push(name);
    suspicion += weight;
  };
  const hasReference = known.size >= REFERENCE_MIN;

  const unseen = (feature: (typeof UNSEEN_FEATURES)[number]): number =>
    shareOf(members, ({ values }) => {
      const id = texts.find(values[FEATURES.indexOf(feature)] ?? "");
      return id < 0 || !known.of.get(feature)!.has(id);
    });
  const unseenShape = hasReference ? Math.max(unseen("headers"), unseen("accept"), unseen("tls")) : 0;
  if (unseenShape > 0.8) sign("unseen-shape", known.unseenMass < 0.1 ? 2 : 1);
  else if (hasReference && unseen("userAgent") > 0.8) sign("unseen-agent", 1);
  if (hasReference && unseen("queryShape") > 0.8) sign("unseen-query", 1);

  const shapes = shapesOf(members);
  const top = shapes.top;
  const topKnown = known.joint.get(shapeKey(top.values, texts)) ?? 0;
  if (shapes.units >= 12 && top.share >= 0.8 && topKnown < 0.6) {
    sign("one-shape", top.share >= 0.93 && shapes.units >= 20 ? 2.5 : 2);
  } else if (hasReference && shapes.kinds >= 4 && top.share < 0.75 && shapes.knownShare(known, texts) > 0.6) {
    sign("known-shapes", -2);
  }

  const likeIt = window.filter(({ values }) => matches(where, values));
  const files = filesOf(likeIt, { window, nowMs });
  const fetchesFiles = files.seen >= 30 && files.share >= Math.max(0.1, 0.5 * (usualFiles ?? 0.3));
  if (fetchesFiles) sign("fetches-files", -3);
  else if (
    usualFiles !== undefined &&
    usualFiles >= 0.15 &&
    files.seen >= 40 &&
    files.share < 0.3 * usualFiles
  ) {
    sign("fetches-no-files", 2);
  } else if (usualFiles === undefined && files.seen >= 150 && files.share === 0) sign("fetches-no-files", 1);

  const clients = clientsOf(members);
  const pages = perSecond * shareOf(members, ({ isAsset }) => !isAsset);
  const perClient = pages / Math.max(1, clients);
  // One page each within a short span is no haste.
  if (
    members.length >= 30 &&
    perClient * seconds >= 2 &&
    perClient > Math.max(3, 4 * (usualPerClient ?? 0.75))
  ) {
    sign("without-pause", perClient > Math.max(8, 8 * (usualPerClient ?? 1)) ? 3 : 2);
  }
  if (shareOf(members, ({ values }) => !/^(GET|HEAD)$/.test(values[0] ?? "")) > 0.8 && perSecond > 20) {
    sign("only-posts", 1.5);
  }
  const isSettled = shareOf(likeIt, ({ atMs }) => nowMs - atMs >= SETTLED_MS) >= 0.2;
  return { suspicion, signs, clients, isSettled, fetchesFiles };
}

function shareOf(samples: readonly FloodSample[], is: (sample: FloodSample) => boolean): number {
  let found = 0;
  for (const sample of samples) if (is(sample)) found += 1;
  return samples.length === 0 ? 0 : found / samples.length;
}

function shapeKey(values: readonly string[], texts: Texts): string {
  let key = "";
  for (const feature of SHAPE_FEATURES) key += `${texts.find(values[FEATURES.indexOf(feature)] ?? "")} `;
  return key;
}

/** Client shapes, each address counted once for each it shows: behind one address a whole campus may sit. */
function shapesOf(members: readonly FloodSample[]): {
  readonly units: number;
  readonly kinds: number;
  readonly top: { readonly values: readonly string[]; readonly share: number };
  readonly knownShare: (known: KnownShapes, texts: Texts) => number;
} {
  const units = new Set<string>();
  const kinds = new Map<string, { values: readonly string[]; count: number }>();
  for (const { values } of members) {
    const shape = shapeOf(values);
    const unit = `${values[ADDRESS_INDEX] ?? ""} ${shape}`;
    if (units.has(unit)) continue;
    units.add(unit);
    const kind = kinds.get(shape);
    if (kind === undefined) kinds.set(shape, { values, count: 1 });
    else kind.count += 1;
  }
  let top: { values: readonly string[]; count: number } = { values: [], count: 0 };
  for (const kind of kinds.values()) if (kind.count > top.count) top = kind;
  return {
    units: units.size,
    kinds: kinds.size,
    top: { values: top.values, share: top.count / Math.max(1, units.size) },
    knownShare: (known, texts) => {
      let count = 0;
      for (const kind of kinds.values())
        if (known.joint.has(shapeKey(kind.values, texts))) count += kind.count;
      return count / Math.max(1, units.size);
    },
  };
}

/** Of what the senders of `members` asked for in the window, once they had time to: how many files beside pages. */
function filesOf(
  members: readonly FloodSample[],
  { window, nowMs }: { readonly window: readonly FloodSample[]; readonly nowMs: number },
): { readonly seen: number; readonly share: number } {
  const senders = new Map<string, number>();
  for (const { values } of members) senders.set(values[ADDRESS_INDEX] ?? "", Infinity);
  for (const { values, atMs } of window) {
    const address = values[ADDRESS_INDEX] ?? "";
    const first = senders.get(address);
    if (first !== undefined && atMs < first) senders.set(address, atMs);
  }
  let seen = 0;
  let weight = 0;
  let files = 0;
  for (const sample of window) {
    const first = senders.get(sample.values[ADDRESS_INDEX] ?? "");
    if (first === undefined || nowMs - first < FILES_AFTER_MS) continue;
    seen += 1;
    weight += sample.weight;
    if (sample.isAsset) files += sample.weight;
  }
  return { seen, share: weight === 0 ? 0 : files / weight };
}

/** How many clients `members` come from, seen or not. */
function clientsOf(members: readonly FloodSample[]): number {
  const addresses = new Set<string>();
  for (const { values } of members) addresses.add(values[ADDRESS_INDEX] ?? "");
  return estimatedClients(members.length, addresses.size);
}

/** Of N equally busy clients, n samples show N (1 - exp(-n / N)): the N that fits. */
export function estimatedClients(samples: number, seen: number): number {
  if (seen >= samples) return samples * Math.max(samples, 1);
  let low = seen;
  let high = samples * samples;
  for (let i = 0; i < 40; i++) {
    const middle = (low + high) / 2;
    if (middle * (1 - Math.exp(-samples / middle)) < seen) low = middle;
    else high = middle;
  }
  return low;
}
