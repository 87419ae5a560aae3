/** `unprotect HOST`: takes a site off every edge and frees its name. */
import { parseArgs } from "node:util";
import { Fault } from "../contract/fault.ts";
import type { SiteView } from "../contract/http.ts";
import { DATA_OPTION, dataDirFrom } from "./data-dir.ts";
import { callLocal } from "./local-client.ts";
import type { Verb } from "./verb.ts";

export const verb: Verb = async (args) => {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: DATA_OPTION,
    allowPositionals: true,
  });
  const [hostname] = positionals;
  if (hostname === undefined || positionals.length !== 1) {
    throw new Fault(
      "input.invalid",
      "Cannot take off a site without its hostname: ./parapet unprotect shop.example",
    );
  }
  await callLocal<SiteView>(dataDirFrom(values.data), {
    method: "POST",
    path: "/unprotect",
    body: { hostname },
  });
  process.stdout.write(`${hostname} is off the edge, and its name is free.\n`);
  return 0;
};
