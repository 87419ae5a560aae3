/** Moments as settings write them (ISO 8601 in UTC, as in RFC 3339), for a runtime that has no Date. */

const DIGITS = "0123456789";

/** Milliseconds since the Unix epoch of "2026-11-22T19:30:05.123Z", with or without seconds; -1 for what is no such text. */
export function isoMs(text: string): number {
  const end = text.length - 1;
  if (end < 16 || end > 40 || text.charAt(end) !== "Z") return -1;
  const marks = text.charAt(4) + text.charAt(7) + text.charAt(10) + text.charAt(13);
  if (marks !== "--T:") return -1;
  const year = whole(text.substring(0, 4));
  const month = whole(text.substring(5, 7));
  const day = whole(text.substring(8, 10));
  const hour = whole(text.substring(11, 13));
  const minute = whole(text.substring(14, 16));
  const milliseconds = tailMs(text.substring(16, end));
  if (year < 1970 || month < 1 || month > 12 || day < 1 || day > 31) return -1;
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || milliseconds < 0) return -1;
  return (daysSinceEpoch(year, month, day) * 86_400 + hour * 3600 + minute * 60) * 1000 + milliseconds;
}

/** "", ":05" or ":05.123" */
function tailMs(text: string): number {
  if (text === "") return 0;
  const seconds = whole(text.substring(1, 3));
  if (text.length < 3 || text.charAt(0) !== ":" || seconds < 0 || seconds > 59) return -1;
  if (text.length === 3) return seconds * 1000;
  const fraction = text.substring(4);
  if (text.charAt(3) !== "." || fraction === "" || whole(fraction) < 0) return -1;
  return seconds * 1000 + whole((fraction + "00").substring(0, 3));
}

/** Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", days_from_civil. */
function daysSinceEpoch(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const ofEra = y - era * 400;
  const ofYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  return era * 146_097 + ofEra * 365 + Math.floor(ofEra / 4) - Math.floor(ofEra / 100) + ofYear - 719_468;
}

function whole(text: string): number {
  let value = 0;
  for (let i = 0; i < text.length; i++) {
    const digit = DIGITS.indexOf(text.charAt(i));
    if (digit < 0) return -1;
    value = value * 10 + digit;
  }
  return value;
}
