/**
 * Times as people read them. Spans show their two largest units and round down, so that a clock never claims time that is
 * not there. Pure: the current time comes in.
 */
import type { Words } from "./words/english.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** "4 min 12 s", "3 h 05 min", "2 d 4 h". Milliseconds in; negative spans are read as positive ones. */
export function span(ms: number, t: Words["time"]): string {
  const whole = Math.floor(Math.abs(ms) / SECOND) * SECOND;
  const two = (n: number): string => String(n).padStart(2, "0");
  if (whole < MINUTE) return `${whole / SECOND} ${t.second}`;
  if (whole < HOUR)
    return `${Math.floor(whole / MINUTE)} ${t.minute} ${two((whole % MINUTE) / SECOND)} ${t.second}`;
  if (whole < DAY)
    return `${Math.floor(whole / HOUR)} ${t.hour} ${two(Math.floor((whole % HOUR) / MINUTE))} ${t.minute}`;
  return `${Math.floor(whole / DAY)} ${t.day} ${Math.floor((whole % DAY) / HOUR)} ${t.hour}`;
}

/** "12 min ago": one unit less exact than `span`, since what has passed is read, not raced. */
export function ago(at: string, input: { readonly now: number; readonly t: Words["time"] }): string {
  const ms = input.now - Date.parse(at);
  if (!Number.isFinite(ms)) return at;
  if (ms < 5 * SECOND) return input.t.now;
  const { t } = input;
  if (ms < MINUTE) return t.ago(`${Math.floor(ms / SECOND)} ${t.second}`);
  if (ms < HOUR) return t.ago(`${Math.floor(ms / MINUTE)} ${t.minute}`);
  if (ms < DAY) return t.ago(`${Math.floor(ms / HOUR)} ${t.hour}`);
  return t.ago(`${Math.floor(ms / DAY)} ${t.day}`);
}

export type Countdown = {
  readonly text: string;
  /** calm: more than a quarter of an hour · soon: less · over: past. */
  readonly urgency: "calm" | "soon" | "over";
};

export const SOON_MS = 15 * MINUTE;

export function countdown(
  dueAt: string,
  input: { readonly now: number; readonly t: Words["time"] },
): Countdown {
  const left = Date.parse(dueAt) - input.now;
  if (!Number.isFinite(left)) return { text: dueAt, urgency: "calm" };
  if (left <= 0) return { text: input.t.overdue(span(left, input.t)), urgency: "over" };
  return { text: input.t.left(span(left, input.t)), urgency: left <= SOON_MS ? "soon" : "calm" };
}

/** "22 Nov 2026, 03:14", in the reader's own zone. */
export function moment(at: string, t: Words["time"]): string {
  const ms = Date.parse(at);
  if (!Number.isFinite(ms)) return at;
  return new Intl.DateTimeFormat(t.locale, { dateStyle: "medium", timeStyle: "short" }).format(ms);
}

/** What an `<input type="datetime-local">` holds, in the reader's own zone. */
export function toLocalField(ms: number): string {
  const d = new Date(ms);
  const two = (n: number): string => String(n).padStart(2, "0");
  return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}T${two(d.getHours())}:${two(d.getMinutes())}`;
}

/** RFC 3339 in UTC with milliseconds, or null when the field holds no moment. */
export function fromLocalField(value: string): string | null {
  const ms = value === "" ? Number.NaN : new Date(value).getTime();
  return Number.isFinite(ms) ? new Date(ms).toISOString() : null;
}
