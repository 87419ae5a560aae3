/** Who may enter the endpoints of protection: members of a site by their role (contract/http-protection.ts), operators everywhere. */
import { PROTECTION_ROLE_NEEDED } from "../contract/http-protection.ts";
import type { SiteId } from "../contract/ids.ts";
import type { ChangedBy } from "../sites/site-settings.ts";
import type { Access } from "./access.ts";
import type { Call } from "./endpoints.ts";
import { mustHaveSiteRole } from "./site-access.ts";

export const MEMBERS: Access = ["operator", "customer"];
export const OPERATORS: Access = ["operator"];

/** Lets in whoever has the role that the contract names for this endpoint. */
export async function enterSite(
  call: Call<unknown>,
  key: keyof typeof PROTECTION_ROLE_NEEDED,
): Promise<SiteId> {
  const siteId = call.params["siteId"] as SiteId;
  await mustHaveSiteRole(call, siteId, PROTECTION_ROLE_NEEDED[key]);
  return siteId;
}

export const callerOf = ({ visitor }: Call<unknown>): ChangedBy => ({
  name: visitor.person.name,
  userId: visitor.person.userId,
});
