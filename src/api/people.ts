/** Inviting people: an account that nobody can sign up for, roles, and a link that works once. */
import { newId, type AccountId, type UserId } from "../contract/ids.ts";
import type { Role } from "../contract/desk-states.ts";
import { Fault } from "../contract/fault.ts";
import type { PersonView } from "../contract/http.ts";
import { accountByName, insertMember, insertPerson, listPeople, personByEmail } from "../store/people.ts";
import { addOwnerOfAccount } from "../store/site-members.ts";
import { ensureAccount } from "../store/sites.ts";
import type { Services } from "./services.ts";
import { INVITATION_MS, type SignIn } from "./sign-in.ts";

const PEOPLE_MAX = 1000;
const ID_CHARS = 32;
const ALPHABET = "0123456789abcdefghijklmnopqrstuv";

export type Invitation = {
  readonly name: string;
  readonly email: string;
  readonly roles: readonly Role[];
  readonly account?: string;
};

export async function people(services: Services): Promise<readonly PersonView[]> {
  return listPeople(services.db, PEOPLE_MAX);
}

/** Adds a person and answers their link, good for 72 hours. An address that is known is refused: links are re-issued elsewhere. */
export async function invite(
  { services, signIn }: { readonly services: Services; readonly signIn: SignIn },
  invitation: Invitation,
): Promise<PersonView & { readonly signInLink: string }> {
  const email = invitation.email.toLowerCase();
  const roles = [...new Set(invitation.roles)];
  const userId = newUserId(services.random);
  await services.db.transaction(async (tx) => {
    if (await personByEmail(tx, email)) {
      throw new Fault(
        "state.conflict",
        "Somebody has this address already: issue a sign-in link to them instead",
      );
    }
    await insertPerson(tx, { userId, name: invitation.name, email, roles, at: new Date(services.now()) });
    if (invitation.account !== undefined) {
      const account = invitation.account.trim();
      if (account === "") {
        throw new Fault("input.invalid", "Cannot invite to an account without a name: give it one", {
          fields: { account: "Give the account's name" },
        });
      }
      // A new customer's account begins with them: notices about its sites go to their address.
      const accountId =
        (await accountByName(tx, account)) ??
        (await ensureAccount(tx, {
          accountId: newId<AccountId>("acct", services.random),
          name: account,
          email,
        }));
      await insertMember(tx, userId, accountId);
      await addOwnerOfAccount(tx, { accountId, userId, at: new Date(services.now()) });
    }
  });
  const signInLink = await signIn.issueLink(email, { lifetimeMs: INVITATION_MS });
  return { userId, name: invitation.name, email, roles, secondFactor: false, signInLink };
}

export function newUserId(random: (bytes: number) => Uint8Array): UserId {
  return Array.from(random(ID_CHARS), (byte) => ALPHABET.charAt(byte % 32)).join("") as UserId;
}
