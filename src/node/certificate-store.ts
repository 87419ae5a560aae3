/**
 * The certificates that this node took in, one file each, so that an edge starts and restarts without its control plane (design law 9). The
 * same care as for policies (`last-good.ts`): a temporary file is written and flushed, renamed over the old one, and the folder is flushed; each file
 * begins with a checksum; what does not match is moved aside and the others load. Files and folder are this user's alone, since keys lie in them.
 */
import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import {
  CERTIFICATE_CHAIN_BYTES_MAX,
  CERTIFICATE_KEY_BYTES_MAX,
  type EdgeCertificate,
} from "../contract/certificate.ts";
import { ID_PATTERN } from "../contract/ids.ts";

const MAGIC = "parapet-certificate-1";
const SUFFIX = ".certificate";
/** Names and JSON's escapes beside chain and key. */
const FILE_BYTES_MAX = 2 * (CERTIFICATE_CHAIN_BYTES_MAX + CERTIFICATE_KEY_BYTES_MAX);

export type LoadedCertificates = {
  readonly values: readonly { readonly file: string; readonly value: unknown }[];
  readonly broken: readonly { readonly file: string; readonly why: string }[];
};

export class CertificateStore {
  readonly #folder: string;
  readonly quarantine: string;

  constructor(stateDir: string) {
    this.#folder = join(stateDir, "certificates");
    this.quarantine = join(stateDir, "quarantine");
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    mkdirSync(this.quarantine, { recursive: true, mode: 0o700 });
    // Folders that were there before keep the mode that somebody gave them.
    chmodSync(this.#folder, 0o700);
    chmodSync(this.quarantine, 0o700);
  }

  /** Resolves when the certificate survives a power cut. Rejects with the system's error; the old file then still stands. */
  async save(certificate: EdgeCertificate): Promise<void> {
    const path = join(this.#folder, fileOf(certificate.certificateId));
    const fresh = `${path}.new`;
    try {
      const file = await open(fresh, "w", 0o600);
      try {
        await file.chmod(0o600); // What a crash left may have any mode.
        await file.writeFile(encodeCertificateFile(certificate));
        await file.sync();
      } finally {
        await file.close();
      }
      // If we crash here, the old certificate stands; the temporary file is overwritten by the next save.
      await rename(fresh, path);
      const folder = await open(this.#folder, "r");
      try {
        await folder.sync();
      } finally {
        await folder.close();
      }
    } catch (error) {
      await rm(fresh, { force: true }).catch(() => undefined);
      throw error;
    }
  }

  /** Reads every file. Broken ones are moved aside. What is in the values is not checked yet. */
  load(): LoadedCertificates {
    const values: { file: string; value: unknown }[] = [];
    const broken: { file: string; why: string }[] = [];
    for (const name of readdirSync(this.#folder).sort()) {
      if (!name.endsWith(SUFFIX)) continue;
      const bytes = readBounded(join(this.#folder, name));
      const parsed =
        typeof bytes === "string" ? { ok: false as const, why: bytes } : decodeCertificateFile(bytes);
      if (parsed.ok) values.push({ file: name, value: parsed.value });
      else broken.push({ file: name, why: parsed.why });
    }
    for (const { file } of broken) {
      try {
        this.setAside(file);
      } catch {
        // It stays where it is, and is told of again at the next start: the others load.
      }
    }
    return { values, broken };
  }

  /** Moves a file out of the way, keeping it for whoever wants to know what happened. */
  setAside(file: string): void {
    const bytes = readBounded(join(this.#folder, file));
    const mark = createHash("sha256").update(bytes).digest("hex").slice(0, 12);
    renameSync(join(this.#folder, file), join(this.quarantine, `${file}.${mark}`));
  }
}

export function fileOf(certificateId: string): string {
  if (!ID_PATTERN.test(certificateId)) throw new Error("A certificate without an id cannot be a file name.");
  return certificateId + SUFFIX;
}

/** The bytes, or why they are none of a certificate. */
function readBounded(path: string): Buffer | string {
  try {
    const found = statSync(path);
    if (!found.isFile()) return "It is no file";
    if (found.size > FILE_BYTES_MAX) return "It is larger than a certificate may be";
    return readFileSync(path);
  } catch (error) {
    return `It cannot be read (${(error as { code?: string }).code ?? "unknown"})`;
  }
}

/** "parapet-certificate-1 SHA256 BYTES\n" and the JSON. The hash is over the JSON's bytes alone. */
export function encodeCertificateFile(certificate: EdgeCertificate): Buffer {
  const json = Buffer.from(JSON.stringify(certificate));
  const hash = createHash("sha256").update(json).digest("hex");
  return Buffer.concat([Buffer.from(`${MAGIC} ${hash} ${json.length}\n`), json]);
}

export function decodeCertificateFile(
  bytes: Buffer,
): { ok: true; value: unknown } | { ok: false; why: string } {
  if (bytes.length > FILE_BYTES_MAX) return { ok: false, why: "It is larger than a certificate may be" };
  const end = bytes.indexOf(10);
  if (end < 0) return { ok: false, why: "Its first line is cut off" };
  const [magic, hash, length, ...rest] = bytes.subarray(0, end).toString("latin1").split(" ");
  if (magic !== MAGIC || rest.length > 0)
    return { ok: false, why: "It does not begin as a certificate file does" };
  const json = bytes.subarray(end + 1);
  if (String(json.length) !== length) return { ok: false, why: `It has ${json.length} of ${length} bytes` };
  if (createHash("sha256").update(json).digest("hex") !== hash) {
    return { ok: false, why: "Its bytes do not match its checksum" };
  }
  try {
    return { ok: true, value: JSON.parse(json.toString("utf8")) };
  } catch {
    return { ok: false, why: "It is not JSON" };
  }
}
