/**
 * What this person may do with a site, read from the contract's own table, and why a button is off. The server decides: nothing
 * here grants anything.
 */
import { SITE_ROLES, SITE_ROLE_NEEDED, type MemberView, type SiteRole } from "../../contract/http-sites.ts";
import { PROTECTION_ROLE_NEEDED } from "../../contract/http-protection.ts";
import type { UserId } from "../../contract/ids.ts";
import type { Words } from "../words/english.ts";

export type Role = SiteRole | "operator";
const NEEDED = { ...SITE_ROLE_NEEDED, ...PROTECTION_ROLE_NEEDED };
export type SiteAct = keyof typeof NEEDED;

/** Why this role may not do it; null when it may. */
export function whyNotMay(
  role: Role,
  input: { readonly act: SiteAct; readonly words: Words },
): string | null {
  const needed = NEEDED[input.act];
  if (role === "operator" || SITE_ROLES.indexOf(role) >= SITE_ROLES.indexOf(needed)) return null;
  return input.words.site.needsRole(input.words.site.role[needed]);
}

/** Why this member's role cannot be taken or lowered; null when it can. */
export function whyMemberStays(
  member: Pick<MemberView, "userId" | "role">,
  input: {
    readonly members: readonly Pick<MemberView, "userId" | "role">[];
    readonly role: Role;
    readonly words: Words;
  },
): string | null {
  const may = whyNotMay(input.role, { act: "DELETE /sites/{siteId}/members/{userId}", words: input.words });
  if (may !== null) return may;
  const others = input.members.some(
    (each: { userId: UserId; role: SiteRole }) => each.role === "owner" && each.userId !== member.userId,
  );
  return member.role === "owner" && !others ? input.words.site.members.lastOwner : null;
}

/** Why the settings cannot be saved now; null when they can. */
export function whyNotSave(input: {
  readonly role: Role;
  readonly changes: number;
  readonly unread: number;
  readonly words: Words;
}): string | null {
  const w = input.words.site.draft;
  const may = whyNotMay(input.role, { act: "PUT /sites/{siteId}/settings", words: input.words });
  if (may !== null) return may;
  if (input.unread > 0) return w.unread;
  return input.changes === 0 ? w.nothing : null;
}
