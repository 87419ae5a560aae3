/** Starts a node from its folder in a process of its own, so that a bench can count from nothing to the first answer. Prints "ADDRESS PID". */
import { startNode } from "../src/node/node.ts";
import { nodeOptions } from "./edge-under-test.ts";

const [dataDir = "", listen = ""] = process.argv.slice(2);
const node = await startNode({ ...nodeOptions(dataDir, { listen }), bus: null });
process.stdout.write(`${node.address} ${node.nginxPid}\n`);
process.once("SIGTERM", () => void node.stop().then(() => process.exit(0)));
