/**
 * A site's protection now: quiet or not, the switch "Under attack" with its end, and what the owner's rules did. Nothing here is a draft: the switch
 * asks once, naming what follows, and is in force at once.
 */
import { Link } from "wouter";
import type { ProtectionView, SignatureView } from "../../contract/http-protection.ts";
import type { SiteId } from "../../contract/ids.ts";
import { useLanguage, useWords } from "../language.tsx";
import { useNow } from "../now.ts";
import { Panel } from "../parts/head.tsx";
import { Loaded } from "../parts/loaded.tsx";
import { Clock, Moment } from "../parts/times.tsx";
import { useProtection } from "../protection-queries.ts";
import { isOver, ruleInWords } from "../site/protection-rule.ts";
import { glanceOf, GLANCE_TONE } from "../site/protection-states.ts";
import { IncidentFacts, incidentHref } from "./incidents.tsx";
import { ProtectionFrame } from "./protection-frame.tsx";
import { AttackPanel } from "./site-attack.tsx";
import type { Site } from "./site-frame.tsx";

/** What whoever is worried looks for first. */
export function GlanceNote({
  view,
  site,
  withWords,
}: {
  readonly view: ProtectionView;
  readonly site: Site;
  /** False where what is in force stands below and says the same. */
  readonly withWords: boolean;
}) {
  const words = useWords();
  const w = words.protection.state;
  const { language } = useLanguage();
  const { glance, incident, more } = glanceOf(view);
  const { paths, endsAt } = view.protection.underAttack;
  const meaning = { quiet: w.quietMore, floodSeen: w.floodSeenMore, surge: w.surgeMore };
  const said = glance === "quiet" || glance === "floodSeen" || glance === "surge" ? meaning[glance] : null;
  return (
    <div className="in-force glance" data-tone={GLANCE_TONE[glance]} role="status">
      <span className="big">{w[glance]}</span>
      {said === null ? null : <span>{said}</span>}
      {incident === null ? null : (
        <>
          {incident.words === null || !withWords ? null : (
            <span className="begins">{incident.words[language]}</span>
          )}
          <IncidentFacts row={incident} />
          <span>
            <Link href={incidentHref(site.siteId, incident.incidentId)}>{w.look}</Link>
            {more === 0 ? null : (
              <>
                {" "}
                <Link href={`/sites/${site.siteId}/incidents`}>{w.more(more)}</Link>
              </>
            )}
          </span>
        </>
      )}
      {view.isUnderAttackNow ? (
        <span>
          <strong>{w.attackOn}.</strong>{" "}
          {paths.length === 0 ? w.attackWhole : w.attackPaths(paths.join(", "))}{" "}
          {endsAt === null ? (
            w.openEnd
          ) : (
            <>
              {w.until}
              {words.common.colon}
              <Moment at={endsAt} />, <Clock dueAt={endsAt} />
            </>
          )}
        </span>
      ) : null}
      <span className="small">
        {w.mode}
        {words.common.colon}
        {words.protection.mode[view.protection.floods]}.{" "}
        <Link href={`/sites/${site.siteId}/settings/floods`}>{w.change}</Link>
      </span>
    </div>
  );
}

function RuleCounts({ view, site }: { readonly view: ProtectionView; readonly site: Site }) {
  const words = useWords();
  const w = words.protection.counts;
  const now = useNow();
  const { rules } = view.protection;
  const change = (
    <Link className="small" href={`/sites/${site.siteId}/settings/protection`}>
      {w.add}
    </Link>
  );
  return (
    <Panel title={w.title} aside={change}>
      {rules.length === 0 ? (
        <p className="quiet">{w.none}</p>
      ) : (
        <div className="stack-tight">
          <ul className="flush">
            {rules.map((rule) => {
              const count = view.rules?.find((each) => each.rule === rule.name);
              const what =
                count === undefined
                  ? null
                  : rule.isShadow
                    ? w.shadow(count.met)
                    : rule.action === "log"
                      ? w.noted(count.met)
                      : w.did(count.stopped);
              return (
                <li className="grid-row count-row" key={rule.name}>
                  <div>
                    <strong>{rule.name}</strong>{" "}
                    {rule.isShadow ? (
                      <span className="tag" data-tone="sea">
                        {words.protection.rule.shadowTag}
                      </span>
                    ) : null}{" "}
                    {isOver(rule.endsAt, now) ? (
                      <span className="tag" data-tone="warn">
                        {words.protection.rule.overTag}
                      </span>
                    ) : null}
                    <div className="small quiet">{ruleInWords(rule, words)}</div>
                  </div>
                  <div>
                    {what === null || count === undefined ? (
                      <span className="quiet">{w.unknown}</span>
                    ) : (
                      <>
                        <div>{what}</div>
                        <div className="small quiet">{w.matched(count.matched)}</div>
                      </>
                    )}
                  </div>
                </li>
              );
            })}
          </ul>
          <p className="small quiet">{view.rules === null ? w.noCounts : w.since}</p>
        </div>
      )}
    </Panel>
  );
}

function Mitigations({ mitigations }: { readonly mitigations: readonly SignatureView[] }) {
  const words = useWords();
  const { language } = useLanguage();
  const w = words.protection.state;
  if (mitigations.length === 0) return null;
  return (
    <Panel title={w.mitigations}>
      <ul className="flush">
        {mitigations.map((each) => (
          <li className="grid-row" key={`${each.since} ${each.words.en}`}>
            <div className="begins">{each.words[language]}</div>
            <div className="small quiet">
              {words.protection.incident.did[each.action]}, {words.protection.incident.since}{" "}
              <Moment at={each.since} />
            </div>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

export function SiteProtectionScreen({ siteId }: { readonly siteId: SiteId }) {
  const words = useWords();
  const protection = useProtection(siteId);
  return (
    <ProtectionFrame siteId={siteId} part="state">
      {(site) => (
        <Loaded query={protection}>
          {(view) => (
            <div className="stack">
              <GlanceNote view={view} site={site} withWords={view.mitigations.length === 0} />
              <Mitigations mitigations={view.mitigations} />
              <AttackPanel site={site} view={view} />
              <RuleCounts view={view} site={site} />
              <p className="small quiet">
                <Link href={`/sites/${siteId}/bans`}>{words.protection.state.bans(view.bans)}</Link>
              </p>
            </div>
          )}
        </Loaded>
      )}
    </ProtectionFrame>
  );
}
