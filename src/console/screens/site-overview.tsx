/** One site at a glance: its names and their certificates as two things, how far its settings are in force, its origins, what to look at. */
import { Link } from "wouter";
import type { HostnameView } from "../../contract/http-sites.ts";
import type { SiteId } from "../../contract/ids.ts";
import { useWords } from "../language.tsx";
import { Panel } from "../parts/head.tsx";
import { Loaded } from "../parts/loaded.tsx";
import { Ago, Moment } from "../parts/times.tsx";
import { CERTIFICATE_TONE, HOSTNAME_TONE } from "../site/states.ts";
import { useProtection } from "../protection-queries.ts";
import { useHostnames, useSettings } from "../site-queries.ts";
import { SiteFrame, type Site } from "./site-frame.tsx";
import { ExposureNote, OriginsPanel } from "./site-origins.tsx";
import { GlanceNote } from "./site-protection.tsx";

export function CertificateLine({ certificate }: { readonly certificate: HostnameView["certificate"] }) {
  const w = useWords().site;
  return (
    <div>
      <span className="state" data-tone={CERTIFICATE_TONE[certificate.state]}>
        {w.certificateState[certificate.state]}
      </span>
      {certificate.notAfter === null ? null : (
        <div className="small quiet">
          {w.overview.until} <Moment at={certificate.notAfter} />
        </div>
      )}
      {certificate.why === null ? null : <div className="small">{certificate.why}</div>}
    </div>
  );
}

export function HostnameLine({ hostname }: { readonly hostname: HostnameView }) {
  const w = useWords().site;
  return (
    <div>
      <span className="state" data-tone={HOSTNAME_TONE[hostname.state]}>
        {w.hostnameState[hostname.state]}
      </span>
      {hostname.lapsesAt === null ? null : (
        <div className="small">
          {w.overview.lapses} <Moment at={hostname.lapsesAt} />
        </div>
      )}
      <div className="small quiet">{w.setup.leads[hostname.leadsHere]}</div>
      {hostname.why === null ? null : <div className="small">{hostname.why}</div>}
    </div>
  );
}

function Names({ site }: { readonly site: Site }) {
  const w = useWords().site;
  const hostnames = useHostnames(site.siteId);
  return (
    <Panel
      title={w.overview.hostnames}
      aside={
        <Link className="small" href={`/sites/${site.siteId}/setup`}>
          {w.overview.goSetup}
        </Link>
      }
    >
      <Loaded query={hostnames}>
        {(page) =>
          page.items.length === 0 ? (
            <p className="quiet">{w.overview.noNames}</p>
          ) : (
            <ul className="flush">
              {page.items.map((each) => (
                <li className="grid-row name-row" key={each.hostname}>
                  <code className="strong">{each.hostname}</code>
                  <HostnameLine hostname={each} />
                  <CertificateLine certificate={each.certificate} />
                </li>
              ))}
            </ul>
          )
        }
      </Loaded>
    </Panel>
  );
}

function InForceLine({ site }: { readonly site: Site }) {
  const words = useWords();
  const { acked, of, ms, refusals } = site.inForce;
  const tone = of === 0 || refusals.length > 0 || acked < of ? "warn" : "good";
  if (site.state !== "active")
    return (
      <div className="in-force" data-tone="warn" role="status">
        <span className="big">{words.siteState[site.state]}</span>
        {site.heldBecause.map((line) => (
          <span className="small" key={line}>
            {line}
          </span>
        ))}
      </div>
    );
  return (
    <div className="in-force" data-tone={tone} role="status">
      <span className="big">
        {of === 0 ? words.measure.noEdges : words.measure.inForce(acked, of)}
        {ms === null ? "" : `, ${words.measure.ms(ms)}`}
      </span>
      {refusals.map((refusal) => (
        <span className="small bad" key={refusal.nodeId}>
          {words.measure.refused(refusal.nodeId, refusal.why)}
        </span>
      ))}
    </div>
  );
}

function Glance({ site }: { readonly site: Site }) {
  const words = useWords();
  const w = words.site.overview;
  const settings = useSettings(site.siteId);
  return (
    <>
      <Loaded query={settings}>
        {(view) => (
          <>
            {view.warnings.length === 0 ? (
              <p className="quiet">{w.noWarnings}</p>
            ) : (
              <div className="note" data-tone="warn">
                <strong>{w.warnings}</strong>
                <ul className="held-list">
                  {view.warnings.map((line) => (
                    <li key={line}>{line}</li>
                  ))}
                </ul>
              </div>
            )}
            <p className="small quiet">
              {w.changed}
              {words.common.colon}
              {w.revision(view.revision)}, {view.changedBy}, <Ago at={view.changedAt} />
            </p>
          </>
        )}
      </Loaded>
      <Panel title={w.measures}>
        <p>{site.measures === 0 ? w.noMeasures : w.measuresOn(site.measures)}</p>
      </Panel>
    </>
  );
}

/** What is under way at the site, and nothing while it is quiet: the protection has a screen of its own. */
function Trouble({ site }: { readonly site: Site }) {
  const { data } = useProtection(site.siteId);
  if (data === undefined || (data.incidents.length === 0 && !data.isUnderAttackNow)) return null;
  return <GlanceNote view={data} site={site} withWords />;
}

export function SiteOverviewScreen({ siteId }: { readonly siteId: SiteId }) {
  return (
    <SiteFrame siteId={siteId} tab="overview">
      {(site) => (
        <div className="stack">
          <InForceLine site={site} />
          <Trouble site={site} />
          <Names site={site} />
          <OriginsPanel site={site} />
          <ExposureNote site={site} />
          <Glance site={site} />
        </div>
      )}
    </SiteFrame>
  );
}
