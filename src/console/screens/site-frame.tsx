/** The head and the tabs of a site's own screens. To whoever is no member of the site there is no such site, and the screen says no more. */
import type { ReactNode } from "react";
import { Link, useLocation } from "wouter";
import type { SiteRole } from "../../contract/http-sites.ts";
import type { SiteView } from "../../contract/http.ts";
import type { SiteId } from "../../contract/ids.ts";
import { useWords } from "../language.tsx";
import { useActiveInView } from "../parts/active-in-view.ts";
import { Head } from "../parts/head.tsx";
import { Loaded } from "../parts/loaded.tsx";
import { useSite } from "../site-queries.ts";

export type Site = SiteView & { readonly role: SiteRole | "operator" };

const TABS = [
  "overview",
  "setup",
  "settings",
  "protection",
  "history",
  "certificates",
  "members",
  "leave",
] as const;
export type SiteTab = (typeof TABS)[number];

const addressOf = (siteId: SiteId, tab: SiteTab): string =>
  tab === "overview" ? `/sites/${siteId}` : `/sites/${siteId}/${tab}`;

function Tabs({ siteId, tab }: { readonly siteId: SiteId; readonly tab: SiteTab }) {
  const w = useWords().site.tabs;
  const row = useActiveInView(tab);
  return (
    <nav className="tabs" ref={row} aria-label={w.label}>
      {TABS.map((each) => (
        <Link key={each} href={addressOf(siteId, each)} aria-current={each === tab ? "page" : undefined}>
          {w[each]}
        </Link>
      ))}
    </nav>
  );
}

export function SiteFrame({
  siteId,
  tab,
  children,
}: {
  readonly siteId: SiteId;
  readonly tab: SiteTab;
  readonly children: (site: Site) => ReactNode;
}) {
  const words = useWords();
  const w = words.site;
  const query = useSite(siteId);
  const [location] = useLocation();
  return (
    <Loaded query={query}>
      {(site) => (
        <>
          <Head
            key={tab === "settings" || tab === "protection" ? location : tab}
            title={site.hostnames[0] ?? words.siteState[site.state]}
            intro={`${w.tabs[tab]} · ${site.account} · ${w.role[site.role]}`}
          />
          <Tabs siteId={siteId} tab={tab} />
          {children(site)}
        </>
      )}
    </Loaded>
  );
}
