/**
 * Bans: who is kept out, where, until when and why; searched, lifted and made here. An operator sees those of all sites, and bans everywhere or on one;
 * a site's own page shows what holds there. Making and lifting ask once.
 */
import { Button, NativeSelect, TextInput } from "@mantine/core";
import { useState } from "react";
import { useLocation, useSearch } from "wouter";
import type { BanQuery, BanView } from "../../contract/http-protection.ts";
import type { SiteId } from "../../contract/ids.ts";
import { useWords } from "../language.tsx";
import { ActButton } from "../parts/act-button.tsx";
import { AskOnce } from "../parts/ask-once.tsx";
import { Head } from "../parts/head.tsx";
import { Loaded } from "../parts/loaded.tsx";
import { Pager, useCursors } from "../parts/pager.tsx";
import { sayDone } from "../parts/saved-note.ts";
import { Moment } from "../parts/times.tsx";
import { useBans } from "../protection-queries.ts";
import { client, useMe, useWrite } from "../queries.ts";
import type { Role } from "../site/may.ts";
import { BAN_TONE, whyNotLift } from "../site/protection-states.ts";
import { BanForm } from "./ban-form.tsx";
import { ProtectionFrame } from "./protection-frame.tsx";

const WATCH = "watch";

function Lift({ ban, role }: { readonly ban: BanView; readonly role: Role }) {
  const words = useWords();
  const w = words.protection.bans;
  const [asking, setAsking] = useState(false);
  const { banId, siteId } = ban;
  const send = useWrite<"POST /bans/{banId}/lift", null>(
    () =>
      siteId === null
        ? client.call("POST /bans/{banId}/lift", { params: { banId } })
        : client.call("POST /sites/{siteId}/bans/{banId}/lift", { params: { siteId, banId } }),
    () => {
      setAsking(false);
      sayDone(w.liftDone);
    },
  );
  const why = whyNotLift(ban, { role, words });
  return (
    <>
      <ActButton
        label={w.lift}
        ok={why === null && !send.isPending}
        why={ban.state === "in-force" ? why : null}
        {...(why === null ? {} : { title: why })}
        fullWidth={false}
        size="compact-sm"
        onClick={() => setAsking(true)}
      />
      {asking ? (
        <AskOnce
          question={{
            title: w.liftTitle(ban.value),
            consequence: w.liftAsk,
            act: w.lift,
            withReason: false,
          }}
          busy={send.isPending}
          fault={send.error}
          onClose={() => setAsking(false)}
          onAct={() => send.mutate(null)}
        />
      ) : null}
    </>
  );
}

function BanLine({
  ban,
  role,
  withSite,
}: {
  readonly ban: BanView;
  readonly role: Role;
  readonly withSite: boolean;
}) {
  const words = useWords();
  const w = words.protection.bans;
  const where = ban.siteId === null ? w.everywhere : withSite ? (ban.siteName ?? w.onSite) : w.onSite;
  return (
    <li className="grid-row ban-row">
      <div>
        <code className="strong">{ban.kind === "asn" ? `AS${ban.value}` : ban.value}</code>
        <div className="small quiet">
          {w.kind[ban.kind]} · {where}
          {ban.nodeId === null ? null : <span title={ban.nodeId}> · {w.nodeOnly}</span>}
        </div>
      </div>
      <div>
        <div>{ban.reason}</div>
        <div className="small quiet">
          {ban.by === WATCH ? w.byWatch : words.common.by(ban.by)}, <Moment at={ban.createdAt} />
        </div>
      </div>
      <div>
        <span className="state" data-tone={BAN_TONE[ban.state]}>
          {w.is[ban.state]}
        </span>
        <div className="small quiet">
          {ban.liftedAt !== null ? (
            <>
              <Moment at={ban.liftedAt} />
              {ban.liftedBy === null ? "" : ` ${w.liftedBy(ban.liftedBy)}`}
            </>
          ) : (
            <>
              {ban.state === "in-force" ? `${w.until} ` : ""}
              <Moment at={ban.endsAt} />
            </>
          )}
        </div>
      </div>
      <Lift ban={ban} role={role} />
    </li>
  );
}

