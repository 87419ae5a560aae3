/** Taking everything along, and leaving. Leaving wants the hostname typed: it stops the site here and destroys its keys. */
import { TextInput } from "@mantine/core";
import { useState } from "react";
import { useLocation } from "wouter";
import type { SiteExport } from "../../contract/http-sites.ts";
import type { SiteId } from "../../contract/ids.ts";
import { useWords } from "../language.tsx";
import { ActButton } from "../parts/act-button.tsx";
import { FaultNote } from "../parts/fault-note.tsx";
import { Panel } from "../parts/head.tsx";
import { saveAs } from "../parts/save-as.ts";
import { sayDone } from "../parts/saved-note.ts";
import { client, useWrite } from "../queries.ts";
import { whyNotMay } from "../site/may.ts";
import { useHostnames } from "../site-queries.ts";
import { SiteFrame, type Site } from "./site-frame.tsx";

const saveExport = (made: SiteExport): void =>
  saveAs(`parapet-${made.hostnames[0] ?? made.siteId}.json`, JSON.stringify(made, null, 2));

function Take({ site }: { readonly site: Site }) {
  const words = useWords();
  const w = words.site.leave;
  const send = useWrite<"GET /sites/{siteId}/export", null>(
    () => client.call("GET /sites/{siteId}/export", { params: { siteId: site.siteId } }),
    (made) => {
      saveExport(made);
      // It holds keys: not kept here longer than it takes to save it.
      send.reset();
      sayDone(w.downloaded);
    },
  );
  const why = whyNotMay(site.role, { act: "GET /sites/{siteId}/export", words });
  return (
    <Panel title={w.take}>
      <div className="stack-tight">
        <p>{w.takeHelp}</p>
        <p className="quiet">{w.takeWarn}</p>
        <FaultNote fault={send.error} />
        <ActButton
          label={w.download}
          ok={why === null && !send.isPending}
          why={why}
          fullWidth={false}
          onClick={() => send.mutate(null)}
        />
      </div>
    </Panel>
  );
}

function Leave({ site }: { readonly site: Site }) {
  const words = useWords();
  const w = words.site.leave;
  const [typed, setTyped] = useState("");
  const [, go] = useLocation();
  const hostnames = useHostnames(site.siteId);
  const name = site.hostnames[0] ?? hostnames.data?.items[0]?.hostname ?? "";
  const send = useWrite<"POST /sites/{siteId}/leave", null>(
    () =>
      client.call("POST /sites/{siteId}/leave", {
        params: { siteId: site.siteId },
        body: { confirm: typed.trim() },
      }),
    (made) => {
      saveExport(made);
      send.reset();
      sayDone(w.left);
      go("/sites");
    },
  );
  const leadsHere = (hostnames.data?.items ?? []).some((each) => each.leadsHere === "yes");
  const why =
    whyNotMay(site.role, { act: "POST /sites/{siteId}/leave", words }) ??
    (name === "" || typed.trim() !== name ? w.mismatch(name) : null);
  return (
    <Panel title={w.title}>
      <form
        className="stack-tight"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          if (why === null) send.mutate(null);
        }}
      >
        {leadsHere ? (
          <div className="note" data-tone="warn" role="status">
            <strong>{w.stillHere}</strong>
          </div>
        ) : null}
        <p>{w.consequence}</p>
        <p className="quiet">{w.measures}</p>
        <TextInput
          label={w.confirm(name)}
          classNames={{ input: "mono" }}
          autoComplete="off"
          autoCapitalize="none"
          spellCheck={false}
          value={typed}
          error={send.error?.fields["confirm"] ?? null}
          onChange={(event) => setTyped(event.currentTarget.value)}
        />
        <FaultNote fault={send.error} shownFields={["confirm"]} />
        <ActButton
          label={w.go}
          ok={why === null && !send.isPending}
          why={why}
          danger
          variant="filled"
          fullWidth={false}
          onClick={() => send.mutate(null)}
        />
      </form>
    </Panel>
  );
}

export function SiteLeaveScreen({ siteId }: { readonly siteId: SiteId }) {
  return (
    <SiteFrame siteId={siteId} tab="leave">
      {(site) => (
        <div className="stack">
          <Take site={site} />
          <Leave site={site} />
        </div>
      )}
    </SiteFrame>
  );
}
