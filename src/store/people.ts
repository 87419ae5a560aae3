/**
 * People who sign in: their roles, the accounts they belong to, and what they have enrolled. The tables of sign-in itself
 * are better-auth's (004-auth.sql); this file reads of them only what decides whether a person may enrol, and resets a person whole.
 */
import type { AccountId, UserId } from "../contract/ids.ts";
import type { Role } from "../contract/desk-states.ts";
import type { Queryable, Tx } from "./db.ts";

export type PersonRow = {
  readonly userId: UserId;
  readonly name: string;
  readonly email: string;
  readonly roles: readonly Role[];
  /** Whether a TOTP secret was verified or a passkey registered. */
  readonly secondFactor: boolean;
};

type RawPerson = { id: UserId; name: string; email: string; roles: Role[]; second_factor: boolean };

const PERSON_COLUMNS = `"user"."id" as id, "user"."name" as name, "user"."email" as email,
  coalesce((select jsonb_agg(person_role.role order by person_role.role) from person_role where person_role.user_id = "user"."id"), '[]') as roles,
  (exists (select 1 from "twoFactor" where "twoFactor"."userId" = "user"."id" and "twoFactor"."verified" is not false)
   or exists (select 1 from "passkey" where "passkey"."userId" = "user"."id")) as second_factor`;

const person = (row: RawPerson): PersonRow => ({
  userId: row.id,
  name: row.name,
  email: row.email,
  roles: row.roles,
  secondFactor: row.second_factor,
});

export async function listPeople(q: Queryable, limit: number): Promise<PersonRow[]> {
  const rows = await q.query<RawPerson>(
    `select ${PERSON_COLUMNS} from "user" order by "user"."name", "user"."id" limit $1`,
    [limit],
  );
  return rows.map(person);
}

export async function personById(q: Queryable, userId: string): Promise<PersonRow | null> {
  const [row] = await q.query<RawPerson>(`select ${PERSON_COLUMNS} from "user" where "user"."id" = $1`, [
    userId,
  ]);
  return row ? person(row) : null;
}

/** `email` in lower case, as sign-in keeps it. */
export async function personByEmail(q: Queryable, email: string): Promise<PersonRow | null> {
  const [row] = await q.query<RawPerson>(`select ${PERSON_COLUMNS} from "user" where "user"."email" = $1`, [
    email,
  ]);
  return row ? person(row) : null;
}

/** Whether anybody with this role has a second factor, so that the instance has passed from the machine to people. */
export async function anyoneEnrolled(q: Queryable, role: Role): Promise<boolean> {
  const people = await q.query<RawPerson>(
    `select ${PERSON_COLUMNS} from "user" join person_role on person_role.user_id = "user"."id" where person_role.role = $1`,
    [role],
  );
  return people.some((row) => row.second_factor);
}

/** The address counts as verified: only the bearer of the one-time link can begin, and nobody else can sign up under it. */
export async function insertPerson(
  tx: Tx,
  input: {
    readonly userId: UserId;
    readonly name: string;
    readonly email: string;
    readonly roles: readonly Role[];
    readonly at: Date;
  },
): Promise<void> {
  await tx.query(
    `insert into "user" ("id", "name", "email", "emailVerified", "createdAt", "updatedAt", "twoFactorEnabled")
     values ($1, $2, $3, true, $4, $4, false)`,
    [input.userId, input.name, input.email, input.at],
  );
  for (const role of input.roles) {
    await tx.query(`insert into person_role (user_id, role) values ($1, $2)`, [input.userId, role]);
  }
}

export async function addRole(tx: Tx, userId: UserId, role: Role): Promise<void> {
  await tx.query(
    `insert into person_role (user_id, role) values ($1, $2) on conflict (user_id, role) do nothing`,
    [userId, role],
  );
}

export async function accountByName(q: Queryable, name: string): Promise<AccountId | null> {
  const [row] = await q.query<{ account_id: AccountId }>(`select account_id from account where name = $1`, [
    name,
  ]);
  return row?.account_id ?? null;
}

export async function insertMember(tx: Tx, userId: UserId, accountId: AccountId): Promise<void> {
  await tx.query(
    `insert into account_member (account_id, user_id) values ($1, $2) on conflict (account_id, user_id) do nothing`,
    [accountId, userId],
  );
}

/** Names of the accounts that a person belongs to. Names are unique. */
export async function accountsOf(q: Queryable, userId: UserId): Promise<readonly string[]> {
  const rows = await q.query<{ name: string }>(
    `select account.name as name from account_member
       join account on account.account_id = account_member.account_id
      where account_member.user_id = $1 order by account.name`,
    [userId],
  );
  return rows.map((row) => row.name);
}

/** Ends every session and takes away password, second factors and pending links, so that a person can enrol anew. */
export async function resetPerson(tx: Tx, userId: UserId): Promise<void> {
  await tx.query(`delete from "session" where "userId" = $1`, [userId]);
  await tx.query(`delete from "credential" where "userId" = $1`, [userId]);
  await tx.query(`delete from "twoFactor" where "userId" = $1`, [userId]);
  await tx.query(`delete from "passkey" where "userId" = $1`, [userId]);
  await tx.query(`update "user" set "twoFactorEnabled" = false where "id" = $1`, [userId]);
}

/** Takes back the password alone: a person whose enrolment was interrupted chooses it again. */
export async function deletePassword(q: Queryable, userId: UserId): Promise<void> {
  await q.query(`delete from "credential" where "userId" = $1 and "providerId" = 'credential'`, [userId]);
}

/** Takes back the one-time links that are still out: `value` is what sign-in keeps beside a link's hash. */
export async function deleteLinks(q: Queryable, value: string): Promise<void> {
  await q.query(`delete from "verification" where "identifier" like 'magic-link:%' and "value" = $1`, [
    value,
  ]);
}

/** Sign-in leaves expired challenges behind; called now and then. */
export async function deleteExpiredSignIns(q: Queryable, now: Date): Promise<void> {
  await q.query(`delete from "verification" where "expiresAt" < $1`, [now]);
  await q.query(`delete from "session" where "expiresAt" < $1`, [now]);
}
