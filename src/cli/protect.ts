/** `protect HOST --origin URL [--account NAME] [--email ADDRESS]`: puts a site behind the running edge, at once. */
import { parseArgs } from "node:util";
import { Fault } from "../contract/fault.ts";
import type { SiteView } from "../contract/http.ts";
import { DATA_OPTION, dataDirFrom } from "./data-dir.ts";
import { callLocal } from "./local-client.ts";
import type { Verb } from "./verb.ts";

const IN_FORCE_MS = 5000;

export const verb: Verb = async (args) => {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: {
      ...DATA_OPTION,
      origin: { type: "string" },
      account: { type: "string", default: "operator" },
      email: { type: "string" },
    },
    allowPositionals: true,
  });
  const [hostname] = positionals;
  if (hostname === undefined || values.origin === undefined || positionals.length !== 1) {
    throw new Fault(
      "input.invalid",
      "Cannot protect without a hostname and an origin: ./parapet protect shop.example --origin http://127.0.0.1:3000",
    );
  }
  const dataDir = dataDirFrom(values.data);
  const startedAt = performance.now();
  let site = await callLocal<SiteView>(dataDir, {
    method: "POST",
    path: "/protect",
    body: {
      hostname,
      originUrl: values.origin,
      account: values.account,
      ...(values.email === undefined ? {} : { accountEmail: values.email }),
    },
  });
  while (site.state === "active" && site.inForce.ms === null && performance.now() - startedAt < IN_FORCE_MS) {
    if (site.inForce.refusals.length > 0) break;
    await new Promise((resolve) => setTimeout(resolve, 20));
    site = await callLocal<SiteView>(dataDir, { method: "GET", path: `/sites/${site.siteId}` });
  }
  if (site.state === "held") {
    process.stdout.write(`${hostname} is held for a human, and not served yet:\n`);
    for (const line of site.heldBecause) process.stdout.write(`  - ${line}\n`);
    process.stdout.write("A person settles it in the console, under Sites.\n");
    return 3;
  }
  if (site.inForce.ms === null) {
    const why =
      site.inForce.refusals.map((refusal) => refusal.why).join("; ") || "no edge has confirmed it yet";
    throw new Fault("policy.refused", `${hostname} was accepted but is not in force on every edge: ${why}`);
  }
  process.stdout.write(
    `${site.hostnames.join(", ")} is served from ${site.originUrl}, in force on ${site.inForce.acked} of ${site.inForce.of} edges after ${site.inForce.ms} ms.\n`,
  );
  return 0;
};
