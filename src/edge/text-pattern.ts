/**
 * Texts in which "*" stands for any run of characters and "\*" for a star itself: what a rule wants a header field or cookie to say. Compared letter
 * by letter, save that a field's own spelling counts. No backtracking, as in `path-glob.ts`; what lies between the first and the last star is looked
 * for only in the first SEARCHED_CHARS of a value, so that a long value costs no more than a short one.
 */

export const SEARCHED_CHARS = 2000;

export type TextPattern = {
  readonly first: string;
  readonly middle: readonly string[];
  readonly last: string;
  /** Without a star: the whole text has to be `first`. */
  readonly isWhole: boolean;
};

export function prepareText(pattern: string): TextPattern {
  const parts: string[] = [];
  let part = "";
  for (let i = 0; i < pattern.length; i++) {
    const char = pattern.charAt(i);
    if (char === "\\" && pattern.charAt(i + 1) === "*") {
      part = part + "*";
      i++;
    } else if (char === "*") {
      parts.push(part);
      part = "";
    } else part = part + char;
  }
  if (parts.length === 0) return { first: part, middle: [], last: "", isWhole: true };
  const middle: string[] = [];
  for (let i = 1; i < parts.length; i++) {
    const between = parts[i] ?? "";
    if (between !== "") middle.push(between);
  }
  return { first: parts[0] ?? "", middle, last: part, isWhole: false };
}

export function isTextLike(pattern: TextPattern, text: string): boolean {
  const { first, middle, last } = pattern;
  if (pattern.isWhole) return text === first;
  const end = text.length - last.length;
  if (end < first.length || !text.startsWith(first) || !text.endsWith(last)) return false;
  if (middle.length === 0) return true;
  const searched = text.length > SEARCHED_CHARS ? text.substring(0, SEARCHED_CHARS) : text;
  let at = first.length;
  for (const part of middle) {
    // The leftmost place leaves the most room for what follows, so no other has to be tried.
    const found = searched.indexOf(part, at);
    if (found < 0 || found + part.length > end) return false;
    at = found + part.length;
  }
  return true;
}
