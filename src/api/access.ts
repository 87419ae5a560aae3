/**
 * Who is asking, and what they may do: roles against endpoints, as data. A staff role is worth something only in a session
 * that has proven a second factor; without one, an officer is a stranger. A customer's password alone shows their own sites.
 */
import type { Role } from "../contract/desk-states.ts";
import { Fault } from "../contract/fault.ts";
import type { MeView } from "../contract/http.ts";
import type { ActorContext } from "../desk/desk.ts";
import { whyNotStrong, type Visitor } from "./sign-in.ts";

/** Who may call an endpoint: anyone, anyone who signed in, or those who hold one of these roles now. */
export type Access = "public" | "signed-in" | readonly Role[];

/** The roles that count in this session. */
export function activeRoles(who: Visitor): readonly Role[] {
  if (who.strong) return who.person.roles;
  return who.factor === "password" && !who.person.secondFactor
    ? who.person.roles.filter((role) => role === "customer")
    : [];
}

/** Lets `who` through to an endpoint, or throws the Fault that says what to do. */
export function admit(who: Visitor | null, access: Access): void {
  if (access === "public") return;
  if (!who) throw new Fault("auth.required", "Sign in first");
  if (access === "signed-in") return;
  const active = activeRoles(who);
  if (access.some((role) => active.includes(role))) return;
  if (access.some((role) => who.person.roles.includes(role))) {
    throw new Fault("auth.second-factor-required", whyNotStrong(who));
  }
  throw new Fault("auth.forbidden", `This needs the role ${access.join(" or ")}: ask an operator`);
}

export function actorOf(who: Visitor): ActorContext {
  return { userId: who.person.userId, name: who.person.name, roles: activeRoles(who) };
}

export function meOf(who: Visitor, accounts: readonly string[]): MeView {
  const staff = who.person.roles.some((role) => role !== "customer");
  return {
    userId: who.person.userId,
    name: who.person.name,
    email: who.person.email,
    roles: who.person.roles,
    accounts,
    secondFactor: who.person.secondFactor,
    mayDecide: staff && who.strong,
    whyNot: !staff ? "Customers decide nothing here" : who.strong ? null : whyNotStrong(who),
  };
}
