/**
 * Who is kept out by this node: the bans that the control plane publishes, and the node's own. Held in memory and on disk, so that they outlive nginx, this
 * process and a dead control plane (design law 9); fed to nginx, and all of them again when nginx was started anew. Two records about the same client
 * on the same site keep it out until the later one ends; lifting one leaves the other. At most BANS_MAX are in force: of the node's own those that end first make room.
 */
import {
  BAN_LENGTHS_MAX,
  BAN_SECONDS_MAX,
  BANS_AT_ONCE_MAX,
  type BanRecord,
  type EdgeBan,
} from "../contract/ban.ts";
import { Fault } from "../contract/fault.ts";
import type { NodeId, SiteId } from "../contract/ids.ts";
import { nodeBanTopic } from "../contract/topics.ts";
import { BanFile } from "./ban-file.ts";
import { hexOf, lengthOf, nameOf, readBanRecord, targetOf, type BanTarget } from "./ban-record.ts";
import { readBans, type Ban } from "./bans.ts";

export const BANS_MAX = 50_000;
/** Makes room for more than one, so that not every ban over the bound sorts all of them. */
const ROOM = 1000;
const RETRY_MS = 100;
const SWEEP_MS = 10_000;
/** Bans that outlast what nginx takes at once are told to it again this long before they would end there. */
const RENEW_MS = 24 * 3600 * 1000;
/** The node's own are published again this often, as many at once: who was away did not hear. */
const REPEAT_MS = 5 * 60_000;
const REPEAT_MAX = 1000;
const OWN_REASON = "It kept asking after it was refused.";

export type BanBookOptions = {
  readonly nodeId: NodeId;
  readonly stateDir: string;
  readonly now: () => number;
  readonly newBanId: () => string;
  /** Into nginx; resolves with the places in the list of those that it has no room for. Rejects while nginx is away. */
  readonly feed: (bans: readonly EdgeBan[]) => Promise<readonly number[]>;
  readonly publish: (topic: string, value: unknown) => Promise<void>;
  readonly alarm: (code: string, what: string) => void;
  /** Whoever else keeps clients out, the kernel for one: hears of each ban as it comes into force, and as it is lifted or over. */
  readonly onBan?: (record: BanRecord) => void;
  readonly onLift?: (record: BanRecord) => void;
  readonly bansMax?: number;
};

type Held = { record: BanRecord; readonly target: BanTarget; readonly name: string };

export class BanBook {
  readonly #options: BanBookOptions;
  readonly #file: BanFile;
  readonly #max: number;
  readonly #held = new Map<string, Held>();
  /** By what they keep out. */
  readonly #byName = new Map<string, Set<Held>>();
  /** How many bans there are of each prefix length. */
  readonly #lengths = new Map<string, number>();
  /** Names that nginx has to be told about. */
  readonly #pending = new Map<string, { readonly siteId: SiteId | null; readonly target: BanTarget }>();
  /** Until when nginx knows a name, in milliseconds. */
  readonly #fedUntil = new Map<string, number>();
  #feeding: Promise<void> | null = null;
  #saving: Promise<void> | null = null;
  #unsaved = false;
  #closed = false;
  #sweptAtMs = 0;
  #repeatedAtMs = 0;
  #refusals = 0;
  #toldFull = false;

  constructor(options: BanBookOptions) {
    this.#options = options;
    this.#max = options.bansMax ?? BANS_MAX;
    this.#file = new BanFile(options.stateDir);
  }

  /** How many are in force. */
  get size(): number {
    return this.#held.size;
  }

