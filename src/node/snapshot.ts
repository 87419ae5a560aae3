/**
 * What nginx loads before its workers accept: all sites and all certificates that are shown, a line of JSON each. Each file is written whole or
 * not at all, so that nginx never starts from half of one. The addresses in it outlive the process too: until a name is resolved
 * again, an origin is asked where it was last.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { EdgePeer, EdgeSite } from "../contract/edge-site.ts";

const SITES = "snapshot.jsonl";
const CERTIFICATES = "certificates.jsonl";

/** Throws the system's error when the disk takes no more; the files from before then still stand. */
export function writeSnapshot(
  stateDir: string,
  lines: { readonly sites: string; readonly certificates: string },
): void {
  for (const [name, text] of [
    [SITES, lines.sites],
    [CERTIFICATES, lines.certificates],
  ] as const) {
    const path = join(stateDir, name);
    writeFileSync(`${path}.new`, text, { mode: 0o600 });
    renameSync(`${path}.new`, path);
  }
}

/** Where each site's origins were when the snapshot was written, as far as it can be read. */
export function readSnapshotAddresses(stateDir: string): Map<string, readonly EdgePeer[]> {
  const known = new Map<string, readonly EdgePeer[]>();
  const path = join(stateDir, SITES);
  if (!existsSync(path)) return known;
  for (const line of readFileSync(path, "utf8").split("\n")) {
    try {
      const site = JSON.parse(line) as Partial<EdgeSite>;
      if (typeof site.siteId !== "string" || !Array.isArray(site.peers)) continue;
      known.set(
        site.siteId,
        site.peers.filter(({ address }) => typeof address === "string"),
      );
    } catch {
      // Only a shortcut: the name is resolved anyway.
    }
  }
  return known;
}
