/** Who changed what, when and why; one step back, which asks once and makes a new revision; and who did what beside the settings. */
import { useState } from "react";
import { SITE_ROLES, type RevisionRow } from "../../contract/http-sites.ts";
import type { SiteId } from "../../contract/ids.ts";
import type { SiteDeed } from "../../contract/site-deeds.ts";
import { useWords } from "../language.tsx";
import { ActButton } from "../parts/act-button.tsx";
import { AskOnce } from "../parts/ask-once.tsx";
import { Changes } from "../parts/changes.tsx";
import { Panel } from "../parts/head.tsx";
import { Loaded } from "../parts/loaded.tsx";
import { sayDone } from "../parts/saved-note.ts";
import { Moment } from "../parts/times.tsx";
import { client, useWrite } from "../queries.ts";
import { whyNotMay } from "../site/may.ts";
import { useDeeds, useRevisions } from "../site-queries.ts";
import { SiteFrame, type Site } from "./site-frame.tsx";

function Revision({
  site,
  row,
  current,
}: {
  readonly site: Site;
  readonly row: RevisionRow;
  readonly current: boolean;
}) {
  const words = useWords();
  const w = words.site.history;
  const [asking, setAsking] = useState(false);
  const send = useWrite<"POST /sites/{siteId}/revisions/{revision}/restore", null>(
    () =>
      client.call("POST /sites/{siteId}/revisions/{revision}/restore", {
        params: { siteId: site.siteId, revision: String(row.revision) },
        body: { note: w.restoreNote(row.revision) },
      }),
    (view) => {
      setAsking(false);
      sayDone(w.restored(view.revision));
    },
  );
  const why =
    whyNotMay(site.role, { act: "POST /sites/{siteId}/revisions/{revision}/restore", words }) ??
    (current ? w.isCurrent : null);
  return (
    <li className="panel panel-body stack-tight">
      <div className="row row-apart">
        <div>
          <strong>{words.site.overview.revision(row.revision)}</strong>
          {current ? (
            <>
              {" "}
              <span className="tag" data-tone="sea">
                {w.current}
              </span>
            </>
          ) : null}
          <div className="small quiet">
            <Moment at={row.at} />, {w.by} {row.by}
          </div>
        </div>
        <ActButton
          label={w.restore}
          ok={why === null}
          why={null}
          {...(why === null ? {} : { title: why })}
          fullWidth={false}
          size="compact-sm"
          onClick={() => setAsking(true)}
        />
      </div>
      <p className={row.note === "" ? "quiet" : ""}>{row.note === "" ? w.noNote : row.note}</p>
      {row.changes.length === 0 ? (
        <p className="small quiet">{w.noChange}</p>
      ) : row.changes.length > 8 ? (
        <details>
          <summary>
            {words.site.draft.show} ({row.changes.length})
          </summary>
          <Changes changes={row.changes} />
        </details>
      ) : (
        <Changes changes={row.changes} />
      )}
      {asking ? (
        <AskOnce
          question={{
            title: `${w.restore}${words.common.colon}${words.site.overview.revision(row.revision)}`,
            consequence: w.restoreAsk(row.revision),
            act: w.restore,
            withReason: false,
          }}
          busy={send.isPending}
          fault={send.error}
          onClose={() => setAsking(false)}
          onAct={() => send.mutate(null)}
        />
      ) : null}
    </li>
  );
}

function Deeds({ siteId }: { readonly siteId: SiteId }) {
  const words = useWords().site;
  const w = words.history;
  /** A member's role stands last, and has a word of its own in each language. */
  const shown = ({ deed, about }: SiteDeed): string => {
    const at = about.lastIndexOf(", ");
    const role = SITE_ROLES.find((one) => one === about.slice(at + 2));
    return deed === "member-put" && role !== undefined ? `${about.slice(0, at)}, ${words.role[role]}` : about;
  };
  const deeds = useDeeds(siteId);
  return (
    <Panel title={w.deeds}>
      <Loaded query={deeds}>
        {({ items, total }) => (
          <>
            {items.length === 0 ? <p className="quiet">{w.noDeeds}</p> : null}
            <ul className="stack-tight">
              {items.map((deed) => (
                <li key={deed.number} className="grid-row">
                  <div>
                    <div>
                      {w.deed[deed.deed]}
                      {deed.about === "" ? null : (
                        <>
                          {" "}
                          <strong>{shown(deed)}</strong>
                        </>
                      )}
                      {deed.isDone ? null : (
                        <>
                          {" "}
                          <span className="tag" data-tone="warn">
                            {w.cutOff}
                          </span>
                        </>
                      )}
                    </div>
                    <div className="small quiet">
                      <Moment at={deed.at} />, {w.by} {deed.who}
                    </div>
                  </div>
                </li>
              ))}
            </ul>
            {total > items.length ? <p className="small quiet">{w.older(total - items.length)}</p> : null}
          </>
        )}
      </Loaded>
    </Panel>
  );
}

export function SiteHistoryScreen({ siteId }: { readonly siteId: SiteId }) {
  const w = useWords().site.history;
  const revisions = useRevisions(siteId);
  return (
    <SiteFrame siteId={siteId} tab="history">
      {(site) => (
        <div className="stack">
          <Loaded query={revisions}>
            {(page) =>
              page.items.length === 0 ? (
                <div className="panel empty">
                  <strong>{w.none}</strong>
                </div>
              ) : (
                <ul className="stack">
                  {page.items.map((row, i) => (
                    <Revision key={row.revision} site={site} row={row} current={i === 0} />
                  ))}
                </ul>
              )
            }
          </Loaded>
          <Deeds siteId={siteId} />
        </div>
      )}
    </SiteFrame>
  );
}
