/**
 * Members of a site: who is there, one more or another role, one less. Somebody who is not known yet is invited as a customer; the one-time
 * link goes to their own address and never to who invites. Whether an address is known here cannot be told from the answer
 * (design law 10). The last owner stays.
 */
import { Fault } from "../contract/fault.ts";
import type { Page } from "../contract/http.ts";
import type { MemberView, SiteRole } from "../contract/http-sites.ts";
import type { SiteId, UserId } from "../contract/ids.ts";
import { keepConflicts } from "../store/desk-conflicts.ts";
import { countMailTo } from "../store/mail.ts";
import { addRole, insertPerson, personByEmail, type PersonRow } from "../store/people.ts";
import { MEMBERS_MAX, membersOf, putMember, removeMember, type MemberRow } from "../store/site-members.ts";
import type { Tx } from "../store/db.ts";
import { activeRoles } from "./access.ts";
import { newUserId } from "./people.ts";
import type { Services } from "./services.ts";
import { INVITATION_MS, type SignIn, type Visitor } from "./sign-in.ts";

type Deps = { readonly services: Services; readonly signIn: SignIn; readonly visitor: Visitor };

/** To one address in a day, whoever invites it: an invitation is no way to fill a stranger's mailbox. */
const LETTERS_A_DAY = 3;
const DAY_MS = 24 * 3600_000;

const viewOf = (row: MemberRow): MemberView => ({ ...row, since: row.since.toISOString() });

export async function listMembers(
  { services }: Pick<Deps, "services">,
  siteId: SiteId,
): Promise<Page<MemberView>> {
  const rows = await membersOf(services.db, siteId);
  return { items: rows.map(viewOf), total: rows.length };
}

export async function putSiteMember(
  deps: Deps,
  siteId: SiteId,
  given: { readonly email: string; readonly role: SiteRole },
): Promise<MemberView> {
  const { services } = deps;
  const email = given.email.toLowerCase();
  const at = new Date(services.now());
  const { person, fresh } = await services.db.transaction(async (tx) => {
    const members = await membersOf(tx, siteId);
    const known = members.find((member) => member.email === email);
    if (known?.role === "owner" && given.role !== "owner") mustStayOwned(members, known.userId);
    if (known === undefined && members.length >= MEMBERS_MAX) {
      throw new Fault(
        "limit.full",
        `Cannot add a member as there are ${members.length}: remove somebody first`,
      );
    }
    const found = await findOrInvite(tx, deps, email);
    const isAccepted = activeRoles(deps.visitor).includes("operator");
    await putMember(tx, { siteId, userId: found.userId, role: given.role, at, isAccepted });
    return { person: found, fresh: known === undefined };
  });
  if (fresh || !person.secondFactor) await write(deps, siteId, person);
  const row = (await membersOf(services.db, siteId)).find((member) => member.userId === person.userId);
  if (row === undefined)
    throw new Fault("state.conflict", "Somebody has removed this member meanwhile: reload the page");
  return viewOf(row);
}

export async function removeSiteMember(
  deps: Deps,
  siteId: SiteId,
  userId: UserId,
): Promise<Page<MemberView>> {
  await deps.services.db.transaction(async (tx) => {
    const members = await membersOf(tx, siteId);
    const member = members.find((one) => one.userId === userId);
    if (member === undefined)
      throw new Fault("state.not-found", "This site has no such member: reload the page");
    if (member.role === "owner") mustStayOwned(members, userId);
    await keepConflicts(tx, { siteId, userId, at: new Date(deps.services.now()) });
    await removeMember(tx, siteId, userId);
  });
  return listMembers(deps, siteId);
}

function mustStayOwned(members: readonly MemberRow[], without: UserId): void {
  if (members.some((member) => member.role === "owner" && member.userId !== without)) return;
  throw new Fault(
    "state.conflict",
    "Cannot take the last owner from a site: make somebody else an owner first",
  );
}

async function findOrInvite(tx: Tx, { services }: Deps, email: string): Promise<PersonRow> {
  const known = await personByEmail(tx, email);
  if (known !== null) {
    // Staff come to belong to a site by the operator's word alone (site-access.ts).
    if (known.roles.length === 0) await addRole(tx, known.userId, "customer");
    return known;
  }
  const userId = newUserId(services.random);
  const name = email.slice(0, email.indexOf("@"));
  await insertPerson(tx, { userId, name, email, roles: ["customer"], at: new Date(services.now()) });
  return { userId, name, email, roles: ["customer"], secondFactor: false };
}

/** If we crash before this, the member is there and without mail: to put them once more sends it. */
async function write({ services, signIn }: Deps, siteId: SiteId, person: PersonRow): Promise<void> {
  const since = new Date(services.now() - DAY_MS);
  const about = "member of ";
  if ((await countMailTo(services.db, { to: person.email, about, since })) >= LETTERS_A_DAY) return;
  const site = await services.sites.view(siteId);
  const name = site.hostnames[0] ?? siteId;
  // A link of the operator's for a colleague must not end by a customer's invitation.
  const way =
    person.secondFactor || person.roles.some((role) => role !== "customer")
      ? `Sign in as usual: ${services.settings.publicUrl}/console`
      : `This link works once, for 72 hours, and lets you choose how you sign in:\n${await signIn.issueLink(person.email, { lifetimeMs: INVITATION_MS })}`;
  await services.db.transaction((tx) =>
    services.mail.send(tx, {
      to: person.email,
      subject: `You are a member of ${name} at ${services.settings.operatorName}`,
      text: `An owner of ${name} has given you access to its settings.\n\n${way}\n`,
      about: `${about}${siteId}`,
    }),
  );
}
