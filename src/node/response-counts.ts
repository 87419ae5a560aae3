/**
 * What the answers of each second said, site by site, read from the access log as nginx writes it: the request path counts requests, and pays nothing for
 * what only the end of a request knows. A look reads a bounded piece; where more was written, the newest part stands for all of it. A second is handed
 * over once nginx has surely written it out. Lines cut by a look are read whole by the next; one that is none of ours counts for nothing.
 */
import { open, type FileHandle } from "node:fs/promises";
import type { ResponseCounts } from "../contract/flood.ts";
import { ID_PATTERN, type SiteId } from "../contract/ids.ts";

/** A look reads no more than this. */
export const LOOK_BYTES_MAX = 2 * 1024 * 1024;
/** nginx writes lines out after a second at the latest (`flush=1s`), and timers are late when it is busy. */
const SETTLED_SECONDS = 2;
/** Sites of one second, and values from which a percentile is taken. */
const SITES_MAX = 2000;
const VALUES_MAX = 200;
const LINE_BYTES_MAX = 64 * 1024;
/** What one line may say at most; more is no number of nginx. */
const SENT_BYTES_MAX = 2 ** 50;
const SECONDS_MAX = 1_000_000;

type Counted = {
  answers: number;
  originAnswers: number;
  originErrors: number;
  originSecondsSum: number;
  sentBytes: number;
  cacheHits: number;
  seconds: number[];
};

export class ResponseCounter {
  readonly #path: string;
  readonly #bytesMax: number;
  #file: FileHandle | null = null;
  /** Up to where the log was read; negative before the first look, which begins at the end. */
  #at = -1;
  #half = "";
  readonly #seconds = new Map<number, Map<SiteId, Counted>>();
  #looking = false;

  /** `bytesMax`: instead of LOOK_BYTES_MAX. */
  constructor(path: string, options: { readonly bytesMax?: number } = {}) {
    this.#path = path;
    this.#bytesMax = options.bytesMax ?? LOOK_BYTES_MAX;
  }

  /** Reads what was written since the last look. A log that is not there, or cannot be read now, is read later. */
  async look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    try {
      this.#file ??= await open(this.#path, "r");
      const { size } = await this.#file.stat();
      if (this.#at < 0) this.#at = size;
      // Cut to nothing by the rotation, which copies it first and keeps the file.
      if (size < this.#at) this.#restartAt(0);
      const unread = size - this.#at;
      if (unread <= 0) return;
      const bytes = Math.min(unread, this.#bytesMax);
      if (bytes < unread) this.#restartAt(size - bytes);
      const buffer = Buffer.allocUnsafe(bytes);
      const { bytesRead } = await this.#file.read(buffer, 0, bytes, this.#at);
      this.#at += bytesRead;
      this.#count(buffer.toString("utf8", 0, bytesRead), unread / bytes);
    } catch (error) {
      if ((error as { code?: string }).code !== "ENOENT") await this.close();
    } finally {
      this.#looking = false;
    }
  }

  /** The seconds that are over, each once. */
  take(nowMs: number): ResponseCounts[] {
    const taken: ResponseCounts[] = [];
    const settled = Math.floor(nowMs / 1000) - SETTLED_SECONDS;
    for (const [second, sites] of this.#seconds) {
      if (second > settled) continue;
      this.#seconds.delete(second);
      for (const [siteId, counted] of sites) taken.push(handOver(siteId, second, counted));
    }
    return taken;
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = null;
    await file?.close().catch(() => undefined);
  }

  #restartAt(at: number): void {
    this.#at = at;
    this.#half = "";
  }

  /** `weight`: how many bytes of the log each byte stands for. */
  #count(text: string, weight: number): void {
    const lines = (this.#half + text).split("\n");
    const last = lines.pop() ?? "";
    this.#half = last.length > LINE_BYTES_MAX ? "" : last;
    for (const line of lines) this.#countLine(line, weight);
  }

  #countLine(line: string, weight: number): void {
    // What the edge answered itself says nothing of the origin; almost all lines of a flood that is stopped are such.
    if (!line.includes('"verdict":"pass"')) return;
    let said: Record<string, unknown>;
    try {
      said = JSON.parse(line) as Record<string, unknown>;
    } catch {
      return;
    }
    const second = Math.floor(Date.parse(String(said["at"])) / 1000);
    // Under its preview name a site is logged with a slash behind its id.
    const siteId = String(said["site"]).replace(/\/$/, "") as SiteId;
    if (!Number.isFinite(second) || !siteId.startsWith("site_") || !ID_PATTERN.test(siteId)) return;
    const sites = this.#seconds.get(second) ?? new Map<SiteId, Counted>();
    this.#seconds.set(second, sites);
    const counted = sites.get(siteId) ?? nothing();
    if (!sites.has(siteId)) {
      if (sites.size >= SITES_MAX) return;
      sites.set(siteId, counted);
    }
    add(counted, said, weight);
  }
}

function nothing(): Counted {
  return {
    answers: 0,
    originAnswers: 0,
    originErrors: 0,
    originSecondsSum: 0,
    sentBytes: 0,
    cacheHits: 0,
    seconds: [],
  };
}

function add(counted: Counted, said: Record<string, unknown>, weight: number): void {
  counted.answers += weight;
  counted.sentBytes += numberOf(said["sentBytes"], SENT_BYTES_MAX) * weight;
  if (said["cache"] === "HIT" || said["cache"] === "STALE" || said["cache"] === "UPDATING") {
    counted.cacheHits += weight;
    return;
  }
  // Of several attempts the last one is what the visitor got; each took the origin's time.
  const status = Number(lastOf(said["originStatus"]));
  if (!(status > 0)) return;
  counted.originAnswers += weight;
  if (status >= 500) counted.originErrors += weight;
  const seconds = sumOf(said["originSeconds"]);
  counted.originSecondsSum += seconds * weight;
  if (counted.seconds.length < VALUES_MAX) counted.seconds.push(seconds);
  else {
    // Each answer has the same chance to stay: the place is drawn by the count, which is as good as chance here.
    const at = (counted.originAnswers * 2_654_435_761) % 4_294_967_296;
    const place = Math.floor((at / 4_294_967_296) * counted.originAnswers);
    if (place < VALUES_MAX) counted.seconds[place] = seconds;
  }
}

function handOver(siteId: SiteId, second: number, counted: Counted): ResponseCounts {
  const sorted = counted.seconds.toSorted((a, b) => a - b);
  const p95 = sorted[Math.max(0, Math.ceil(sorted.length * 0.95) - 1)] ?? 0;
  const { seconds: _, originSecondsSum, ...rest } = counted;
  const whole = Object.fromEntries(
    Object.entries(rest).map(([name, value]) => [name, Math.round(value)]),
  ) as Pick<ResponseCounts, "answers" | "originAnswers" | "originErrors" | "sentBytes" | "cacheHits">;
  return { siteId, second, ...whole, originSecondsSum, originSecondsP95: p95 };
}

/** nginx writes attempts as "502, 200" and "0.100 : 0.200" (ngx_http_upstream_module). */
function lastOf(text: unknown): string {
  return (
    String(text)
      .split(/[,:] ?/)
      .at(-1) ?? ""
  );
}

function sumOf(text: unknown): number {
  let sum = 0;
  for (const part of String(text).split(/[,:] ?/)) sum += numberOf(part, SECONDS_MAX);
  return sum;
}

/** 0 for what is none, or cannot be one. */
function numberOf(value: unknown, max: number): number {
  const number = Number(value);
  return number > 0 && number <= max ? number : 0;
}
