/**
 * An edge whose data folder and spool lie on small file systems of their own, which this fills and empties again: the other half of the
 * test of a full disk. Prints one JSON object of what happened. The folders are given; both are file systems that nobody else uses.
 */
import { closeSync, openSync, readdirSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { startNode } from "../../src/node/node.ts";
import { newSiteId, openOrigin, openStage, policyFor, until } from "./edge-stage.ts";

const [, , dataDir = "", spoolParent = ""] = process.argv;

function fill(folder: string): void {
  const handle = openSync(join(folder, "ballast"), "w");
  for (const size of [64 * 1024, 1024, 1]) {
    try {
      for (;;) writeSync(handle, Buffer.alloc(size));
    } catch {
      // Full, for pieces of this size.
    }
  }
  closeSync(handle);
}
const empty = (folder: string): void => rmSync(join(folder, "ballast"));

const origin = await openOrigin((asked, answer) => void answer.end(`${asked.method} ${asked.url}`));
const stage = await openStage({ dataDir, workers: 1 });
const site = newSiteId();
const policy = (bodyBytesMax: number): ReturnType<typeof policyFor> =>
  policyFor(origin.port, { siteId: site, hostnames: ["full.example"], bodyBytesMax });
await stage.apply(policyFor(origin.port, { hostnames: ["other.example"], bodyBytesMax: 8_000_000 }));
await stage.apply(policy(4_000_000));
const get = async (host: string): Promise<number> => (await stage.send({ host })).status;
const post = async (host: string, bytes: number): Promise<number> =>
  (await stage.send({ host, method: "POST", body: Buffer.alloc(bytes, 120) })).status;

/** How often the node said that the file system below `folder` is short. */
const saidShort = (folder: string): number =>
  stage.alarms.filter(({ code, what }) => code === "edge.disk-short" && what.startsWith(folder)).length;

fill(dataDir);
const newer = policy(5_000_000);
const ack = await stage.apply(newer);
const whileFull = {
  ack,
  alarmed: stage.alarms.some(({ code }) => code === "edge.not-durable"),
  gets: [] as number[],
  inForce: await post("full.example", 4_500_000),
  temporaries: readdirSync(join(dataDir, "edge/policies")).filter((name) => !name.endsWith(".policy")),
};
for (let i = 0; i < 300; i++) whileFull.gets.push(await get(i % 2 === 0 ? "full.example" : "other.example"));

fill(spoolParent);
await until(() => saidShort(dataDir) === 1 && saidShort(spoolParent) === 1, 20_000);
const spoolFull = {
  large: await post("full.example", 1_000_000),
  small: await post("full.example", 10_000),
  gets: [await get("full.example"), await get("other.example")],
};
empty(spoolParent);
const spoolBack = await post("full.example", 1_000_000);

empty(dataDir);
await until(async () => {
  const acks = await stage.bus.last(`ack.${stage.options.nodeId}.${site}`);
  const last = acks[0]?.value as { ok: boolean; version: number } | undefined;
  return last?.ok === true && last.version === newer.version;
}, 20_000);
await stage.node.stop();
stage.node = await startNode({ ...stage.options, bus: null });
const restarted = {
  version: (await stage.node.status()).versions[site],
  get: await get("full.example"),
  post: await post("full.example", 4_500_000),
};
process.stdout.write(
  `${JSON.stringify({ whileFull, spoolFull, spoolBack, restarted, newer: newer.version })}\n`,
);
await stage.node.stop();
await stage.bus.close();
await origin.end();
