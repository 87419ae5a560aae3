/**
 * The search for a reporter's identity in everything that left the system or lies on its disk. The reporter of the story
 * writes markers that occur nowhere else into every identity field; one hit anywhere is a leak (design law 1).
 */
import { lstatSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";

/** A marker in the forms in which a careless program might let it out. */
function forms(marker: string): Buffer[] {
  return [
    marker,
    marker.toLowerCase(),
    encodeURIComponent(marker),
    Buffer.from(marker).toString("hex"),
    Buffer.from(marker).toString("base64").replace(/=+$/, "").slice(2, -2),
    [...marker].reverse().join(""),
  ].map((text) => Buffer.from(text));
}

export function findMarkers(bytes: Uint8Array | string, markers: readonly string[]): number {
  const buffer =
    typeof bytes === "string"
      ? Buffer.from(bytes)
      : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return markers.flatMap(forms).filter((form) => form.length >= 4 && buffer.includes(form)).length;
}

export type FolderSearch = {
  readonly files: number;
  readonly bytes: number;
  readonly hits: readonly string[];
};

/** Searches every regular file below `folder`, byte by byte: the database's own files, its log, backups, caches. */
export function searchFolder(folder: string, markers: readonly string[]): FolderSearch {
  const hits: string[] = [];
  let files = 0;
  let bytes = 0;
  for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
    const path = join(folder, name);
    if (!lstatSync(path).isFile()) continue;
    const content = readFileSync(path);
    files += 1;
    bytes += content.length;
    const plain = name.endsWith(".gz") ? gunzipSync(content) : content;
    if (findMarkers(plain, markers) > 0) hits.push(name);
  }
  return { files, bytes, hits };
}
