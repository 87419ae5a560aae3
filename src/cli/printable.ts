/** A stranger's text, safe on a terminal: control and invisible characters are written as \u{…} instead of obeyed. */
export const printable = (text: string): string =>
  text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (char) => `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`);
