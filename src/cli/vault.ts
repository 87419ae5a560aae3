/**
 * `vault init`: makes the vault's key pair in this process, hands the public key to the instance, and prints the three shares of the
 * private key once. They are kept nowhere: two of the three open a sealed identity, one alone opens nothing, and without two of
 * them nobody ever can. The server never sees the private key or a share.
 * `vault open FILE`: opens one sealed identity with two shares, in this process, which needs no server: it prints the identity
 * once and writes nothing. The shares are asked for on the terminal unseen, or read from two files.
 */
import { randomBytes } from "node:crypto";
import { open } from "node:fs/promises";
import { parseArgs } from "node:util";
import { Fault } from "../contract/fault.ts";
import { createVault } from "../desk/vault.ts";
import { askHidden } from "./ask-hidden.ts";
import { DATA_OPTION, dataDirFrom } from "./data-dir.ts";
import { callLocal } from "./local-client.ts";
import { printable } from "./printable.ts";
import { openVaultFile, VAULT_FILE_BYTES_MAX } from "./vault-open.ts";
import type { Verb } from "./verb.ts";

const SHARE_FILE_BYTES_MAX = 4096;

export const verb: Verb = async (args) => {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: { ...DATA_OPTION, "share-file": { type: "string", multiple: true } },
    allowPositionals: true,
  });
  const [action, file] = positionals;
  if (action === "init" && positionals.length === 1) return await init(dataDirFrom(values.data));
  if (action === "open" && file !== undefined && positionals.length === 2)
    return await openFile(file, values["share-file"] ?? []);
  throw new Fault(
    "input.invalid",
    "Cannot tell what to do with the vault: ./parapet vault init makes its key and shares, ./parapet vault open FILE opens a sealed identity",
  );
};

async function init(dataDir: string): Promise<number> {
  const vault = await createVault((bytes) => randomBytes(bytes));
  const { fingerprint } = await callLocal<{ fingerprint: string }>(dataDir, {
    method: "PUT",
    path: "/vault",
    body: { publicKey: vault.publicKey },
  });
  process.stdout.write(`The vault is ready (fingerprint ${fingerprint}).\n\n`);
  process.stdout.write(
    "Give one share to each of three officers, on paper or in their password manager. Two shares open\n",
  );
  process.stdout.write("a sealed identity; one opens nothing. They are shown once and stored nowhere.\n\n");
  vault.shares.forEach((share, i) => process.stdout.write(`Share ${i + 1} of 3\n  ${share}\n\n`));
  return 0;
}

async function openFile(file: string, shareFiles: readonly string[]): Promise<number> {
  const text = await readText(file, VAULT_FILE_BYTES_MAX);
  const [first, second] = await sharesFrom(shareFiles);
  const opened = await openVaultFile(text, [first, second]);
  const { name, email, phone } = opened.identity;
  const shown = (value: string): string => (value === "" ? "(not given)" : printable(value));
  process.stdout.write(
    [
      `Report     ${opened.reportId}`,
      `Log entry  ${opened.logIndex}`,
      `Original   SHA-256 ${opened.originalSha256} (the console shows the same beside the report)`,
      "",
      `Name       ${shown(name)}`,
      `E-mail     ${shown(email)}`,
      `Telephone  ${shown(phone)}`,
      "",
      "This is shown once and was written nowhere. Delete the file when you have done what the purpose names.",
      "",
    ].join("\n"),
  );
  return 0;
}

async function sharesFrom(files: readonly string[]): Promise<readonly [string, string]> {
  if (files.length !== 0 && files.length !== 2) {
    throw new Fault(
      "input.invalid",
      `Two shares open it and ${files.length === 1 ? "one was" : `${files.length} were`} given: use --share-file twice, or not at all to be asked`,
    );
  }
  const [first, second] =
    files.length === 2
      ? await Promise.all(files.map((file) => readText(file, SHARE_FILE_BYTES_MAX)))
      : await askHidden(["First share (not shown): ", "Second share (not shown): "], {
          input: process.stdin,
          say: (text) => void process.stderr.write(text),
        });
  if (first === undefined || second === undefined) throw new Error("two shares were asked for");
  return [first.trim(), second.trim()];
}

/** A small text file, whole, or a Fault that names it. */
async function readText(file: string, bytesMax: number): Promise<string> {
  const quoted = `"${file.slice(0, 200)}"`;
  const handle = await open(file, "r").catch(() => {
    throw new Fault("input.invalid", `Cannot read ${quoted}: check the name and who may read it`);
  });
  try {
    const buffer = Buffer.alloc(bytesMax + 1);
    let bytes = 0;
    // A pipe gives what it has, so this asks until there is no more.
    while (bytes <= bytesMax) {
      const { bytesRead } = await handle.read(buffer, bytes, bytesMax + 1 - bytes, null).catch(() => {
        throw new Fault("input.invalid", `Cannot read ${quoted}: it is not a plain file`);
      });
      if (bytesRead === 0) break;
      bytes += bytesRead;
    }
    if (bytes > bytesMax) {
      throw new Fault("input.too-large", `${quoted} has more than ${bytesMax} bytes: it is another file`);
    }
    return buffer.toString("utf8", 0, bytes);
  } finally {
    await handle.close();
  }
}
