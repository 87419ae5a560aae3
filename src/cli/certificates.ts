/** `certificates [HOST]`: every site's certificates, what needs a person first; for one hostname its site's alone. */
import { parseArgs } from "node:util";
import type { CertificateRow } from "../api/local-certificates.ts";
import { DATA_OPTION, dataDirFrom } from "./data-dir.ts";
import { callLocal } from "./local-client.ts";
import type { Verb } from "./verb.ts";

const WORST_FIRST = ["expired", "failed", "expiring", "waiting", "issuing", "none", "valid"];

export const verb: Verb = async (args) => {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: { ...DATA_OPTION, json: { type: "boolean", default: false } },
    allowPositionals: true,
  });
  const rows = await callLocal<readonly CertificateRow[]>(dataDirFrom(values.data), {
    method: "GET",
    path: "/certificates",
  });
  const [hostname] = positionals;
  const chosen = hostname === undefined ? rows : rows.filter((row) => row.siteHostnames.includes(hostname));
  const sorted = [...chosen].sort(
    (one, other) => WORST_FIRST.indexOf(one.state) - WORST_FIRST.indexOf(other.state),
  );
  if (values.json) process.stdout.write(`${JSON.stringify(sorted)}\n`);
  else if (sorted.length === 0) process.stdout.write("There are no certificates yet.\n");
  else for (const row of sorted) process.stdout.write(`${lineOf(row)}\n`);
  return sorted.some((row) => ["expired", "failed"].includes(row.state)) ? 1 : 0;
};

export function lineOf(row: CertificateRow): string {
  const until = row.notAfter === null ? "" : `, until ${row.notAfter.slice(0, 10)}`;
  const edges = row.notAfter === null ? "" : `, on ${row.inForce.acked} of ${row.inForce.of} edges`;
  const why = row.why === null ? "" : `: ${row.why}`;
  return `${row.state.padEnd(8)} ${row.hostnames.join(", ")} (${row.source}${until}${edges})${why}`;
}
