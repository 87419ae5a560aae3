/** Where an instance keeps everything: `--data`, else PARAPET_DATA, else `data/` beside the launcher. */
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");

export const DATA_OPTION = { data: { type: "string" } } as const;

export function dataDirFrom(option: string | undefined): string {
  return resolve(option ?? process.env["PARAPET_DATA"] ?? `${ROOT}/data`);
}
