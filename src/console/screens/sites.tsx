/** Sites: what is protected, how far its policy has come, and what is held until a human has looked. */
import { Button } from "@mantine/core";
import { useState } from "react";
import { Link } from "wouter";
import type { SiteState } from "../../contract/desk-states.ts";
import type { SiteView } from "../../contract/http.ts";
import { useWords } from "../language.tsx";
import { ActButton } from "../parts/act-button.tsx";
import { AskOnce } from "../parts/ask-once.tsx";
import { Head } from "../parts/head.tsx";
import { Loaded } from "../parts/loaded.tsx";
import { sayDone } from "../parts/saved-note.ts";
import { Ago } from "../parts/times.tsx";
import { useRunningIncidents } from "../protection-queries.ts";
import { client, useSites, useWrite } from "../queries.ts";

const TONE = { active: "good", held: "warn", refused: "quiet", removed: "quiet" } as const satisfies Record<
  SiteState,
  string
>;

function HeldPart({ site }: { readonly site: SiteView }) {
  const words = useWords();
  const w = words.sitesPage;
  const [asking, setAsking] = useState<"release" | "refuse" | null>(null);
  const send = useWrite<"POST /sites/{siteId}/release", { what: "release" | "refuse"; reason: string }>(
    ({ what, reason }) =>
      client.call(what === "release" ? "POST /sites/{siteId}/release" : "POST /sites/{siteId}/refuse", {
        params: { siteId: site.siteId },
        body: { reason },
      }),
    () => {
      sayDone(asking === "release" ? w.released : w.refused);
      setAsking(null);
    },
  );
  return (
    <div className="note" data-tone="warn">
      <strong>{w.heldBecause}</strong>
      <ul className="held-list">
        {site.heldBecause.map((line) => (
          <li key={line}>{line}</li>
        ))}
      </ul>
      <div className="row">
        <ActButton label={w.refuse} ok why={null} fullWidth={false} onClick={() => setAsking("refuse")} />
        <ActButton label={w.release} ok why={null} fullWidth={false} onClick={() => setAsking("release")} />
      </div>
      {asking === null ? null : (
        <AskOnce
          question={{
            title: `${asking === "release" ? w.release : w.refuse}${words.common.colon}${site.hostnames.join(", ")}`,
            consequence: asking === "release" ? words.ask.releaseSite : words.ask.refuseSite,
            act: asking === "release" ? w.release : w.refuse,
            withReason: true,
          }}
          busy={send.isPending}
          fault={send.error}
          onClose={() => setAsking(null)}
          onAct={(reason) => send.mutate({ what: asking, reason })}
        />
      )}
    </div>
  );
}

function SiteLine({ site, incidents }: { readonly site: SiteView; readonly incidents: number }) {
  const words = useWords();
  const { acked, of, ms, refusals } = site.inForce;
  return (
    <li className="grid-row">
      <div className="grid-row-inner site-row">
        <div>
          <Link className="strong" href={`/sites/${site.siteId}`}>
            {site.hostnames.join(", ") || words.site.open}
          </Link>
          <div className="small quiet">{site.account}</div>
          {incidents === 0 ? null : (
            <Link className="tag" data-tone="bad" href={`/sites/${site.siteId}/protection`}>
              {words.protection.incidents.badge(incidents)}
            </Link>
          )}
        </div>
        <div className="small">
          <span className="quiet">
            {words.sitesPage.origin}
            {words.common.colon}
          </span>
          <code>{site.originUrl}</code>
          <div className="quiet">
            {words.sitesPage.version(site.version)}
            {site.measures > 0 ? ` · ${words.sitesPage.measures(site.measures)}` : ""}
          </div>
        </div>
        <div>
          <span className="state" data-tone={TONE[site.state]}>
            {words.siteState[site.state]}
          </span>
          {site.state === "active" ? (
            <div className={acked >= of && of > 0 ? "small quiet" : "small bad"}>
              {of === 0 ? words.measure.noEdges : words.measure.inForce(acked, of)}
              {ms === null ? "" : `, ${words.measure.ms(ms)}`}
            </div>
          ) : (
            <div className="small quiet">
              <Ago at={site.createdAt} />
            </div>
          )}
          {refusals.map((refusal) => (
            <div className="small bad" key={refusal.nodeId}>
              {words.measure.refused(refusal.nodeId, refusal.why)}
            </div>
          ))}
        </div>
      </div>
      {site.state === "held" ? <HeldPart site={site} /> : null}
    </li>
  );
}

const ORDER: readonly SiteState[] = ["held", "active", "refused", "removed"];

export function SitesScreen() {
  const words = useWords();
  const sites = useSites();
  const running = useRunningIncidents();
  return (
    <>
      <Head title={words.sitesPage.title}>
        <Button component={Link} href="/sites/add">
          {words.site.addLink}
        </Button>
      </Head>
      <div className="stack">
        <Loaded query={sites}>
          {(page) =>
            page.items.length === 0 ? (
              <div className="panel empty">
                <strong>{words.sitesPage.empty}</strong>
                {words.sitesPage.emptyMore}
              </div>
            ) : (
              <ul className="panel grid-table">
                {[...page.items]
                  .sort((a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state))
                  .map((site) => (
                    <SiteLine
                      key={site.siteId}
                      site={site}
                      incidents={running.filter(({ siteId }) => siteId === site.siteId).length}
                    />
                  ))}
              </ul>
            )
          }
        </Loaded>
      </div>
    </>
  );
}
