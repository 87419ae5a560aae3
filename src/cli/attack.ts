/** `attack on|off SITE [--path "/login*"] [--for 1h] [--note "…"]`: asks every visitor of a site, or of some paths, to prove that they are a browser. */
import { parseArgs } from "node:util";
import { Fault } from "../contract/fault.ts";
import type { ProtectionView } from "../contract/http-protection.ts";
import { DATA_OPTION, dataDirFrom } from "./data-dir.ts";
import { durationSeconds } from "./duration.ts";
import { callLocal } from "./local-client.ts";
import type { Verb } from "./verb.ts";

export const verb: Verb = async (args) => {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: {
      ...DATA_OPTION,
      path: { type: "string", multiple: true, default: [] },
      for: { type: "string" },
      note: { type: "string", default: "" },
    },
    allowPositionals: true,
  });
  const [word, host] = positionals;
  if ((word !== "on" && word !== "off") || host === undefined || positionals.length !== 2) {
    throw new Fault(
      "input.invalid",
      'Cannot tell what to switch: ./parapet attack on SITE [--path "/login*"] [--for 1h], or attack off SITE',
    );
  }
  const endsAt =
    values.for === undefined ? null : new Date(Date.now() + durationSeconds(values.for) * 1000).toISOString();
  const on = word === "on";
  const view = await callLocal<ProtectionView>(dataDirFrom(values.data), {
    method: "PUT",
    path: `/under-attack/${encodeURIComponent(host)}`,
    body: { on, paths: on ? values.path : [], endsAt: on ? endsAt : null, note: values.note },
  });
  const { paths, endsAt: until } = view.protection.underAttack;
  process.stdout.write(
    on
      ? `Every visitor of ${paths.length === 0 ? host : `${paths.join(", ")} on ${host}`} is asked to prove that they are a browser, ${until === null ? "until you switch it off" : `until ${until.slice(0, 16).replace("T", " ")} UTC`}.\n`
      : `Visitors of ${host} are asked nothing any more, save where a flood makes it necessary.\n`,
  );
  return 0;
};
