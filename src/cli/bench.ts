/** `bench NAME --json`: measures one headline number against its baseline, in one run. `--quick` is a shorter run, `--only` a part, where a bench has them. */
import { readdirSync } from "node:fs";
import { parseArgs } from "node:util";
import { Fault } from "../contract/fault.ts";
import { ROOT } from "./data-dir.ts";
import type { Verb } from "./verb.ts";

export const verb: Verb = async (args) => {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: {
      json: { type: "boolean", default: false },
      quick: { type: "boolean", default: false },
      only: { type: "string" },
    },
    allowPositionals: true,
  });
  const known = readdirSync(`${ROOT}/bench`)
    .filter((file) => file.endsWith(".bench.ts"))
    .map((file) => file.slice(0, -".bench.ts".length));
  const [name] = positionals;
  if (name === undefined || !known.includes(name)) {
    throw new Fault(
      "input.invalid",
      `Cannot tell what to measure: ./parapet bench ${known.join("|")} [--json] [--quick] [--only PART]`,
    );
  }
  const module = (await import(`${ROOT}/bench/${name}.bench.ts`)) as {
    bench: (options: { json: boolean; quick: boolean; only?: string }) => Promise<object>;
  };
  const result = await module.bench(values);
  process.stdout.write(`${JSON.stringify(result)}\n`);
  return 0;
};
