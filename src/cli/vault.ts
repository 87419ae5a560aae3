/**
 * `vault init`: makes the vault's key pair in this process, hands the public key to the instance, and prints the three shares of the
 * private key once. They are kept nowhere: two of the three open a sealed identity, one alone opens nothing, and without two of
 * them nobody ever can. The server never sees the private key or a share.
 */
import { randomBytes } from "node:crypto";
import { parseArgs } from "node:util";
import { Fault } from "../contract/fault.ts";
import { createVault } from "../desk/vault.ts";
import { DATA_OPTION, dataDirFrom } from "./data-dir.ts";
import { callLocal } from "./local-client.ts";
import type { Verb } from "./verb.ts";

export const verb: Verb = async (args) => {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: DATA_OPTION,
    allowPositionals: true,
  });
  if (positionals[0] !== "init" || positionals.length !== 1) {
    throw new Fault(
      "input.invalid",
      "Cannot tell what to do with the vault: ./parapet vault init makes its key and shares",
    );
  }
  const vault = await createVault((bytes) => randomBytes(bytes));
  const { fingerprint } = await callLocal<{ fingerprint: string }>(dataDirFrom(values.data), {
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
};
