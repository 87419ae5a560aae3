/** `bench NAME --json`: measures one headline number against its baseline, in one run. */
import { readdirSync } from "node:fs";
import { parseArgs } from "node:util";
import { Fault } from "../contract/fault.ts";
import { ROOT } from "./data-dir.ts";
import type { Verb } from "./verb.ts";

export const verb: Verb = async (args) => {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: { json: { type: "boolean", default: false } },
    allowPositionals: true,
  });
  const known = readdirSync(`${ROOT}/bench`)
    .filter((file) => file.endsWith(".bench.ts"))
    .map((file) => file.slice(0, -".bench.ts".length));
  const [name] = positionals;
  if (name === undefined || !known.includes(name)) {
    throw new Fault(
      "input.invalid",
      `Cannot tell what to measure: ./parapet bench ${known.join("|")} [--json]`,
    );
  }
  const module = (await import(`${ROOT}/bench/${name}.bench.ts`)) as {
    bench: (options: { json: boolean }) => Promise<object>;
  };
  const result = await module.bench({ json: values.json });
  process.stdout.write(`${JSON.stringify(result)}\n`);
  return 0;
};
