/** Who may do what with a site. The last owner stays: the button is there, off, with its reason. */
import { NativeSelect, TextInput } from "@mantine/core";
import { useState } from "react";
import { SITE_ROLES, type MemberView, type SiteRole } from "../../contract/http-sites.ts";
import type { SiteId } from "../../contract/ids.ts";
import { useWords } from "../language.tsx";
import { ActButton } from "../parts/act-button.tsx";
import { AskOnce } from "../parts/ask-once.tsx";
import { FaultNote } from "../parts/fault-note.tsx";
import { Panel } from "../parts/head.tsx";
import { Loaded } from "../parts/loaded.tsx";
import { sayDone } from "../parts/saved-note.ts";
import { Moment } from "../parts/times.tsx";
import { client, useWrite } from "../queries.ts";
import { whyMemberStays, whyNotMay } from "../site/may.ts";
import { useMembers } from "../site-queries.ts";
import { SiteFrame, type Site } from "./site-frame.tsx";

const roleOf = (typed: string): SiteRole => SITE_ROLES.find((role) => role === typed) ?? "viewer";

function MemberLine({
  site,
  member,
  members,
}: {
  readonly site: Site;
  readonly member: MemberView;
  readonly members: readonly MemberView[];
}) {
  const words = useWords();
  const w = words.site;
  const [asking, setAsking] = useState(false);
  const put = useWrite<"PUT /sites/{siteId}/members", SiteRole>(
    (role) =>
      client.call("PUT /sites/{siteId}/members", {
        params: { siteId: site.siteId },
        body: { email: member.email, role },
      }),
    () => sayDone(w.members.changed),
  );
  const remove = useWrite<"DELETE /sites/{siteId}/members/{userId}", null>(
    () =>
      client.call("DELETE /sites/{siteId}/members/{userId}", {
        params: { siteId: site.siteId, userId: member.userId },
      }),
    () => {
      setAsking(false);
      sayDone(w.members.removed);
    },
  );
  const why = whyMemberStays(member, { members, role: site.role, words });
  return (
    <li className="grid-row name-row">
      <div>
        <div className="strong">{member.name}</div>
        <div className="small quiet">{member.email}</div>
        <div className="small quiet">
          {w.members.since} <Moment at={member.since} />
        </div>
      </div>
      <div className="stack-tight">
        <NativeSelect
          aria-label={w.members.roleOf(member.name)}
          description={w.roleMeaning[member.role]}
          inputWrapperOrder={["input", "description"]}
          value={member.role}
          disabled={why !== null || put.isPending}
          onChange={(event) => put.mutate(roleOf(event.currentTarget.value))}
          data={SITE_ROLES.map((role) => ({ value: role, label: w.role[role] }))}
        />
        <FaultNote fault={put.error} />
      </div>
      <ActButton
        label={w.members.remove}
        ok={why === null}
        why={why}
        fullWidth={false}
        size="compact-sm"
        onClick={() => setAsking(true)}
      />
      {asking ? (
        <AskOnce
          question={{
            title: `${w.members.remove}${words.common.colon}${member.name}`,
            consequence: w.members.removeAsk(member.name),
            act: w.members.remove,
            withReason: false,
          }}
          busy={remove.isPending}
          fault={remove.error}
          onClose={() => setAsking(false)}
          onAct={() => remove.mutate(null)}
        />
      ) : null}
    </li>
  );
}

function AddForm({ site }: { readonly site: Site }) {
  const words = useWords();
  const w = words.site;
  const [email, setEmail] = useState("");
  const [role, setRole] = useState<SiteRole>("viewer");
  const send = useWrite<"PUT /sites/{siteId}/members", null>(
    () =>
      client.call("PUT /sites/{siteId}/members", {
        params: { siteId: site.siteId },
        body: { email: email.trim(), role },
      }),
    () => {
      setEmail("");
      sayDone(w.members.added);
    },
  );
  const why =
    whyNotMay(site.role, { act: "PUT /sites/{siteId}/members", words }) ??
    (email.trim() === "" ? w.members.missing : null);
  return (
    <Panel title={w.members.add}>
      <form
        className="stack-tight"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          if (why === null) send.mutate(null);
        }}
      >
        <div className="two">
          <TextInput
            label={w.members.email}
            description={w.members.addHelp}
            type="email"
            value={email}
            error={send.error?.fields["email"] ?? null}
            onChange={(event) => setEmail(event.currentTarget.value)}
          />
          <NativeSelect
            label={w.members.role}
            description={w.roleMeaning[role]}
            value={role}
            onChange={(event) => setRole(roleOf(event.currentTarget.value))}
            data={SITE_ROLES.map((each) => ({ value: each, label: w.role[each] }))}
          />
        </div>
        <FaultNote fault={send.error} shownFields={["email"]} />
        <ActButton
          label={w.members.go}
          ok={why === null && !send.isPending}
          why={why}
          fullWidth={false}
          onClick={() => send.mutate(null)}
        />
      </form>
    </Panel>
  );
}

export function SiteMembersScreen({ siteId }: { readonly siteId: SiteId }) {
  const members = useMembers(siteId);
  return (
    <SiteFrame siteId={siteId} tab="members">
      {(site) => (
        <div className="stack">
          <Loaded query={members}>
            {(page) => (
              <ul className="panel grid-table">
                {page.items.map((member) => (
                  <MemberLine key={member.userId} site={site} member={member} members={page.items} />
                ))}
              </ul>
            )}
          </Loaded>
          <AddForm site={site} />
        </div>
      )}
    </SiteFrame>
  );
}
