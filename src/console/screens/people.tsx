/** The people of the desk, and inviting one: the link is shown once and kept nowhere. */
import { Button, Checkbox, CopyButton, TextInput } from "@mantine/core";
import { useState } from "react";
import { ROLES, type Role } from "../../contract/desk-states.ts";
import { useWords } from "../language.tsx";
import { FaultNote } from "../parts/fault-note.tsx";
import { Head, Panel } from "../parts/head.tsx";
import { Loaded } from "../parts/loaded.tsx";
import { client, usePeople, useSites, useWrite } from "../queries.ts";

function Invite() {
  const words = useWords();
  const w = words.peoplePage;
  const [name, setName] = useState("");
  const [email, setEmail] = useState("");
  const [roles, setRoles] = useState<readonly string[]>(["officer"]);
  const [account, setAccount] = useState("");
  const sites = useSites();
  const send = useWrite<
    "POST /people",
    { name: string; email: string; roles: readonly Role[]; account?: string }
  >(
    (body) => client.call("POST /people", { body }),
    () => {
      setName("");
      setEmail("");
      setAccount("");
    },
  );
  const chosen = ROLES.filter((role) => roles.includes(role));
  const isCustomer = chosen.includes("customer");
  const accounts = [...new Set((sites.data?.items ?? []).map((site) => site.account))];
  return (
    <Panel title={w.invite}>
      <div className="stack">
        {send.data === undefined ? null : (
          <div className="note" role="status">
            <strong>
              {w.link}
              {words.common.colon}
              {send.data.name}
            </strong>
            <code>{send.data.signInLink}</code>
            <span>{w.linkHelp}</span>
            <CopyButton value={send.data.signInLink}>
              {({ copied, copy }) => (
                <div>
                  <Button size="compact-sm" variant="default" onClick={copy}>
                    {copied ? words.common.copied : words.common.copy}
                  </Button>
                </div>
              )}
            </CopyButton>
          </div>
        )}
        <form
          className="stack-tight"
          noValidate
          onSubmit={(event) => {
            event.preventDefault();
            send.mutate({
              name: name.trim(),
              email: email.trim(),
              roles: chosen,
              ...(isCustomer ? { account: account.trim() } : {}),
            });
          }}
        >
          <div className="three">
            <TextInput
              label={w.name}
              value={name}
              error={send.error?.fields["name"] ?? null}
              onChange={(event) => setName(event.currentTarget.value)}
            />
            <TextInput
              label={w.email}
              type="email"
              value={email}
              error={send.error?.fields["email"] ?? null}
              onChange={(event) => setEmail(event.currentTarget.value)}
            />
            <Checkbox.Group
              label={w.roles}
              value={[...roles]}
              onChange={setRoles}
              error={chosen.length === 0 ? w.noRole : (send.error?.fields["roles"] ?? null)}
            >
              <div className="row roles">
                {ROLES.map((role) => (
                  <Checkbox key={role} value={role} label={words.role[role]} />
                ))}
              </div>
            </Checkbox.Group>
          </div>
          {isCustomer ? (
            <>
              <TextInput
                label={w.account}
                description={w.accountHelp}
                list="accounts-there"
                value={account}
                error={send.error?.fields["account"] ?? null}
                onChange={(event) => setAccount(event.currentTarget.value)}
              />
              <datalist id="accounts-there">
                {accounts.map((each) => (
                  <option key={each} value={each} />
                ))}
              </datalist>
            </>
          ) : null}
          <FaultNote fault={send.error} shownFields={["name", "email", "roles", "account"]} />
          <div>
            <Button
              type="submit"
              loading={send.isPending}
              disabled={
                name.trim() === "" ||
                email.trim() === "" ||
                chosen.length === 0 ||
                (isCustomer && account.trim() === "")
              }
            >
              {w.go}
            </Button>
          </div>
        </form>
      </div>
    </Panel>
  );
}

export function PeopleScreen() {
  const words = useWords();
  const w = words.peoplePage;
  const people = usePeople();
  return (
    <>
      <Head title={w.title} intro={w.intro} />
      {people.error?.code === "auth.forbidden" ? (
        <p className="quiet">{w.forOperators}</p>
      ) : (
        <Loaded query={people}>
          {(page) => (
            <div className="stack">
              {page.items.filter((p) => p.roles.includes("officer") && p.secondFactor).length < 2 ? (
                <div className="note" data-tone="warn">
                  <strong>{w.fewOfficers}</strong>
                </div>
              ) : null}
              <ul className="panel grid-table">
                {page.items.map((person) => (
                  <li className="grid-row person-row" key={person.userId}>
                    <div>
                      <div className="strong">{person.name}</div>
                      <div className="small quiet">{person.email}</div>
                    </div>
                    <div className="row">
                      {person.roles.map((role) => (
                        <span className="tag" key={role}>
                          {words.role[role]}
                        </span>
                      ))}
                    </div>
                    <span className="state" data-tone={person.secondFactor ? "good" : "warn"}>
                      {person.secondFactor ? w.secondFactor : w.noSecondFactor}
                    </span>
                  </li>
                ))}
              </ul>
              <Invite />
            </div>
          )}
        </Loaded>
      )}
    </>
  );
}
