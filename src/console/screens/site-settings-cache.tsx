/** What is kept at the edge, and emptying it. Emptying takes effect at once and is no part of the draft. */
import { NativeSelect, TextInput } from "@mantine/core";
import { useState } from "react";
import { CACHE_MODES, CACHE_RULES_MAX, type CacheRule } from "../../contract/cache.ts";
import type { PurgeRequest } from "../../contract/http-sites.ts";
import { useWords } from "../language.tsx";
import { ActButton } from "../parts/act-button.tsx";
import { AskOnce } from "../parts/ask-once.tsx";
import { FaultNote } from "../parts/fault-note.tsx";
import { FieldPanel, Panel } from "../parts/head.tsx";
import { Loaded } from "../parts/loaded.tsx";
import { sayDone } from "../parts/saved-note.ts";
import { Ago } from "../parts/times.tsx";
import { client, useWrite } from "../queries.ts";
import { ListAt, NumberAt, RadioAt, RowsAt, TextAt, TickAt, useDraft } from "../site/draft-fields.tsx";
import { valueAt } from "../site/draft.ts";
import { whyNotMay } from "../site/may.ts";
import { usePurges } from "../site-queries.ts";
import type { Site } from "./site-frame.tsx";

const ACTIONS: readonly CacheRule["action"][] = ["bypass", "origin", "store"];
const HOUR_SECONDS = 3600;

function RuleFields({ path }: { readonly path: string }) {
  const w = useWords().site.cache;
  const draft = useDraft();
  const action = valueAt(draft.wanted, `${path}.action`);
  return (
    <div className="two">
      <TextAt at={`${path}.path`} label={w.path} />
      <NativeSelect
        label={w.action}
        value={String(action)}
        disabled={draft.locked}
        onChange={(event) => {
          const next = event.currentTarget.value;
          // Seconds belong to "store" alone: the two change together.
          draft.set(path, {
            path: valueAt(draft.wanted, `${path}.path`),
            action: next,
            seconds: next === "store" ? HOUR_SECONDS : 0,
          });
        }}
        data={ACTIONS.map((value) => ({ value, label: w.actions[value] }))}
      />
      {action === "store" ? <NumberAt at={`${path}.seconds`} label={w.seconds} /> : null}
    </div>
  );
}

const KINDS = ["url", "prefix", "tag", "all"] as const;

function PurgeBox({ site }: { readonly site: Site }) {
  const words = useWords();
  const w = words.site.cache;
  const [kind, setKind] = useState<(typeof KINDS)[number]>("url");
  const [value, setValue] = useState("");
  const [asking, setAsking] = useState(false);
  const purges = usePurges(site.siteId);
  const send = useWrite<"POST /sites/{siteId}/purges", PurgeRequest>(
    (body) => client.call("POST /sites/{siteId}/purges", { params: { siteId: site.siteId }, body }),
    () => {
      sayDone(w.gone);
      setValue("");
      setAsking(false);
    },
  );
  const mayNot = whyNotMay(site.role, { act: "POST /sites/{siteId}/purges", words });
  const go = (): void => {
    if (kind === "all") setAsking(true);
    else if (value.trim() !== "") send.mutate({ kind, value: value.trim() });
  };
  return (
    <Panel title={w.purge}>
      <div className="stack">
        <p className="quiet">{w.purgeHelp}</p>
        <form
          className="stack-tight"
          noValidate
          onSubmit={(event) => {
            event.preventDefault();
            go();
          }}
        >
          <div className="two">
            <NativeSelect
              label={w.kind}
              value={kind}
              onChange={(event) => setKind(KINDS.find((each) => each === event.currentTarget.value) ?? "url")}
              data={KINDS.map((each) => ({ value: each, label: w.kinds[each] }))}
            />
            {kind === "all" ? null : (
              <TextInput
                label={w.value}
                description={w.valueHelp[kind]}
                classNames={{ input: "mono" }}
                value={value}
                error={send.error?.fields["value"] ?? null}
                onChange={(event) => setValue(event.currentTarget.value)}
              />
            )}
          </div>
          {asking ? null : <FaultNote fault={send.error} shownFields={["value"]} />}
          <ActButton
            label={w.go}
            ok={mayNot === null && !send.isPending && (kind === "all" || value.trim() !== "")}
            why={mayNot}
            fullWidth={false}
            onClick={go}
          />
        </form>
        <h3 className="small strong">{w.past}</h3>
        <Loaded query={purges}>
          {(page) =>
            page.items.length === 0 ? (
              <p className="quiet">{w.none}</p>
            ) : (
              <ul className="stack-tight small">
                {page.items.slice(0, 10).map((purge) => (
                  <li key={purge.number} className="row row-apart">
                    <code>{purge.what === "everything" ? w.everything : purge.what}</code>
                    <span className="quiet">
                      {purge.by} · <Ago at={purge.at} /> ·{" "}
                      {words.measure.inForce(purge.inForce.acked, purge.inForce.of)}
                    </span>
                  </li>
                ))}
              </ul>
            )
          }
        </Loaded>
      </div>
      {asking ? (
        <AskOnce
          question={{
            title: `${w.purge}${words.common.colon}${w.everything}`,
            consequence: w.allAsk,
            act: w.go,
            withReason: false,
          }}
          busy={send.isPending}
          fault={send.error}
          onClose={() => setAsking(false)}
          onAct={() => send.mutate({ kind: "all" })}
        />
      ) : null}
    </Panel>
  );
}

export function CachePart({ site }: { readonly site: Site }) {
  const words = useWords();
  const w = words.site.cache;
  return (
    <>
      <FieldPanel title={words.site.part.cache}>
        <RadioAt
          at="cache.mode"
          label={w.mode}
          choices={CACHE_MODES.map((mode) => ({
            value: mode,
            label: w.modes[mode],
            help: w.modeMeaning[mode],
          }))}
        />
      </FieldPanel>
      <FieldPanel title={w.rules}>
        <p className="quiet">{w.rulesHelp}</p>
        <RowsAt
          at="cache.rules"
          blank={{ path: "/", action: "bypass", seconds: 0 }}
          max={CACHE_RULES_MAX}
          add={words.site.list.add}
          nth={words.site.list.nth}
        >
          {(path) => <RuleFields path={path} />}
        </RowsAt>
      </FieldPanel>
      <FieldPanel title={w.except}>
        <ListAt at="cache.bypassCookies" label={w.cookies} help={w.cookiesHelp} />
        <ListAt at="cache.bypassHeaders" label={w.headers} help={words.site.list.commas} />
        <ListAt at="cache.ignoreQuery" label={w.query} help={w.queryHelp} />
        <TickAt at="cache.sortQuery" label={w.sort} />
      </FieldPanel>
      <FieldPanel title={w.stale}>
        <div className="two">
          <NumberAt at="cache.staleWhileRevalidateSeconds" label={w.whileRevalidate} />
          <NumberAt at="cache.staleIfErrorSeconds" label={w.ifError} />
        </div>
      </FieldPanel>
      <PurgeBox site={site} />
    </>
  );
}
