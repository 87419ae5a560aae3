/** `purge HOST --all | --url URL | --prefix HOST/PATH | --tag TAG`: makes every edge fetch something of a site anew. */
import { parseArgs } from "node:util";
import { Fault } from "../contract/fault.ts";
import type { PurgeRequest, PurgeView } from "../contract/http-sites.ts";
import { DATA_OPTION, dataDirFrom } from "./data-dir.ts";
import { callLocal } from "./local-client.ts";
import type { Verb } from "./verb.ts";

export const verb: Verb = async (args) => {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: {
      ...DATA_OPTION,
      all: { type: "boolean" },
      url: { type: "string" },
      prefix: { type: "string" },
      tag: { type: "string" },
    },
    allowPositionals: true,
  });
  const [host] = positionals;
  const requests: PurgeRequest[] = values.all === true ? [{ kind: "all" }] : [];
  for (const kind of ["url", "prefix", "tag"] as const) {
    const value = values[kind];
    if (value !== undefined) requests.push({ kind, value });
  }
  const [request] = requests;
  if (host === undefined || positionals.length !== 1 || request === undefined || requests.length !== 1) {
    throw new Fault(
      "input.invalid",
      "Cannot tell what to purge: ./parapet purge HOST with one of --all, --url URL, --prefix HOST/PATH, --tag TAG",
    );
  }
  const purged = await callLocal<PurgeView>(dataDirFrom(values.data), {
    method: "POST",
    path: `/purges/${encodeURIComponent(host)}`,
    body: request,
  });
  process.stdout.write(`Purge ${purged.number} of ${host}: ${purged.what}.\n`);
  return 0;
};
