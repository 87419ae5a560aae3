/**
 * The good visitors, a process of its own. Each is a person with a browser: opens a page, fetches its files beside it over a few connections, keeps cookies, asks again with
 * the validators it was given, follows redirects and a page that renews itself, proves what a challenge asks (a worker thread does the
 * arithmetic, at the pace of a browser), reads for a while, goes on, and leaves. Some come back, some share one address as in a school.
 * What a person would see is what is recorded.
 */
import { requestOf, someVoice, type Voice, type Wish } from "./flood-browsers.ts";
import { CHALLENGE_PATH } from "../src/contract/protection.ts";
import { challengeIn, proofOf } from "./flood-challenge.ts";
import { VISIT_MS_MAX, type Visit } from "./flood-figures.ts";
import { oneOf, seededRandom, whole, type Random } from "./flood-random.ts";
import { fileBytes, filesOf, LINKED_PATH, LOGIN_PATH, pageEnd, somePage } from "./flood-site.ts";
import { fieldOf, fieldsOf, Wire, type Answer } from "./flood-wire.ts";

export type GoodAsk =
  | {
      readonly ask: "begin";
      readonly port: number;
      readonly host: string;
      readonly seed: number;
      /** Persons at a time. */
      readonly seats: number;
      readonly addresses: readonly string[];
    }
  /** Everybody follows a link: so many a second to begin with, fewer and fewer over `seconds`. */
  | {
      readonly ask: "link";
      readonly visitsPerSecond: number;
      readonly seconds: number;
      readonly addresses: readonly string[];
    }
  | { readonly ask: "end" };
export type GoodReport = {
  readonly visits: readonly Visit[];
  readonly cpuMicros: number;
  readonly solved: number;
};

const CONNECTIONS = 4;
const HOPS_MAX = 6;
/** A school's worth of people behind one address. */
const SHARED_EVERY = 8;

const now = (): number => performance.timeOrigin + performance.now();
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

type Kept = { readonly etag: string; readonly freshUntilMs: number };
type Seen = { challenged: boolean; refusedWith: number[] };
type Place = { readonly port: number; readonly host: string };

class Person {
  readonly address: string;
  readonly voice: Voice;
  readonly #place: Place;
  readonly #cookies = new Map<string, string>();
  readonly #kept = new Map<string, Kept>();
  #wires: Wire[] = [];
  solved = 0;

  constructor(address: string, options: { readonly voice: Voice; readonly place: Place }) {
    this.address = address;
    this.voice = options.voice;
    this.#place = options.place;
  }

  /** Opens a page and all that belongs to it. */
  async visit(
    target: string,
    options: { readonly referrer: string; readonly isGuest: boolean },
  ): Promise<Visit> {
    const atMs = now();
    const seen: Seen = { challenged: false, refusedWith: [] };
    const failed = await this.#open(target, { ...options, seen, deadlineMs: atMs + VISIT_MS_MAX });
    return { atMs, ms: now() - atMs, failed, ...seen, isGuest: options.isGuest };
  }

