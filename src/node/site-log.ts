/**
 * The lines of the access log that belong to one site, for its owner to take along. The log is read as a stream, oldest file first, and the
 * newest lines are kept within bounds of number and size. A line counts as the site's by the field that nginx wrote: it is
 * parsed, so that no path or host that a stranger chose can put a line into somebody else's export (design law 10).
 */
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";

export const SITE_LOG_LINES_MAX = 10_000;
export const SITE_LOG_BYTES_MAX = 4 * 1024 * 1024;

type Bounds = { readonly linesMax: number; readonly bytesMax: number };

/** A file that is not there holds no lines. */
export async function readSiteLog(
  files: readonly string[],
  siteId: string,
  bounds: Bounds = { linesMax: SITE_LOG_LINES_MAX, bytesMax: SITE_LOG_BYTES_MAX },
): Promise<readonly string[]> {
  const kept: string[] = [];
  let first = 0;
  let bytes = 0;
  for (const file of files) {
    const stream = createReadStream(file);
    try {
      for await (const line of createInterface({ input: stream, crlfDelay: Infinity })) {
        if (!line.includes(siteId) || siteOf(line) !== siteId) continue;
        kept.push(line);
        bytes += Buffer.byteLength(line);
        while (kept.length - first > bounds.linesMax || (bytes > bounds.bytesMax && first < kept.length)) {
          bytes -= Buffer.byteLength(kept[first] ?? "");
          kept[first] = "";
          first += 1;
        }
        if (first > bounds.linesMax) {
          kept.splice(0, first);
          first = 0;
        }
      }
    } catch (error) {
      if ((error as { code?: string }).code !== "ENOENT") throw error;
    } finally {
      stream.destroy();
    }
  }
  return kept.slice(first);
}

/** "" for a line that is none of ours, cut off by a rotation for example. */
function siteOf(line: string): string {
  try {
    const { site } = JSON.parse(line) as { site?: unknown };
    // Under its preview name a site is logged with a slash behind its id (edge/nginx/preview.ts).
    return typeof site === "string" ? site.replace(/\/$/, "") : "";
  } catch {
    return "";
  }
}
