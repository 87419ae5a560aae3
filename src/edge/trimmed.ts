/** Without white space at both ends. The compiler's own `trim` takes time in the square of the blanks inside, which a stranger chooses. */
export function trimmed(text: string): string {
  let begin = 0;
  let end = text.length;
  while (begin < end && isSpace(text.charCodeAt(begin))) begin += 1;
  while (end > begin && isSpace(text.charCodeAt(end - 1))) end -= 1;
  return text.substring(begin, end);
}

/** Blank, tab, and what ends lines (isspace in the C locale). */
function isSpace(code: number): boolean {
  return code === 32 || (code >= 9 && code <= 13);
}