  async #open(
    target: string,
    options: { readonly referrer: string; readonly seen: Seen; readonly deadlineMs: number },
  ): Promise<string | null> {
    const arrived = await this.#navigate({ kind: "page", target, referrer: options.referrer }, options);
    if (typeof arrived === "string") return arrived;
    const page = `http://${this.#place.host}${target}`;
    const missing = filesOf(pathOf(target)).filter(
      (file) => (this.#kept.get(file)?.freshUntilMs ?? 0) < now(),
    );
    const results = await Promise.all(missing.map((file) => this.#file(file, { page, ...options })));
    return results.find((result) => result !== null) ?? null;
  }

  /** Until the page is there, or the person sees something else. */
  async #navigate(
    first: Pick<Wish, "kind" | "target" | "referrer" | "body">,
    { seen, deadlineMs }: { readonly seen: Seen; readonly deadlineMs: number },
  ): Promise<{ readonly target: string } | string> {
    let wish = first;
    for (let hop = 0; hop < HOPS_MAX; hop++) {
      const answer = await this.#ask(wish, deadlineMs);
      if (answer instanceof Error) return answer.message;
      const { status } = answer;
      if (status === 200 && isWholePage(answer, wish.target)) return { target: wish.target };
      if (status === 304 && this.#kept.has(wish.target)) return { target: wish.target };
      if (status === 302 || status === 303 || status === 307) {
        wish = {
          kind: "page",
          target: localTarget(fieldOf(answer, "location") ?? "/"),
          referrer: wish.referrer,
        };
        continue;
      }
      const challenge = challengeIn(answer);
      if (challenge !== null) {
        seen.challenged = true;
        const failed = await this.#clear(challenge, { target: wish.target, deadlineMs });
        if (failed !== null) return failed;
        continue;
      }
      if (status !== 200) seen.refusedWith.push(status);
      const renewMs = renewsAfterMs(answer);
      if (renewMs === null || now() + renewMs > deadlineMs)
        return status === 200 ? "cut off" : String(status);
      await pause(renewMs);
    }
    return "sent in circles";
  }

  /** What the challenge's page does: proves, brings the proof, asks whether the clearance came along. Null: it did. */
  async #clear(
    challenge: string,
    { target, deadlineMs }: { readonly target: string; readonly deadlineMs: number },
  ): Promise<string | null> {
    const nonce = await proofOf(challenge, deadlineMs);
    if (nonce === null) return "the proof took too long";
    const wish = {
      kind: "fetch" as const,
      target: CHALLENGE_PATH,
      referrer: `http://${this.#place.host}${target}`,
      accept: "application/json",
    };
    for (const body of [`token=${encodeURIComponent(challenge)}&nonce=${nonce}`, "check=1"]) {
      const answer = await this.#ask({ ...wish, body }, deadlineMs);
      if (answer instanceof Error) return `challenge: ${answer.message}`;
      if (answer.status !== 204) return `challenge: ${answer.status}`;
    }
    this.solved += 1;
    return null;
  }

  async #file(
    target: string,
    { page, seen, deadlineMs }: { readonly page: string; readonly seen: Seen; readonly deadlineMs: number },
  ): Promise<string | null> {
    const answer = await this.#ask({ kind: kindOf(target), target, referrer: page }, deadlineMs);
    if (answer instanceof Error) return `file: ${answer.message}`;
    if (answer.status === 304) return null;
    if (answer.status === 200 && answer.body.length === fileBytes(target)) return null;
    if (answer.status !== 200) seen.refusedWith.push(answer.status);
    return `file: ${answer.status}`;
  }

  async login(random: Random): Promise<Visit> {
    const atMs = now();
    const seen: Seen = { challenged: false, refusedWith: [] };
    const target = LOGIN_PATH;
    const body = `name=person${whole(random, [1, 9999])}%40mail.example&password=${whole(random, [1e8, 1e9])}`;
    const referrer = `http://${this.#place.host}${LOGIN_PATH}`;
    const arrived = await this.#navigate(
      { kind: "form", target, referrer, body },
      { seen, deadlineMs: atMs + VISIT_MS_MAX },
    );
    return {
      atMs,
      ms: now() - atMs,
      failed: typeof arrived === "string" ? arrived : null,
      ...seen,
      isGuest: false,
    };
  }

  /** A browser tries once more when a kept connection turns out to be closed. */
  async #ask(
    wish: Pick<Wish, "kind" | "target" | "referrer" | "body" | "accept">,
    deadlineMs: number,
  ): Promise<Answer | Error> {
    const request = requestOf(this.voice, {
      host: this.#place.host,
      cookie: [...this.#cookies].map(([name, value]) => `${name}=${value}`).join("; "),
      etag: this.#kept.get(wish.target)?.etag ?? "",
      ...wish,
    });
    for (;;) {
      let wire = this.#freeWire();
      while (wire === null) {
        if (now() > deadlineMs) return new Error("timeout");
        await pause(3);
        wire = this.#freeWire();
      }
      const taken = wire;
      const isKept = taken.requests > 0;
      // Nobody waits longer, however little is still missing.
      const late = setTimeout(() => taken.close(), Math.max(0, deadlineMs - now()));
      const answer = await new Promise<Answer | Error>((done) => {
        taken.send(request, { keepBody: true, done });
      });
      clearTimeout(late);
      if (answer instanceof Error && now() >= deadlineMs) return new Error("timeout");
      if (answer instanceof Error && isKept && answer.message !== "timeout") continue;
      if (!(answer instanceof Error)) this.#keep(wish.target, answer);
      return answer;
    }
  }

  #freeWire(): Wire | null {
    this.#wires = this.#wires.filter(({ isOpen }) => isOpen);
    const free = this.#wires.find(({ isBusy }) => !isBusy);
    if (free !== undefined) return free;
    if (this.#wires.length >= CONNECTIONS) return null;
    const wire = new Wire({ port: this.#place.port, address: this.address, timeoutMs: VISIT_MS_MAX });
    this.#wires.push(wire);
    return wire;
  }

  #keep(target: string, answer: Answer): void {
    for (const line of fieldsOf(answer, "set-cookie")) {
      const [, name = "", value = ""] = /^([^=;]+)=([^;]*)/.exec(line) ?? [];
      if (/;\s*max-age=0(?:;|$)/i.test(line)) this.#cookies.delete(name);
      else this.#cookies.set(name, value);
    }
    const etag = fieldOf(answer, "etag");
    const age = /max-age=(\d+)/.exec(fieldOf(answer, "cache-control") ?? "")?.[1];
    if (etag !== undefined && (answer.status === 200 || answer.status === 304)) {
      this.#kept.set(target, { etag, freshUntilMs: age === undefined ? 0 : now() + Number(age) * 1000 });
    }
  }

  leave(): void {
    for (const wire of this.#wires) wire.close();
    this.#wires = [];
  }
}

const pathOf = (target: string): string => target.split("?", 1)[0] ?? target;
const isWholePage = (answer: Answer, target: string): boolean =>
  answer.body.toString().endsWith(pageEnd(pathOf(target)));

function localTarget(location: string): string {
  return /^https?:\/\/[^/]+(\/.*)?$/.exec(location)?.[1] ?? location;
}

/** A page that asks the browser to come back by itself. */
function renewsAfterMs(answer: Answer): number | null {
  const text =
    fieldOf(answer, "refresh") ??
    /<meta http-equiv="refresh" content="(\d+)/i.exec(answer.body.toString())?.[1];
  return text === undefined ? null : Number.parseInt(text, 10) * 1000;
}

function kindOf(file: string): Wish["kind"] {
  if (file.endsWith(".css")) return "style";
  if (file.endsWith(".js")) return "script";
  return file.endsWith(".woff2") ? "font" : "image";
}

class Crowd {
  readonly #ask: Extract<GoodAsk, { ask: "begin" }>;
  readonly #random: Random;
  readonly visits: Visit[] = [];
  readonly #rested: Person[] = [];
  #came = 0;
  /** Visits that have begun and have not ended. */
  #open = 0;
  solved = 0;
  isOver = false;

  constructor(ask: Extract<GoodAsk, { ask: "begin" }>) {
    this.#ask = ask;
    this.#random = seededRandom(ask.seed, "good");
    for (let i = 0; i < ask.seats; i++) void this.#seat();
  }

  async #seat(): Promise<void> {
    await pause(this.#random() * 2500);
    while (!this.isOver) {
      const person = this.#someone();
      await this.#stay(person);
      person.leave();
      this.#rested.push(person);
    }
  }

  /** Most who come have been here before. */
  #someone(): Person {
    if (this.#rested.length > 10 && this.#random() < 0.6) {
      const [person] = this.#rested.splice(Math.floor(this.#random() * this.#rested.length), 1);
      if (person !== undefined) return person;
    }
    this.#came += 1;
    const { addresses } = this.#ask;
    const at = this.#came % SHARED_EVERY === 0 ? 0 : this.#came % addresses.length;
    return this.#person(addresses[at] ?? "");
  }

  #person(address: string): Person {
    return new Person(address, { voice: someVoice(this.#random), place: this.#ask });
  }

  async #stay(person: Person): Promise<void> {
    let referrer =
      this.#random() < 0.5 ? "" : oneOf(this.#random, ["https://www.google.com/", "https://news.example/"]);
    for (let pages = whole(this.#random, [2, 9]); pages > 0 && !this.isOver; pages--) {
      const target = somePage(this.#random);
      const isLogin = this.#random() < 0.02;
      await this.#record(person, () =>
        isLogin ? person.login(this.#random) : person.visit(target, { referrer, isGuest: false }),
      );
      referrer = `http://${this.#ask.host}${target}`;
      await pause(800 + 3600 * this.#random() ** 1.5);
    }
  }

  async #record(person: Person, visit: () => Promise<Visit>): Promise<void> {
    this.#open += 1;
    this.visits.push(await visit());
    this.#open -= 1;
    this.solved += person.solved;
    person.solved = 0;
  }

  /** Nobody goes on, and everybody who waits for a page is waited for: a stall is part of what they saw. */
  async end(): Promise<void> {
    this.isOver = true;
    const deadlineMs = now() + VISIT_MS_MAX + 2000;
    while (this.#open > 0) {
      if (now() > deadlineMs) throw new Error("A visit does not end.");
      await pause(20);
    }
  }

  /** Strangers who follow a link, read, and now and then one thing more. */
  follow(ask: Extract<GoodAsk, { ask: "link" }>): void {
    const startedMs = now();
    let came = 0;
    let due = 0;
    let lastMs = startedMs;
    const timer = setInterval(() => {
      const atMs = now();
      const seconds = (atMs - startedMs) / 1000;
      // It takes two seconds until the word is out; then it fades.
      const rate =
        ask.visitsPerSecond *
        Math.min(1, seconds / 2) *
        Math.exp(-Math.max(0, seconds - 8) / (ask.seconds / 2));
      due += (rate * (atMs - lastMs)) / 1000;
      lastMs = atMs;
      if (seconds > ask.seconds || this.isOver) clearInterval(timer);
      for (; due >= 1; due--) void this.#guest(ask.addresses[came++ % ask.addresses.length] ?? "");
    }, 20);
  }

  async #guest(address: string): Promise<void> {
    const person = this.#person(address);
    const referrer = oneOf(this.#random, ["https://news.example/item?id=41", "", "https://social.example/"]);
    await this.#record(person, () => person.visit(LINKED_PATH, { referrer, isGuest: true }));
    if (this.#random() < 0.3) {
      await pause(1500 + 3000 * this.#random());
      const from = `http://${this.#ask.host}${LINKED_PATH}`;
      await this.#record(person, () =>
        person.visit(somePage(this.#random), { referrer: from, isGuest: true }),
      );
    }
    await pause(3000);
    person.leave();
  }
}

let crowd: Crowd | undefined;
process.on("message", (message: GoodAsk) => {
  if (message.ask === "begin") {
    crowd = new Crowd(message);
    process.send?.({ begun: true });
  } else if (message.ask === "link") crowd?.follow(message);
  else if (crowd !== undefined) void end(crowd);
});
process.on("disconnect", () => process.exit(0));

async function end(crowd: Crowd): Promise<void> {
  await crowd.end();
  const { user, system } = process.cpuUsage();
  const report: GoodReport = { visits: crowd.visits, cpuMicros: user + system, solved: crowd.solved };
  process.send?.({ report });
}