  /** From disk, before nginx starts. What cannot be read is told and left out: an edge starts all the same. */
  load(): void {
    try {
      const { records, broken } = this.#file.load();
      for (const record of records) this.#take(record);
      this.#makeRoom();
      if (broken > 0) {
        this.#options.alarm(
          "edge.bans-damaged",
          `${broken} lines of ${this.#file.path} are damaged and were left out: the clients they banned are let in again`,
        );
      }
    } catch (error) {
      this.#options.alarm(
        "edge.bans-damaged",
        `${this.#file.path} cannot be read (${wordsOf(error)}): bans of before are not in force on this node. See to the file's rights, or remove it`,
      );
    }
  }

  /** A record of the control plane's. */
  receive(value: unknown): void {
    const parsed = readBanRecord(value);
    if (!parsed.ok) return this.#refuse(`A ban was not taken, as ${parsed.why}`);
    const record = parsed.value;
    if (record.nodeId !== null && record.nodeId !== this.#options.nodeId) return;
    const why = this.#whyTooMany(record);
    if (why !== null) return this.#refuse(why);
    if (this.#take(record)) {
      this.#save([record]);
      this.#makeRoom();
    }
    void this.flush();
  }

  /** The node's own. Resolves when nginx has them; throws a Fault for what cannot be kept. */
  async ban(bans: readonly Ban[]): Promise<void> {
    const changed: BanRecord[] = [];
    const names = new Set<string>();
    for (const { ban, kind, target } of readBans(bans)) {
      const { siteId, seconds, address } = ban;
      const name = nameOf(siteId, target);
      names.add(name);
      if (seconds === 0) {
        changed.push(...this.#lift(name));
        // nginx may know one that this book does not: it is told in any case.
        this.#pending.set(name, { siteId, target });
        continue;
      }
      const nowMs = this.#options.now();
      const own = this.#ownOf(name);
      const record: BanRecord = {
        schema: 1,
        banId: own?.banId ?? this.#options.newBanId(),
        siteId,
        kind,
        value: address,
        reason: ban.reason ?? OWN_REASON,
        by: "watch",
        nodeId: this.#options.nodeId,
        createdAtMs: own?.createdAtMs ?? nowMs,
        endsAtMs: Math.round(nowMs + seconds * 1000),
        liftedAtMs: null,
      };
      const why = this.#whyTooMany(record);
      if (why !== null) throw new Fault("limit.full", why);
      this.#take(record);
      changed.push(record);
    }
    this.#save(changed);
    this.#makeRoom();
    for (const record of changed) void this.#publishOwn(record);
    await this.flush();
    const missing = [...names].filter((name) => this.#byName.has(name) && !this.#fedUntil.has(name));
    if (missing.length > 0) {
      throw new Fault(
        "limit.full",
        `Only ${bans.length - missing.length} of ${bans.length} bans fit nginx's memory: ban networks, or fewer`,
      );
    }
  }

  /** All bans that keep this address out somewhere, the latest to end first. `geo`: what is known of it, to find bans of its system and country. */
  search(
    address: string,
    geo: { readonly asn?: number; readonly country?: string } = {},
  ): readonly BanRecord[] {
    const target = targetOf("address", address);
    if (!target.ok) return [];
    const hex = hexOf(address);
    const found: BanRecord[] = [];
    for (const { record, target: held } of this.#held.values()) {
      if (this.#isOver(record)) continue;
      if (held.asn !== undefined ? held.asn === geo.asn : held.country !== undefined) {
        if (held.asn !== undefined || held.country === geo.country) found.push(record);
      } else if (held.addressHex.length === hex.length && isWithin(hex, held)) found.push(record);
    }
    return found.sort((a, b) => b.endsAtMs - a.endsAtMs);
  }

  /** nginx was started and knows none: it gets all of them. */
  async feedAll(): Promise<void> {
    this.#fedUntil.clear();
    for (const { record, target, name } of this.#held.values()) {
      this.#pending.set(name, { siteId: record.siteId, target });
    }
    await this.flush();
  }

  /** Tells the control plane of all that are in force: at start, and now and then. */
  async sayOwn(): Promise<void> {
    this.#repeatedAtMs = this.#options.now();
    let left = REPEAT_MAX;
    for (const { record } of this.#held.values()) {
      if (record.nodeId !== this.#options.nodeId || this.#isOver(record)) continue;
      if (left === 0) return;
      left -= 1;
      await this.#publishOwn(record);
    }
  }

  /** Called every few seconds: sweeps what is over, and tries again what did not work. */
  async tick(): Promise<void> {
    const nowMs = this.#options.now();
    if (nowMs - this.#sweptAtMs >= SWEEP_MS) {
      this.#sweptAtMs = nowMs;
      this.#sweep(nowMs);
    }
    if (nowMs - this.#repeatedAtMs >= REPEAT_MS) await this.sayOwn();
    await this.flush();
    await this.#writeAnewIfLong();
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#feeding;
    await this.#saving;
  }

  /** Resolves when nginx has all that is pending, also when it was away meanwhile. */
  flush(): Promise<void> {
    this.#feeding ??= this.#feedPending().finally(() => {
      this.#feeding = null;
    });
    return this.#feeding;
  }

  async #feedPending(): Promise<void> {
    while (this.#pending.size > 0 && !this.#closed) {
      const batch = [...this.#pending].slice(0, BANS_AT_ONCE_MAX);
      const nowMs = this.#options.now();
      const edge = batch.map(([name, { siteId, target }]) => {
        const seconds = Math.min(BAN_SECONDS_MAX, Math.max(0, (this.#endOf(name) - nowMs) / 1000));
        const isLast =
          seconds === 0 && target.bits !== undefined && !this.#lengths.has(lengthOf(siteId, target));
        return { siteId, ...target, seconds, ...(isLast ? { isLast } : {}) };
      });
      for (const [name] of batch) this.#pending.delete(name);
      try {
        const refused = new Set(await this.#options.feed(edge));
        for (const [i, [name]] of batch.entries()) {
          const seconds = edge[i]?.seconds ?? 0;
          if (seconds > 0 && !refused.has(i)) this.#fedUntil.set(name, nowMs + seconds * 1000);
          else this.#fedUntil.delete(name);
        }
        this.#tellFull(refused.size);
      } catch {
        // nginx is away, or is just being started: what waits is told to it then.
        for (const [name, what] of batch) if (!this.#pending.has(name)) this.#pending.set(name, what);
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }

  /** What has no room is told to nginx again with each sweep, and to people once. */
  #tellFull(missing: number): void {
    if (missing === 0 || this.#toldFull) return;
    this.#toldFull = true;
    this.#options.alarm(
      "edge.bans-full",
      `${missing} bans do not fit nginx's memory and are not in force on this node: ban networks instead of addresses, or lift some`,
    );
  }

  /** True when it changed what is in force. */
  #take(record: BanRecord): boolean {
    const before = this.#held.get(record.banId);
    if (this.#isOver(record)) {
      if (before !== undefined) this.#drop(before, record);
      return before !== undefined;
    }
    const target = targetOf(record.kind, record.value);
    if (!target.ok) return false;
    const name = nameOf(record.siteId, target.value);
    if (before !== undefined && before.name !== name) this.#drop(before, before.record);
    const held = this.#held.get(record.banId);
    if (held !== undefined) held.record = record;
    else this.#hold({ record, target: target.value, name });
    this.#pending.set(name, { siteId: record.siteId, target: target.value });
    this.#options.onBan?.(record);
    return true;
  }

  #hold(held: Held): void {
    this.#held.set(held.record.banId, held);
    const others = this.#byName.get(held.name);
    if (others === undefined) this.#byName.set(held.name, new Set([held]));
    else others.add(held);
    const length = lengthOf(held.record.siteId, held.target);
    if (length !== "") this.#lengths.set(length, (this.#lengths.get(length) ?? 0) + 1);
  }

  #drop(held: Held, lastWord: BanRecord): void {
    const { target, name, record } = held;
    this.#held.delete(record.banId);
    const others = this.#byName.get(name);
    others?.delete(held);
    if (others?.size === 0) this.#byName.delete(name);
    const length = lengthOf(record.siteId, target);
    const left = (this.#lengths.get(length) ?? 1) - 1;
    if (length !== "") {
      if (left > 0) this.#lengths.set(length, left);
      else this.#lengths.delete(length);
    }
    // In nginx a ban ends by itself; what ends before its time, or what another record prolongs, has to be told.
    if (this.#endOf(name) > 0 || (this.#fedUntil.get(name) ?? 0) > this.#options.now()) {
      this.#pending.set(name, { siteId: record.siteId, target });
    } else this.#fedUntil.delete(name);
    this.#options.onLift?.(lastWord);
  }

  /** Ends every ban of this name before its time. Resolves with the last words. */
  #lift(name: string): BanRecord[] {
    const nowMs = this.#options.now();
    return [...(this.#byName.get(name) ?? [])].map((held) => {
      const lifted = { ...held.record, liftedAtMs: nowMs };
      this.#drop(held, lifted);
      return lifted;
    });
  }

  #sweep(nowMs: number): void {
    for (const held of Array.from(this.#held.values())) {
      if (this.#isOver(held.record)) this.#drop(held, held.record);
    }
    for (const { record, target, name } of this.#held.values()) {
      const fed = this.#fedUntil.get(name) ?? 0;
      if (fed < this.#endOf(name) && fed - nowMs < RENEW_MS) {
        this.#pending.set(name, { siteId: record.siteId, target });
      }
    }
  }

  #makeRoom(): void {
    if (this.#held.size <= this.#max) return;
    // What people decided stays longest: a flood must not wash it out.
    const all = [...this.#held.values()].sort(
      (a, b) =>
        Number(a.record.nodeId === null) - Number(b.record.nodeId === null) ||
        a.record.endsAtMs - b.record.endsAtMs,
    );
    const room = Math.min(ROOM, Math.ceil(this.#max / 50));
    const dropped = all.slice(0, this.#held.size - this.#max + room);
    for (const held of dropped) this.#drop(held, held.record);
    this.#options.alarm(
      "edge.bans-full",
      `More than ${this.#max} bans were in force on this node: ${dropped.length} were dropped, of its own those that would have ended first. Ban networks instead of addresses`,
    );
  }

  #whyTooMany(record: BanRecord): string | null {
    const target = targetOf(record.kind, record.value);
    if (!target.ok || this.#isOver(record)) return null;
    const length = lengthOf(record.siteId, target.value);
    if (length === "") return null;
    // On sites and everywhere one length counts once, as it does for those who make bans.
    const lengths = new Set(
      [length, ...this.#lengths.keys()].map((key) => key.slice(0, key.lastIndexOf(" "))),
    );
    if (lengths.size <= BAN_LENGTHS_MAX) return null;
    return `Cannot ban ${record.value} as networks of ${BAN_LENGTHS_MAX} different lengths are banned already, and each costs every request a look: ban one of a length that is in use, or lift some`;
  }

  #isOver({ liftedAtMs, endsAtMs }: BanRecord): boolean {
    return liftedAtMs !== null || endsAtMs <= this.#options.now();
  }

  /** The latest end of all bans of this name, in milliseconds; 0 for none. */
  #endOf(name: string): number {
    let end = 0;
    for (const { record } of this.#byName.get(name) ?? []) end = Math.max(end, record.endsAtMs);
    return end;
  }

  #ownOf(name: string): BanRecord | undefined {
    for (const { record } of this.#byName.get(name) ?? []) {
      if (record.nodeId === this.#options.nodeId && !this.#isOver(record)) return record;
    }
    return undefined;
  }

  #publishOwn(record: BanRecord): Promise<void> {
    if (record.nodeId !== this.#options.nodeId) return Promise.resolve();
    return this.#options.publish(nodeBanTopic(this.#options.nodeId, record.banId), record);
  }

  #refuse(what: string): void {
    this.#refusals += 1;
    // Whoever sends a thousand such records is told of the first ones.
    if (this.#refusals <= 10) this.#options.alarm("edge.ban-refused", what);
  }

  #save(records: readonly BanRecord[]): void {
    if (records.length === 0 || this.#unsaved) return;
    try {
      this.#file.add(records);
    } catch (error) {
      this.#notSaved(error);
    }
  }

  async #writeAnewIfLong(): Promise<void> {
    if (!this.#unsaved && !this.#file.isLong(this.#held.size)) return;
    this.#saving ??= this.#writeAnew().finally(() => {
      this.#saving = null;
    });
    await this.#saving;
  }

  async #writeAnew(): Promise<void> {
    const wasUnsaved = this.#unsaved;
    // What comes from here on is added behind, or finds the disk full again.
    this.#unsaved = false;
    try {
      await this.#file.writeAnew([...this.#held.values()].map(({ record }) => record));
    } catch (error) {
      if (wasUnsaved) this.#unsaved = true;
      else this.#notSaved(error);
    }
  }

  #notSaved(error: unknown): void {
    this.#unsaved = true;
    this.#options.alarm(
      "edge.not-durable",
      `Bans cannot be written to ${this.#file.path} (${wordsOf(error)}): make room. They are in force until this node restarts`,
    );
  }
}

function isWithin(hex: string, held: BanTarget): boolean {
  const bits = held.bits ?? held.addressHex.length * 4;
  const all = BigInt(hex.length * 4);
  const shift = all - BigInt(bits);
  return BigInt(`0x${hex}`) >> shift === BigInt(`0x${held.addressHex}`) >> shift;
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
