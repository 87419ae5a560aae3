/**
 * `doctor`: what is wrong with this machine, one line a finding, each with the way to mend it. Changes nothing.
 */
import { execFileSync } from "node:child_process";
import { accessSync, constants, existsSync, mkdirSync, statfsSync } from "node:fs";
import { connect } from "node:net";
import { parseArgs } from "node:util";
import { Fault } from "../contract/fault.ts";
import type { Settings } from "../contract/settings.ts";
import { DATA_OPTION, dataDirFrom, ROOT } from "./data-dir.ts";
import { readSettings } from "./settings.ts";
import { kernelFindings } from "./doctor-kernel.ts";
import { socketPath } from "./local-client.ts";
import type { Verb } from "./verb.ts";

const DISK_FREE_MIN = 1024 * 1024 * 1024;
const NODE_MAJOR_MIN = 24;

export type Finding = { readonly ok: boolean; readonly what: string; readonly mend: string | null };

const good = (what: string): Finding => ({ ok: true, what, mend: null });
const bad = (what: string, mend: string): Finding => ({ ok: false, what, mend });

export const verb: Verb = async (args) => {
  const { values } = parseArgs({
    args: [...args],
    options: { ...DATA_OPTION, json: { type: "boolean", default: false } },
  });
  const findings = await examine(dataDirFrom(values.data));
  if (values.json)
    process.stdout.write(`${JSON.stringify({ ok: findings.every((finding) => finding.ok), findings })}\n`);
  else {
    for (const finding of findings) {
      process.stdout.write(
        `${finding.ok ? "ok " : "BAD"} ${finding.what}\n${finding.mend === null ? "" : `    ${finding.mend}\n`}`,
      );
    }
  }
  return findings.every((finding) => finding.ok) ? 0 : 1;
};

export async function examine(dataDir: string): Promise<readonly Finding[]> {
  const findings: Finding[] = [nodeVersion(), ...packages(), nginxVersion(), diskAt(dataDir)];
  let settings: Settings;
  try {
    settings = readSettings({ dataDir });
    findings.push(good("The settings are understood"));
    findings.push(...(await kernelFindings(settings.kernelBans)));
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return [
      ...findings,
      bad(error.detail, "Mend parapet.json; ./parapet config show prints every setting with its meaning"),
    ];
  }
  const running = existsSync(socketPath(dataDir)) && (await answers({ path: socketPath(dataDir) }));
  findings.push(good(running ? `An instance runs in ${dataDir}` : `No instance runs in ${dataDir}`));
  if (!running) {
    for (const [name, listen] of [
      ["controlListen", settings.controlListen],
      ["edgeListen", settings.edgeListen],
      ["edgeListenTls", settings.edgeListenTls],
    ] as const) {
      if (listen !== "") findings.push(await portFree(name, listen));
    }
  }
  return findings;
}

function nodeVersion(): Finding {
  const major = Number(process.versions.node.split(".")[0]);
  return major >= NODE_MAJOR_MIN
    ? good(`Node ${process.versions.node}`)
    : bad(
        `Node ${process.versions.node} is too old`,
        `Start through ./parapet, which brings its own Node ${NODE_MAJOR_MIN} or newer`,
      );
}

function packages(): Finding[] {
  const needed = (process.env["PARAPET_PACKAGES"] ?? "").split(" ").filter((name) => name !== "");
  const missing = needed.filter((name) => {
    try {
      return !execFileSync("dpkg-query", ["-W", "-f", "${db:Status-Status}", name], {
        stdio: ["ignore", "pipe", "ignore"],
      })
        .toString()
        .startsWith("installed");
    } catch {
      return true;
    }
  });
  if (needed.length === 0)
    return [bad("The list of Debian packages is not known", "Start the doctor through ./parapet doctor")];
  return missing.length === 0
    ? [good(`${needed.length} Debian packages are installed`)]
    : [bad(`Debian packages are missing: ${missing.join(" ")}`, `Run: sudo ${ROOT}/parapet install`)];
}

function nginxVersion(): Finding {
  const min = process.env["PARAPET_NGINX_VERSION_MIN"] ?? "";
  try {
    const version = execFileSync("dpkg-query", ["-W", "-f", "${Version}", "nginx"], {
      stdio: ["ignore", "pipe", "ignore"],
    }).toString();
    execFileSync("dpkg", ["--compare-versions", version, "ge", min]);
    return good(`nginx ${version} has the security fixes`);
  } catch {
    return bad(
      `nginx is older than ${min}, the first version with the HTTP/2 and rewrite fixes`,
      `Enable Debian's security repository, then run: sudo ${ROOT}/parapet install`,
    );
  }
}

function diskAt(dataDir: string): Finding {
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    accessSync(dataDir, constants.W_OK);
  } catch {
    return bad(`Cannot write to ${dataDir}`, "Give the folder to this user, or choose another with --data");
  }
  const disk = statfsSync(dataDir);
  const free = disk.bavail * disk.bsize;
  const shown = `${Math.round(free / (1024 * 1024))} MiB free under ${dataDir}`;
  return free >= DISK_FREE_MIN
    ? good(shown)
    : bad(shown, "Free some space: below 1 GiB the cache and the database may stop");
}

function answers(to: { path: string } | { host: string; port: number }): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(to as { path: string });
    const end = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(1000, () => end(false));
    socket.on("connect", () => end(true));
    socket.on("error", () => end(false));
  });
}

async function portFree(name: string, listen: string): Promise<Finding> {
  const at = listen.lastIndexOf(":");
  const host = listen.slice(0, at).replace(/^\[|\]$/g, "");
  const port = Number(listen.slice(at + 1));
  const taken = await answers({ host: host === "0.0.0.0" ? "127.0.0.1" : host, port });
  return taken
    ? bad(
        `Something else listens on ${listen} (${name})`,
        `Stop it, or choose another address in parapet.json: "${name}"`,
      )
    : good(`${listen} is free (${name})`);
}
