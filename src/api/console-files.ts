/**
 * The console's built files below /console/. A path that names no file is a screen of the console, so it answers the one
 * page that draws them all; a missing asset is a 404. Nothing outside of the folder is ever read.
 */
import { readFile, realpath, stat } from "node:fs/promises";
import { extname, join, sep } from "node:path";

const FILE_BYTES_MAX = 16 * 1024 * 1024;
const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".ico": "image/x-icon",
  ".woff2": "font/woff2",
  ".json": "application/json",
  ".webmanifest": "application/manifest+json",
};
/** Nothing but its own files: the console writes its components' variables into a stylesheet when it is built. */
const HEADERS = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "cross-origin-opener-policy": "same-origin",
};

/** Answers a GET below /console. `folder` is absolute. */
export async function consoleFile(folder: string, pathname: string): Promise<Response> {
  const path = pathname.replace(/^\/console\/?/, "");
  const safe = /^[A-Za-z0-9._/-]*$/.test(path) && !path.split("/").some((part) => part.startsWith("."));
  const found = safe && path !== "" ? await read(folder, path) : null;
  if (found) {
    const hashed = path.startsWith("assets/");
    return answer(found, extname(path), hashed ? "public, max-age=31536000, immutable" : "no-cache");
  }
  const isScreen = safe && extname(path) === "";
  const index = isScreen ? await read(folder, "index.html") : null;
  if (index) return answer(index, ".html", "no-cache");
  const text = isScreen
    ? "The console's files are not built: run ./parapet up, which builds them"
    : "There is no such file";
  return new Response(`${text}\n`, {
    status: 404,
    headers: { ...HEADERS, "content-type": "text/plain; charset=utf-8", "cache-control": "no-store" },
  });
}

function answer(bytes: Uint8Array, extension: string, cacheControl: string): Response {
  return new Response(bytes as BodyInit, {
    headers: {
      ...HEADERS,
      "content-type": TYPES[extension] ?? "application/octet-stream",
      "cache-control": cacheControl,
    },
  });
}

async function read(folder: string, path: string): Promise<Uint8Array | null> {
  try {
    const root = await realpath(folder);
    const file = await realpath(join(root, path));
    if (!file.startsWith(root + sep)) return null; // A link that leads out of the folder.
    const facts = await stat(file);
    return facts.isFile() && facts.size <= FILE_BYTES_MAX ? await readFile(file) : null;
  } catch {
    return null;
  }
}
