/** The parts of a site's protection below its head: what is in force now, incidents, bans, who is told, and the two parts of the settings that belong here. */
import type { ReactNode } from "react";
import { Link } from "wouter";
import type { SiteId } from "../../contract/ids.ts";
import { useWords } from "../language.tsx";
import { useActiveInView } from "../parts/active-in-view.ts";
import { SiteFrame, type Site } from "./site-frame.tsx";

const PARTS = [
  { name: "state", path: "protection" },
  { name: "incidents", path: "incidents" },
  { name: "bans", path: "bans" },
  { name: "notifications", path: "notifications" },
] as const;
export type ProtectionPart = (typeof PARTS)[number]["name"];

function Parts({ siteId, part }: { readonly siteId: SiteId; readonly part: ProtectionPart }) {
  const words = useWords();
  const w = words.protection.tabs;
  const row = useActiveInView(part);
  return (
    <nav className="sub-tabs" ref={row} aria-label={w.parts}>
      {PARTS.map(({ name, path }) => (
        <Link key={name} href={`/sites/${siteId}/${path}`} aria-current={name === part ? "page" : undefined}>
          {w[name]}
        </Link>
      ))}
      <Link href={`/sites/${siteId}/settings/floods`}>{w.settings}</Link>
      <Link href={`/sites/${siteId}/settings/protection`}>{words.site.part.protection}</Link>
    </nav>
  );
}

export function ProtectionFrame({
  siteId,
  part,
  children,
}: {
  readonly siteId: SiteId;
  readonly part: ProtectionPart;
  readonly children: (site: Site) => ReactNode;
}) {
  return (
    <SiteFrame siteId={siteId} tab="protection">
      {(site) => (
        <>
          <Parts siteId={siteId} part={part} />
          {children(site)}
        </>
      )}
    </SiteFrame>
  );
}
