/** Incidents: what is under way and what was, of one site or, for operators, of all of them. Bounded and paged; each has a page of its own. */
import { NativeSelect } from "@mantine/core";
import { Link, useLocation, useSearch } from "wouter";
import { INCIDENT_STATES, type IncidentRow } from "../../contract/http-protection.ts";
import type { SiteId } from "../../contract/ids.ts";
import { useLanguage, useWords } from "../language.tsx";
import { span } from "../moments.ts";
import { useNow } from "../now.ts";
import { Head } from "../parts/head.tsx";
import { Loaded } from "../parts/loaded.tsx";
import { Pager, useCursors } from "../parts/pager.tsx";
import { Moment } from "../parts/times.tsx";
import { useIncidents } from "../protection-queries.ts";
import { glanceOfIncident, GLANCE_TONE, shareText } from "../site/protection-states.ts";
import { ProtectionFrame } from "./protection-frame.tsx";

export const incidentHref = (siteId: SiteId, incidentId: string): string =>
  `/sites/${siteId}/incidents/${encodeURIComponent(incidentId)}`;

/** Whether it runs and how long, how much came, and what part of it was let through. */
export function IncidentFacts({ row }: { readonly row: IncidentRow }) {
  const words = useWords();
  const w = words.protection.incidents;
  const now = useNow();
  const ended = row.endedAt === null ? now : Date.parse(row.endedAt);
  const lasted = span(Math.max(0, ended - Date.parse(row.beganAt)), words.time);
  const share = shareText(row.passed, { of: row.requests, words });
  const rate = row.peakPerSecond.toLocaleString(words.time.locale, { maximumFractionDigits: 0 });
  return (
    <span className="small quiet">
      {row.endedAt === null ? w.since(lasted) : w.lasted(lasted)} · {w.peak}
      {words.common.colon}
      {w.perSecond(rate)}
      {share === null ? "" : ` · ${w.passed(share)}`}
    </span>
  );
}

export function IncidentState({ row }: { readonly row: IncidentRow }) {
  const w = useWords().protection.incidents;
  const running = row.state === "active";
  return (
    <div className="row">
      <span className="state" data-tone={running ? GLANCE_TONE[glanceOfIncident(row)] : "quiet"}>
        {running ? w.running : w.ended}
      </span>
      {row.mode === "shadow" ? (
        <span className="tag" data-tone="sea">
          {w.watched}
        </span>
      ) : null}
    </div>
  );
}

function IncidentLine({ row, withSite }: { readonly row: IncidentRow; readonly withSite: boolean }) {
  const w = useWords().protection.incidents;
  const { language } = useLanguage();
  return (
    <li className="grid-row incident-row">
      <div>
        <Link className="strong" href={incidentHref(row.siteId, row.incidentId)}>
          {w.kind[row.kind]}
        </Link>
        {withSite ? <div className="strong small">{row.siteName}</div> : null}
        <div className="small quiet">
          <Moment at={row.beganAt} />
        </div>
      </div>
      <div>
        {row.words === null ? null : <div className="small begins">{row.words[language]}</div>}
        <IncidentFacts row={row} />
      </div>
      <IncidentState row={row} />
    </li>
  );
}

export function IncidentList({ siteId }: { readonly siteId: SiteId | null }) {
  const words = useWords();
  const w = words.protection.incidents;
  const [location, go] = useLocation();
  const asked = new URLSearchParams(useSearch()).get("state") ?? "";
  const state = INCIDENT_STATES.find((each) => each === asked);
  const cursors = useCursors(asked);
  const incidents = useIncidents(siteId, {
    ...(state === undefined ? {} : { state }),
    ...(cursors.cursor === undefined ? {} : { cursor: cursors.cursor }),
  });
  if (incidents.error?.code === "auth.forbidden") return <p className="quiet">{w.forOperators}</p>;
  return (
    <div className="stack">
      <div>
        <NativeSelect
          className="narrow"
          label={w.state}
          value={state ?? ""}
          onChange={(event) => {
            const value = event.currentTarget.value;
            go(value === "" ? location : `${location}?state=${value}`, { replace: true });
          }}
          data={[
            { value: "", label: w.all },
            { value: "active", label: w.running },
            { value: "ended", label: w.ended },
          ]}
        />
      </div>
      <Loaded query={incidents}>
        {(page) => (
          <>
            {page.items.length === 0 ? (
              <div className="panel empty">
                <strong>{state === undefined ? w.empty : w.noneFound}</strong>
                {state === undefined ? w.emptyMore : null}
              </div>
            ) : (
              <ul className="panel grid-table">
                {page.items.map((row) => (
                  <IncidentLine key={row.incidentId} row={row} withSite={siteId === null} />
                ))}
              </ul>
            )}
            <Pager cursors={cursors} next={page.next} total={page.total} />
          </>
        )}
      </Loaded>
    </div>
  );
}

export function IncidentsScreen() {
  const w = useWords().protection.incidents;
  return (
    <>
      <Head title={w.title} intro={w.intro} />
      <IncidentList siteId={null} />
    </>
  );
}

export function SiteIncidentsScreen({ siteId }: { readonly siteId: SiteId }) {
  return (
    <ProtectionFrame siteId={siteId} part="incidents">
      {() => <IncidentList siteId={siteId} />}
    </ProtectionFrame>
  );
}