type State = "in-force" | "ended" | "";
const stateOf = (text: string | null): State =>
  text === "ended" ? "ended" : text === "all" ? "" : "in-force";

/** The search lives in the address, so that a colleague can be sent what one sees. */
function Search({ q, state }: { readonly q: string; readonly state: State }) {
  const w = useWords().protection.bans;
  const [location, go] = useLocation();
  const [typed, setTyped] = useState(q);
  const goTo = (next: { q: string; state: State }): void => {
    const asked = new URLSearchParams();
    if (next.q !== "") asked.set("q", next.q);
    if (next.state !== "in-force") asked.set("state", next.state === "" ? "all" : next.state);
    const text = asked.toString();
    go(text === "" ? location : `${location}?${text}`, { replace: true });
  };
  return (
    <form
      className="search-row"
      role="search"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        goTo({ q: typed.trim(), state });
      }}
    >
      <TextInput
        label={w.search}
        description={w.searchHelp}
        classNames={{ input: "mono" }}
        autoCapitalize="none"
        spellCheck={false}
        maxLength={100}
        value={typed}
        onChange={(event) => setTyped(event.currentTarget.value)}
      />
      <NativeSelect
        label={w.state}
        value={state === "" ? "all" : state}
        onChange={(event) => goTo({ q: typed.trim(), state: stateOf(event.currentTarget.value) })}
        data={(["in-force", "ended", "all"] as const).map((value) => ({ value, label: w.states[value] }))}
      />
      <Button type="submit" variant="default">
        {w.go}
      </Button>
    </form>
  );
}

function BanList({ siteId, role }: { readonly siteId: SiteId | null; readonly role: Role }) {
  const words = useWords();
  const w = words.protection.bans;
  const search = new URLSearchParams(useSearch());
  const q = search.get("q") ?? "";
  const state = stateOf(search.get("state"));
  const cursors = useCursors(`${q} ${state}`);
  const query: BanQuery = {
    ...(q === "" ? {} : { q }),
    ...(state === "" ? {} : { state }),
    ...(cursors.cursor === undefined ? {} : { cursor: cursors.cursor }),
  };
  const bans = useBans(siteId, query);
  if (bans.error?.code === "auth.forbidden") return <p className="quiet">{w.forOperators}</p>;
  return (
    <div className="stack">
      <Search key={`${q} ${state}`} q={q} state={state} />
      <Loaded query={bans}>
        {(page) => (
          <>
            {page.items.length === 0 ? (
              <div className="panel empty">
                <strong>{q === "" && state === "in-force" ? w.empty : w.noneFound}</strong>
                {q === "" && state === "in-force" ? w.emptyMore : null}
              </div>
            ) : (
              <ul className="panel grid-table">
                {page.items.map((ban) => (
                  <BanLine key={ban.banId} ban={ban} role={role} withSite={siteId === null} />
                ))}
              </ul>
            )}
            <Pager cursors={cursors} next={page.next} total={page.total} />
          </>
        )}
      </Loaded>
      <BanForm siteId={siteId} role={role} />
    </div>
  );
}

export function BansScreen() {
  const w = useWords().protection.bans;
  const me = useMe();
  const role = me.data?.roles.includes("operator") === true ? "operator" : "viewer";
  return (
    <>
      <Head title={w.title} intro={w.intro} />
      <BanList siteId={null} role={role} />
    </>
  );
}

export function SiteBansScreen({ siteId }: { readonly siteId: SiteId }) {
  return (
    <ProtectionFrame siteId={siteId} part="bans">
      {(site) => <BanList siteId={siteId} role={site.role} />}
    </ProtectionFrame>
  );
}
