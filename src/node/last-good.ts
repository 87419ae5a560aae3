/**
 * The last good policies on disk, one file a site, so that an edge starts and restarts without its control plane (design law
 * 9). Order of durability: a temporary file is written and flushed, renamed over the old one, and the folder is flushed. A crash before the
 * rename leaves the old policy, after it the new one, never half of one. Each file begins with a checksum; what does not
 * match is moved aside, never deleted, and the others load.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { ID_PATTERN } from "../contract/ids.ts";
import { POLICY_BYTES_MAX, type SitePolicy } from "../contract/policy.ts";

const MAGIC = "parapet-policy-1";
const SUFFIX = ".policy";

export type Loaded = {
  readonly values: readonly { readonly file: string; readonly value: unknown }[];
  readonly broken: readonly { readonly file: string; readonly why: string }[];
};

export class LastGood {
  readonly folder: string;
  readonly quarantine: string;

  constructor(stateDir: string) {
    this.folder = join(stateDir, "policies");
    this.quarantine = join(stateDir, "quarantine");
    mkdirSync(this.folder, { recursive: true, mode: 0o700 });
    mkdirSync(this.quarantine, { recursive: true, mode: 0o700 });
  }

  /** Resolves when the policy survives a power cut. Rejects with the system's error, for example ENOSPC; the old file then still stands. */
  async save(policy: SitePolicy): Promise<void> {
    if (!ID_PATTERN.test(policy.siteId)) throw new Error("A policy without a site id cannot be a file name.");
    const path = join(this.folder, policy.siteId + SUFFIX);
    const fresh = `${path}.new`;
    try {
      const file = await open(fresh, "w", 0o600);
      try {
        await file.writeFile(encodePolicyFile(policy));
        await file.sync();
      } finally {
        await file.close();
      }
      // If we crash here, the old policy stands; the temporary file is overwritten by the next save.
      await rename(fresh, path);
      const folder = await open(this.folder, "r");
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
  load(): Loaded {
    const values: { file: string; value: unknown }[] = [];
    const broken: { file: string; why: string }[] = [];
    for (const name of readdirSync(this.folder).sort()) {
      if (!name.endsWith(SUFFIX)) continue;
      const parsed = decodePolicyFile(readFileSync(join(this.folder, name)));
      if (parsed.ok) values.push({ file: name, value: parsed.value });
      else broken.push({ file: name, why: parsed.why });
    }
    for (const { file } of broken) this.setAside(file);
    return { values, broken };
  }

  /** Moves a file out of the way, keeping it for whoever wants to know what happened. */
  setAside(file: string): void {
    const bytes = readFileSync(join(this.folder, file));
    const mark = createHash("sha256").update(bytes).digest("hex").slice(0, 12);
    renameSync(join(this.folder, file), join(this.quarantine, `${file}.${mark}`));
  }
}

/** "parapet-policy-1 SHA256 BYTES\n" and the JSON. The hash is over the JSON's bytes alone. */
export function encodePolicyFile(policy: SitePolicy): Buffer {
  const json = Buffer.from(JSON.stringify(policy));
  const hash = createHash("sha256").update(json).digest("hex");
  return Buffer.concat([Buffer.from(`${MAGIC} ${hash} ${json.length}\n`), json]);
}

export function decodePolicyFile(bytes: Buffer): { ok: true; value: unknown } | { ok: false; why: string } {
  if (bytes.length > POLICY_BYTES_MAX + 200) return { ok: false, why: "It is larger than a policy may be" };
  const end = bytes.indexOf(10);
  if (end < 0) return { ok: false, why: "Its first line is cut off" };
  const [magic, hash, length, ...rest] = bytes.subarray(0, end).toString("latin1").split(" ");
  if (magic !== MAGIC || rest.length > 0)
    return { ok: false, why: "It does not begin as a policy file does" };
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
