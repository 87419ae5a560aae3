/**
 * An agent that takes in one version of a site's policy after the other, as fast as they are confirmed, until it is killed. Prints its
 * address, and each version once it is confirmed: what was printed must survive.
 */
import type { SiteId } from "../../src/contract/ids.ts";
import { openStage, policyFor } from "./edge-stage.ts";

const [, , dataDir = "", siteId = "", port = "", from = ""] = process.argv;
const stage = await openStage({ dataDir, workers: 1 });
process.stdout.write(`address ${stage.node.address} ${stage.node.nginxPid}\n`);
for (let version = Number(from); ; version++) {
  const ack = await stage.apply(
    policyFor(Number(port), {
      siteId: siteId as SiteId,
      version,
      hostnames: ["written.example", `v${version}.example`],
    }),
  );
  if (ack.ok) process.stdout.write(`confirmed ${version}\n`);
}
