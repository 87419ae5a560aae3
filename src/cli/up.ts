/**
 * `up`: everything on this machine, ready to protect a site. Shows what it does, then the addresses and, until the
 * operator has a second factor, a one-time sign-in link. SIGINT and SIGTERM end every process it started.
 */
import { existsSync } from "node:fs";
import { parseArgs } from "node:util";
import { buildConsole } from "./build-console.ts";
import { buildEdge } from "./build-edge.ts";
import { DATA_OPTION, dataDirFrom, ROOT } from "./data-dir.ts";
import { startDemoSite } from "./demo-site.ts";
import { startInstance, type Instance } from "./instance.ts";
import { readSettings } from "./settings.ts";
import type { Verb } from "./verb.ts";

const DEMO_HOSTNAME = "demo.localhost";
const IN_FORCE_MS = 5000;

export const verb: Verb = async (args) => {
  const startedAt = performance.now();
  const { values } = parseArgs({
    args: [...args],
    options: {
      ...DATA_OPTION,
      control: { type: "string" },
      edge: { type: "string" },
      "edge-tls": { type: "string" },
    },
  });
  const dataDir = dataDirFrom(values.data);
  const settings = readSettings({
    dataDir,
    overrides: {
      ...(values.control === undefined ? {} : { controlListen: values.control }),
      ...(values.edge === undefined ? {} : { edgeListen: values.edge }),
      ...(values["edge-tls"] === undefined ? {} : { edgeListenTls: values["edge-tls"] }),
    },
  });
  const stopSignal = new Promise<NodeJS.Signals>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
      process.once(signal, () => resolve(signal));
  });
  const step = (what: string): void => void process.stdout.write(`  ${what} ...\n`);
  let instance: Instance | null = null;
  let demo: { url: string; stop(): Promise<void> } | null = null;
  try {
    process.stdout.write(`Parapet starts in ${dataDir}\n`);
    if (!existsSync(`${ROOT}/build/console`)) step("Building the console and the edge, once");
    await buildEdge({ outDir: `${ROOT}/build/edge` });
    await buildConsole({ outDir: `${ROOT}/build/console` });
    instance = await startInstance({ settings, onStep: step });
    if (settings.demoListen !== "") demo = await offerDemo(instance, settings.demoListen);
    await announce(instance, { demo: demo !== null, ms: performance.now() - startedAt });
    await stopSignal;
    process.stdout.write("\nStopping ...\n");
    process.once("SIGINT", () => process.exit(130)); // A second Ctrl-C does not wait.
    return 0;
  } finally {
    await demo?.stop();
    await instance?.stop();
  }
};

async function offerDemo(
  instance: Instance,
  listen: string,
): Promise<{ url: string; stop(): Promise<void> }> {
  const demo = await startDemoSite(listen);
  const known = await instance.sites.find(instance.db, DEMO_HOSTNAME);
  if (known?.originUrl !== demo.url) {
    await instance.sites.protect({ hostname: DEMO_HOSTNAME, originUrl: demo.url, account: "demo" });
  }
  await inForceSoon(instance);
  return demo;
}

/** Waits until the edge has the demo site, so that the address works when it is shown; not for ever. */
async function inForceSoon(instance: Instance): Promise<void> {
  const deadline = Date.now() + IN_FORCE_MS;
  while (Date.now() < deadline) {
    const site = await instance.sites.find(instance.db, DEMO_HOSTNAME);
    if (!site || (await instance.sites.inForce(site.siteId, site.version)).ms !== null) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function announce(
  instance: Instance,
  facts: { readonly demo: boolean; readonly ms: number },
): Promise<void> {
  const { settings } = instance;
  const edgePort = instance.node.address.slice(instance.node.address.lastIndexOf(":") + 1);
  const lines: string[] = ["", `Ready after ${(facts.ms / 1000).toFixed(1)} s.`, ""];
  if (facts.demo) lines.push(`  Demo site through the edge   http://${DEMO_HOSTNAME}:${edgePort}/`);
  lines.push(
    ...(instance.node.tlsAddress === null
      ? []
      : [`  The edge over TLS            ${instance.node.tlsAddress}`]),
    `  Console                      ${instance.controlUrl}/console/`,
    `  Report form                  ${instance.controlUrl}/report`,
    `  Public log                   ${instance.controlUrl}/log`,
    "",
  );
  const link = await instance.control.operatorSignInLink();
  if (link !== null)
    lines.push(
      "  Sign in once with this link (one hour, one use), then choose a password:",
      "",
      `    ${link}`,
      "",
    );
  lines.push("  Protect a site of yours      ./parapet protect HOST --origin URL");
  if (!(await instance.desk.vault()).ready)
    lines.push(
      "  Seal reporters' names        ./parapet vault init   (until then reports are taken without names)",
    );
  if (settings.databaseUrl === "")
    lines.push(
      "",
      "  The embedded database does not wait for the disk: good for trying, not for production (databaseUrl).",
    );
  for (const alarm of instance.alarms()) lines.push(`  ! ${alarm.what}`);
  lines.push("", "Ctrl-C stops everything.", "");
  process.stdout.write(lines.join("\n"));
}
