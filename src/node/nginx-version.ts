/**
 * Is this nginx safe to face the Internet? Debian backports security fixes without changing the upstream version, so
 * only the package's revision tells. The bound is the revision that has rapid-reset protection and the rewrite fixes
 * (CVE-2023-44487, CVE-2026-42945, CVE-2026-42533); an older nginx runs, but somebody is told.
 */
import { execFile } from "node:child_process";

export const NGINX_SAFE_VERSION = "1.22.1-9+deb12u11";
const SAFE_UPSTREAM = "1.22.1";
const SAFE_REVISION = 11;

/** Null when the package's version is known to be safe, else a sentence that says what to do. */
export function whyVersionUnsafe(version: string | null): string | null {
  if (version === null) {
    return `nginx's package version cannot be told: make sure that it is at least ${NGINX_SAFE_VERSION}`;
  }
  const match = /^(\d+\.\d+\.\d+)-\d+(?:\+deb12u(\d+))?/.exec(version);
  if (match === null || match[1] !== SAFE_UPSTREAM) {
    return `nginx ${version} was not tried with this edge: install ${NGINX_SAFE_VERSION}`;
  }
  if (Number(match[2] ?? 0) >= SAFE_REVISION) return null;
  return `nginx ${version} lacks security fixes: enable Debian's security archive and install ${NGINX_SAFE_VERSION} or newer`;
}

/** The installed package's version, or null where dpkg does not know it. */
export function installedNginxVersion(): Promise<string | null> {
  return new Promise((resolve) => {
    execFile("dpkg-query", ["-W", "-f", "${Version}", "nginx"], { timeout: 5000 }, (error, stdout) => {
      resolve(error === null && stdout !== "" ? stdout.trim() : null);
    });
  });
}
