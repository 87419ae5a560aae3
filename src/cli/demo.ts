/** `demo story [--json]`: the whole story on a fresh instance of its own, as a timeline for a person. */
import { parseArgs } from "node:util";
import { Fault } from "../contract/fault.ts";
import { buildConsole } from "./build-console.ts";
import { buildEdge } from "./build-edge.ts";
import { ROOT } from "./data-dir.ts";
import { playStory } from "./story/play.ts";
import type { Verb } from "./verb.ts";

const WIDTH = 96;

export const verb: Verb = async (args) => {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: { json: { type: "boolean", default: false } },
    allowPositionals: true,
  });
  if (positionals.length !== 1 || positionals[0] !== "story") {
    throw new Fault("input.invalid", "Cannot tell which demo to play: ./parapet demo story");
  }
  await buildEdge({ outDir: `${ROOT}/build/edge` });
  await buildConsole({ outDir: `${ROOT}/build/console` });
  const bold = (text: string): string => (process.stdout.isTTY ? `\u001b[1m${text}\u001b[0m` : text);
  process.stdout.write(
    `\n${bold("A story of one forum, one address, and three people who did their work.")}\n\n`,
  );
  const result = await playStory({
    onScene({ number, name, ok, ms, lines }) {
      process.stdout.write(`${ok ? "  ●" : "  ✗"} ${bold(`${number}. ${name}`)}  ${ms} ms\n`);
      for (const line of lines) for (const row of wrap(line)) process.stdout.write(`  │   ${row}\n`);
      process.stdout.write("  │\n");
    },
  });
  if (result.ok) {
    process.stdout.write(
      `  ○ In force after ${result.inForceMs} ms, lifted after ${result.liftMs} ms, ${result.reporterLeaks} leaks, log verified.\n\n`,
    );
  } else process.stdout.write("  ✗ The story stopped here.\n\n");
  if (values.json) process.stdout.write(`${JSON.stringify(result)}\n`);
  return result.ok ? 0 : 1;
};

function wrap(text: string): string[] {
  const indent = /^ */.exec(text)?.[0] ?? "";
  const rows: string[] = [];
  let row = "";
  for (const word of text.trim().split(" ")) {
    if (row !== "" && row.length + 1 + word.length > WIDTH - indent.length) {
      rows.push(indent + row);
      row = "";
    }
    row = row === "" ? word : `${row} ${word}`;
  }
  return [...rows, indent + row];
}
