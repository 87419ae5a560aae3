/** Adding a site: the name is read first, and what was found is shown before anything is made. Nothing changes for visitors here. */
import { Button, NativeSelect, TextInput } from "@mantine/core";
import { useState } from "react";
import { useLocation } from "wouter";
import type { HostnamePlan } from "../../contract/http-sites.ts";
import { useWords } from "../language.tsx";
import { ActButton } from "../parts/act-button.tsx";
import { FaultNote } from "../parts/fault-note.tsx";
import { Head, Panel } from "../parts/head.tsx";
import { Records } from "../parts/records.tsx";
import { sayDone } from "../parts/saved-note.ts";
import { client, useMe, useSites, useWrite } from "../queries.ts";

function PlanNotes({ plan }: { readonly plan: HostnamePlan }) {
  const w = useWords().site.add;
  return (
    <>
      {plan.refusedBecause === null ? null : (
        <div className="note" data-tone="bad" role="alert">
          <strong>{w.refused}</strong>
          <span>{plan.refusedBecause}</span>
        </div>
      )}
      {plan.warnings.length === 0 ? null : (
        <div className="note" data-tone="warn">
          <ul className="held-list">
            {plan.warnings.map((line) => (
              <li key={line}>{line}</li>
            ))}
          </ul>
        </div>
      )}
      <Panel title={w.found}>
        {plan.found.length === 0 ? (
          <p className="quiet">{w.foundNothing}</p>
        ) : (
          <Records records={plan.found} />
        )}
      </Panel>
      {plan.toSet.length === 0 ? null : (
        <Panel title={w.toSet}>
          <Records records={plan.toSet} />
        </Panel>
      )}
      {plan.toKeep.length === 0 ? null : (
        <Panel title={w.toKeep}>
          <div className="stack-tight">
            <p className="quiet">{w.keepHelp}</p>
            <Records records={plan.toKeep} />
          </div>
        </Panel>
      )}
    </>
  );
}

/** Whose the site is to be: one's own account without a question, a choice among several; an operator may name any, a new one too. */
function AccountField({
  value,
  onChange,
  error,
}: {
  readonly value: string;
  readonly onChange: (account: string) => void;
  readonly error: string | null;
}) {
  const words = useWords();
  const w = words.site.add;
  const me = useMe();
  const sites = useSites();
  const own = me.data?.accounts ?? [];
  if (me.data?.roles.includes("operator") === true) {
    const known = [...new Set([...own, ...(sites.data?.items ?? []).map(({ account }) => account)])];
    return (
      <>
        <TextInput
          label={w.account}
          description={w.accountAnyHelp}
          list="known-accounts"
          value={value}
          error={error}
          onChange={(event) => onChange(event.currentTarget.value)}
        />
        <datalist id="known-accounts">
          {known.map((name) => (
            <option key={name} value={name} />
          ))}
        </datalist>
      </>
    );
  }
  if (own.length > 1)
    return (
      <NativeSelect
        label={w.account}
        description={w.accountHelp}
        data={[...own]}
        value={value}
        error={error}
        onChange={(event) => onChange(event.currentTarget.value)}
      />
    );
  return (
    <TextInput label={w.account} description={w.accountHelp} value={value} error={error} readOnly disabled />
  );
}

function CreateForm({ plan }: { readonly plan: HostnamePlan }) {
  const words = useWords();
  const w = words.site.add;
  const [, go] = useLocation();
  const me = useMe();
  const [originUrl, setOriginUrl] = useState(plan.proposedOriginUrl ?? "");
  const [typedAccount, setAccount] = useState<string | null>(null);
  const account = typedAccount ?? me.data?.accounts[0] ?? "";
  const noAccount = me.data?.roles.includes("operator") === true ? w.needAccount : w.noAccount;
  const send = useWrite<"POST /sites", null>(
    () =>
      client.call("POST /sites", {
        body: { hostname: plan.hostname, originUrl: originUrl.trim(), account: account.trim() },
      }),
    (site) => {
      sayDone(w.created);
      go(`/sites/${site.siteId}/setup`);
    },
  );
  const why =
    plan.refusedBecause ??
    (originUrl.trim() === "" ? w.needOrigin : account.trim() === "" ? noAccount : null);
  const ok = why === null && !send.isPending;
  return (
    <Panel title={plan.hostname}>
      <form
        className="stack-tight"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          if (ok) send.mutate(null);
        }}
      >
        <div className="two">
          <TextInput
            label={w.origin}
            description={w.originHelp}
            classNames={{ input: "mono" }}
            value={originUrl}
            error={send.error?.fields["originUrl"] ?? null}
            onChange={(event) => setOriginUrl(event.currentTarget.value)}
          />
          <AccountField value={account} error={send.error?.fields["account"] ?? null} onChange={setAccount} />
        </div>
        <FaultNote fault={send.error} shownFields={["originUrl", "account"]} />
        <ActButton
          label={w.create}
          ok={ok}
          why={why}
          variant="filled"
          fullWidth={false}
          onClick={() => send.mutate(null)}
        />
      </form>
    </Panel>
  );
}

export function SiteAddScreen() {
  const words = useWords();
  const w = words.site.add;
  const [hostname, setHostname] = useState("");
  const look = useWrite<"POST /hostname-plans", string>((name) =>
    client.call("POST /hostname-plans", { body: { hostname: name } }),
  );
  return (
    <>
      <Head title={w.title} intro={w.intro} focus={false} />
      <div className="stack">
        <Panel title={w.hostname}>
          <form
            className="stack-tight"
            noValidate
            onSubmit={(event) => {
              event.preventDefault();
              if (hostname.trim() !== "") look.mutate(hostname.trim());
            }}
          >
            <TextInput
              label={w.hostname}
              description={w.hostnameHelp}
              classNames={{ input: "mono" }}
              autoFocus
              autoCapitalize="none"
              spellCheck={false}
              inputMode="url"
              value={hostname}
              error={look.error?.fields["hostname"] ?? null}
              onChange={(event) => setHostname(event.currentTarget.value)}
            />
            <FaultNote fault={look.error} shownFields={["hostname"]} />
            <div>
              <Button type="submit" loading={look.isPending} disabled={hostname.trim() === ""}>
                {w.look}
              </Button>
            </div>
          </form>
        </Panel>
        <div className="stack" aria-live="polite">
          {look.data === undefined ? null : (
            <>
              <PlanNotes plan={look.data} />
              <CreateForm key={look.data.hostname} plan={look.data} />
            </>
          )}
        </div>
      </div>
    </>
  );
}
