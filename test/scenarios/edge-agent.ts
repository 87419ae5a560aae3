/** An edge agent in a process of its own, so that a scenario can kill it. Prints its address once the policy is confirmed. */
import type { SitePolicy } from "../../src/contract/policy.ts";
import { openStage } from "./edge-stage.ts";

const [, , dataDir = "", policy = ""] = process.argv;
const stage = await openStage({ dataDir });
const ack = await stage.apply(JSON.parse(policy) as SitePolicy);
if (!ack.ok) throw new Error(ack.why);
process.stdout.write(`${stage.node.address}\n`);
