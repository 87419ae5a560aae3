/** A place in a list that is sorted by time, newest first, as a client hands it back. What is no such place is refused, not guessed. */
import { Fault } from "../contract/fault.ts";

const CURSOR = /^(\d{1,15})-([A-Za-z0-9_-]{1,60})$/;

export const writeCursor = (at: Date, id: string): string => `${at.getTime()}-${id}`;

export function readCursor(text: string | undefined): { readonly at: Date; readonly id: string } | null {
  if (text === undefined) return null;
  const found = CURSOR.exec(text);
  const at = new Date(Number(found?.[1]));
  if (found?.[2] === undefined || Number.isNaN(at.getTime())) {
    throw new Fault("input.invalid", "Cannot go on from there: begin again without `cursor`", {
      fields: { cursor: "This is no place in the list" },
    });
  }
  return { at, id: found[2] };
}
