/** A text that strangers chose, for a terminal: what a terminal would obey (control characters) becomes a blank. */
export const printable = (text: string): string => text.replaceAll(/\p{Cc}/gu, " ");
