/**
 * Drafts that nobody has saved or dropped yet, by site. Going to another screen of the console and back must not lose what was typed; a reload
 * or a closed tab would, so while there is any, the browser is told to ask first. They live in this tab's memory and nowhere else,
 * and end with the session.
 */
import type { SiteId } from "../../contract/ids.ts";
import type { Draft } from "./draft.ts";

const held = new Map<SiteId, Draft>();

const askFirst = (event: Event): void => event.preventDefault();

/** Binds the question before leaving to whether anything would be lost. */
function follow(): void {
  globalThis.removeEventListener?.("beforeunload", askFirst);
  if (held.size > 0) globalThis.addEventListener?.("beforeunload", askFirst);
}

export const heldDraft = (siteId: SiteId): Draft | null => held.get(siteId) ?? null;

/** Keeps a draft that differs from what it began with; one that does not is forgotten. */
export function holdDraft(siteId: SiteId, draft: Draft): void {
  if (draft.wanted === draft.base) held.delete(siteId);
  else held.set(siteId, draft);
  follow();
}

/** When the session ends: the next person at this screen finds nothing of it. */
export function dropDrafts(): void {
  held.clear();
  follow();
}
