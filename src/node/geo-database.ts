/**
 * The operator's databases of countries and autonomous systems (MMDB, MaxMind DB file format 2.0), on their way to nginx. A file is read and
 * tried here first, copied into the node's own folder, and shown to nginx alone; only then does the real configuration name it. So a broken file
 * costs its feature and an alarm, never the edge; and one that is overwritten or cut short while nginx has it mapped does no harm.
 */
import { execFile } from "node:child_process";
import { chmodSync, renameSync, rmSync, statSync, writeFileSync, readFileSync } from "node:fs";
import { isIPv4 } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { Reader } from "mmdb-lib";

export type GeoKind = "country" | "asn";
export type GeoDatabase = {
  /** The copy that nginx is given; "" for none. */
  readonly file: string;
  /** Where the answer lies in an entry, as nginx's geoip2 module takes it: "country iso_code". */
  readonly field: string;
};
export const NO_GEO_DATABASE: GeoDatabase = { file: "", field: "" };

const FILE_BYTES_MAX = 1024 * 1024 * 1024;
const NGINX_CHECK_MS = 20_000;
/** Of each kind, what the makers of such files put where. */
const FIELDS: Readonly<Record<GeoKind, readonly (readonly string[])[]>> = {
  country: [["country", "iso_code"], ["country_code"], ["country"]],
  asn: [["autonomous_system_number"]],
};

export type GeoOptions = {
  readonly countryDatabase: string;
  readonly asnDatabase: string;
  readonly stateDir: string;
  readonly modulesDir: string;
  readonly nginxBin: string;
  readonly onAlarm: (code: string, what: string) => void;
};

export async function takeGeoDatabases(
  options: GeoOptions,
): Promise<{ readonly country: GeoDatabase; readonly asn: GeoDatabase }> {
  return {
    country: await take("country", options.countryDatabase, options),
    asn: await take("asn", options.asnDatabase, options),
  };
}

async function take(kind: GeoKind, path: string, options: GeoOptions): Promise<GeoDatabase> {
  const file = join(options.stateDir, `geo-${kind}.mmdb`);
  if (path === "") {
    rmSync(file, { force: true });
    return NO_GEO_DATABASE;
  }
  try {
    const field = copyChecked(kind, path, file).join(" ");
    await tryWithNginx(file, field, options);
    return { file, field };
  } catch (error) {
    rmSync(file, { force: true });
    const why = (error instanceof Error ? error.message : String(error)).slice(0, 300);
    options.onAlarm(
      "edge.geo-unusable",
      `${path} cannot be used as ${kind}Database (${why}): put a whole file there and restart this node. Until then rules by ${kind} let requests in`,
    );
    return NO_GEO_DATABASE;
  }
}

/** Answers where in an entry the answer lies. Throws what is wrong with the file. */
function copyChecked(kind: GeoKind, path: string, file: string): readonly string[] {
  const about = statSync(path);
  if (!about.isFile()) throw new Error("it is not a file");
  if (about.size > FILE_BYTES_MAX) throw new Error(`it has more than ${FILE_BYTES_MAX} bytes`);
  const bytes = readFileSync(path);
  const field = fieldOf(kind, bytes);
  writeFileSync(`${file}.new`, bytes, { mode: 0o644 });
  chmodSync(`${file}.new`, 0o644);
  renameSync(`${file}.new`, file);
  return field;
}

/** Asks the file about addresses everywhere until one has an answer of this kind, and says in which field. */
export function fieldOf(kind: GeoKind, bytes: Buffer): readonly string[] {
  const reader = new Reader(bytes) as unknown as {
    readonly metadata: Reader<never>["metadata"];
    get(address: string): unknown;
  };
  const { metadata } = reader;
  if (metadata.binaryFormatMajorVersion !== 2) throw new Error("its format is not version 2");
  if (metadata.searchTreeSize > bytes.length) throw new Error("it is cut short");
  for (const address of examples()) {
    if (metadata.ipVersion === 4 && !isIPv4(address)) continue;
    const entry = reader.get(address);
    for (const field of FIELDS[kind]) if (isAnswer(kind, valueAt(entry, field))) return field;
  }
  throw new Error(kind === "country" ? "it knows no countries" : "it knows no autonomous systems");
}

/** One of each IPv4 /16, and some of IPv6. */
function* examples(): Generator<string> {
  for (let i = 0; i < 65_536; i++) yield `${i % 256}.${Math.floor(i / 256)}.1.1`;
  for (let i = 0; i < 256; i++) yield `${(0x2000 + i * 16).toString(16)}::1`;
}

function valueAt(entry: unknown, field: readonly string[]): unknown {
  let value = entry;
  for (const key of field) {
    if (typeof value !== "object" || value === null) return undefined;
    value = (value as Record<string, unknown>)[key];
  }
  return value;
}

function isAnswer(kind: GeoKind, value: unknown): boolean {
  if (kind === "asn") return Number.isSafeInteger(value) && (value as number) > 0;
  return typeof value === "string" && /^[A-Z]{2}$/.test(value);
}

/** The last word is nginx's own, on a configuration that holds nothing else. */
async function tryWithNginx(file: string, field: string, options: GeoOptions): Promise<void> {
  const conf = join(options.stateDir, "geo-check.conf");
  writeFileSync(
    conf,
    `load_module ${options.modulesDir}/ngx_http_geoip2_module.so;
pid ${options.stateDir}/geo-check.pid;
error_log stderr;
events {}
http { access_log off; geoip2 ${file} { $p_checked default="" ${field}; } }
`,
    { mode: 0o600 },
  );
  try {
    const args = ["-t", "-q", "-e", "stderr", "-p", options.stateDir, "-c", conf];
    await promisify(execFile)(options.nginxBin, args, { timeout: NGINX_CHECK_MS });
  } catch (error) {
    const said = String((error as { stderr?: string }).stderr ?? error);
    throw new Error(`nginx says: ${said.trim().split("\n").at(0) ?? ""}`, { cause: error });
  } finally {
    rmSync(conf, { force: true });
    rmSync(join(options.stateDir, "geo-check.pid"), { force: true });
  }
}
