/** `officer add NAME --email ADDRESS [--role officer|operator]`: invites a person; prints their one-time link. */
import { parseArgs } from "node:util";
import { ROLES, type Role } from "../contract/desk-states.ts";
import { Fault } from "../contract/fault.ts";
import type { PersonView } from "../contract/http.ts";
import { DATA_OPTION, dataDirFrom } from "./data-dir.ts";
import { callLocal } from "./local-client.ts";
import type { Verb } from "./verb.ts";

export const verb: Verb = async (args) => {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: {
      ...DATA_OPTION,
      email: { type: "string" },
      role: { type: "string", multiple: true, default: ["officer"] },
    },
    allowPositionals: true,
  });
  const [action, name] = positionals;
  if (action !== "add" || name === undefined || values.email === undefined) {
    throw new Fault(
      "input.invalid",
      'Cannot invite without a name and an address: ./parapet officer add "A. Name" --email a.name@desk.example',
    );
  }
  const unknown = values.role.find((role) => !(ROLES as readonly string[]).includes(role));
  if (unknown !== undefined) {
    throw new Fault(
      "input.invalid",
      `There is no role "${unknown.slice(0, 40)}": use one of ${ROLES.join(", ")}`,
    );
  }
  const person = await callLocal<PersonView & { signInLink: string }>(dataDirFrom(values.data), {
    method: "POST",
    path: "/people",
    body: { name, email: values.email, roles: values.role as Role[] },
  });
  process.stdout.write(
    `${person.name} (${person.roles.join(", ")}) can sign in once with this link, and then sets a password and a second factor:\n\n  ${person.signInLink}\n`,
  );
  return 0;
};
