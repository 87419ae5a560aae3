/**
 * Who may do what with one site. The operator may do everything; a member of the site as much as their role allows; to
 * everybody else the site does not exist, and the answer is the same as for one that is not there (design law 10).
 */
import { Fault } from "../contract/fault.ts";
import { SITE_ROLES, type SiteRole } from "../contract/http-sites.ts";
import type { SiteId } from "../contract/ids.ts";
import { memberRole, sawMember } from "../store/site-members.ts";
import { activeRoles } from "./access.ts";
import type { Services } from "./services.ts";
import type { Visitor } from "./sign-in.ts";

type Caller = { readonly services: Services; readonly visitor: Visitor };

/** Null for a stranger to the site. */
export async function siteRoleOf(call: Caller, siteId: SiteId): Promise<SiteRole | "operator" | null> {
  const { services, visitor } = call;
  if (activeRoles(visitor).includes("operator")) {
    return (await services.sites.facts(services.db, siteId)) === null ? null : "operator";
  }
  return memberRole(services.db, { siteId, userId: visitor.person.userId, accepted: isStaff(visitor) });
}

/** Whoever decides about sites comes to belong to one by the operator's word alone: a customer's invitation must not make them too near to decide. */
const isStaff = (visitor: Visitor): boolean => visitor.person.roles.some((role) => role !== "customer");

/** Lets a caller through who has at least `needed`, or throws. */
export async function mustHaveSiteRole(call: Caller, siteId: SiteId, needed: SiteRole): Promise<void> {
  const role = await siteRoleOf(call, siteId);
  if (role === null) throw new Fault("state.not-found", "There is no such site");
  if (role === "operator") return;
  if (!isStaff(call.visitor))
    await sawMember(call.services.db, siteId, call.visitor.person.userId, new Date(call.services.now()));
  if (SITE_ROLES.indexOf(role) >= SITE_ROLES.indexOf(needed)) return;
  throw new Fault("auth.forbidden", `This needs the role ${needed} on this site: ask one of its owners`);
}
