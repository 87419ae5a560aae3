/**
 * Dates as HTTP writes them (RFC 9110 §5.6.7): IMF-fixdate and the two old forms that every recipient still has to read. Whatever is
 * written otherwise is no date; a cache then takes the answer for expired rather than guess (RFC 9111 §5.3).
 */

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const MONTH_DAYS = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const LONG_DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const DIGITS = "0123456789";

/** Seconds since the Unix epoch, or -1 for what is no date. `now` settles the century of two-digit years. */
export function parseHttpDate(text: string, now: number): number {
  const parts = text.split(" ");
  if (text.length === 24 && text.charAt(3) === " ") return asctime(text);
  if (parts.length === 6) return imfFixdate(parts);
  if (parts.length === 4) return rfc850(parts, now);
  return -1;
}

/** "Sun, 06 Nov 1994 08:49:37 GMT" */
function imfFixdate(parts: readonly string[]): number {
  const day = parts[0] ?? "";
  if (day.length !== 4 || day.charAt(3) !== "," || !DAYS.includes(day.substring(0, 3))) return -1;
  if (parts[5] !== "GMT") return -1;
  return seconds({
    year: digits(parts[3] ?? "", 4),
    month: MONTHS.indexOf(parts[2] ?? ""),
    day: digits(parts[1] ?? "", 2),
    time: parts[4] ?? "",
  });
}

/** "Sunday, 06-Nov-94 08:49:37 GMT" */
function rfc850(parts: readonly string[], now: number): number {
  const name = parts[0] ?? "";
  const long = name.substring(0, name.length - 1);
  if (name.charAt(name.length - 1) !== "," || !LONG_DAYS.includes(long) || parts[3] !== "GMT") return -1;
  const date = (parts[1] ?? "").split("-");
  if (date.length !== 3) return -1;
  const short = digits(date[2] ?? "", 2);
  if (short < 0) return -1;
  const read = { month: MONTHS.indexOf(date[1] ?? ""), day: digits(date[0] ?? "", 2), time: parts[2] ?? "" };
  const at = seconds({ ...read, year: 2000 + short });
  // More than fifty years ahead means the century before (RFC 9110 §5.6.7).
  return at - now > 50 * 365.25 * 86_400 ? seconds({ ...read, year: 1900 + short }) : at;
}

/** "Sun Nov  6 08:49:37 1994" */
function asctime(text: string): number {
  if (!DAYS.includes(text.substring(0, 3))) return -1;
  for (const at of [3, 7, 10, 19]) if (text.charAt(at) !== " ") return -1;
  const day = text.charAt(8) === " " ? digits(text.charAt(9), 1) : digits(text.substring(8, 10), 2);
  return seconds({
    year: digits(text.substring(20, 24), 4),
    month: MONTHS.indexOf(text.substring(4, 7)),
    day,
    time: text.substring(11, 19),
  });
}

function seconds(read: {
  readonly year: number;
  /** From 0; -1 for no month. */
  readonly month: number;
  readonly day: number;
  readonly time: string;
}): number {
  const { year, month, day, time } = read;
  if (year < 1601 || month < 0 || day < 1 || day > (MONTH_DAYS[month] ?? 0)) return -1;
  if (time.length !== 8 || time.charAt(2) !== ":" || time.charAt(5) !== ":") return -1;
  const hour = digits(time.substring(0, 2), 2);
  const minute = digits(time.substring(3, 5), 2);
  const second = digits(time.substring(6, 8), 2);
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60) return -1;
  const at = daysSinceEpoch(year, month + 1, day) * 86_400 + hour * 3600 + minute * 60 + second;
  return at < 0 ? 0 : at;
}

/** Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", days_from_civil. */
function daysSinceEpoch(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const ofEra = y - era * 400;
  const ofYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  return era * 146_097 + ofEra * 365 + Math.floor(ofEra / 4) - Math.floor(ofEra / 100) + ofYear - 719_468;
}

/** A number of exactly `length` digits, or -1. */
function digits(text: string, length: number): number {
  if (text.length !== length) return -1;
  for (let i = 0; i < length; i++) if (!DIGITS.includes(text.charAt(i))) return -1;
  return Number(text);
}
