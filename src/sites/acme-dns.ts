/**
 * TXT records for DNS-01 (RFC 8555 §8.4): laid out by a dynamic update (RFC 2136, through BIND's nsupdate, signed with TSIG)
 * or by the operator's own command, seen by the authoritative servers before the authority is told, and taken away again. A CNAME at
 * _acme-challenge is followed, so that a customer can hand over this one name instead of their zone, to a name of the same first label: whoever
 * writes the alias does not choose where else in the operator's zone is written. Programs run without a shell, bounded in time and
 * output; the TSIG secret goes to nsupdate's standard input and into no argument list, log or error.
 */
import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { Resolver } from "node:dns/promises";
import { isIP } from "node:net";
import { Fault } from "../contract/fault.ts";
import type { DnsUpdate } from "../contract/settings.ts";
import { printable } from "./acme-client.ts";

export type TxtRecord = { readonly name: string; readonly value: string };

export type DnsProof = {
  readonly for: DnsUpdate["for"];
  /** Where the record for `hostname` belongs: "_acme-challenge." and the name, or what a CNAME there points to. Throws with a sentence for who wrote the CNAME. */
  recordName(hostname: string): Promise<string>;
  present(record: TxtRecord): Promise<void>;
  /** Resolves when every authoritative server shows the record; throws when they do not in time. */
  untilShown(record: TxtRecord): Promise<void>;
  cleanup(record: TxtRecord): Promise<void>;
};

const PROGRAM_MS = 30_000;
const OUTPUT_BYTES_MAX = 16 * 1024;
const SHOWN_MS = 120_000;
const ASK_EVERY_MS = 500;
const ASK_TIMEOUT_MS = 2000;
const CNAMES_MAX = 8;
const SERVERS_MAX = 16;
const RECORD_SECONDS = 60;
const SECRET_BYTES_MAX = 1024;
const PROOF_LABEL = "_acme-challenge";
const RECORD_NAME = /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,62})(\.[a-z0-9_]([a-z0-9_-]{0,62}))*$/;
const RECORD_VALUE = /^[A-Za-z0-9_-]{1,255}$/;

export function createDnsProof(
  update: DnsUpdate,
  options: {
    /** "HOST:PORT" of the resolvers to ask; empty: those of the machine. */
    readonly dnsServers: readonly string[];
    readonly signal: AbortSignal;
    readonly shownMs?: number;
  },
): DnsProof {
  const { signal, shownMs = SHOWN_MS } = options;
  const resolver = resolverOf(options.dnsServers);

  async function change(action: "present" | "cleanup", record: TxtRecord): Promise<void> {
    if (!RECORD_NAME.test(record.name) || !RECORD_VALUE.test(record.value)) {
      throw new Fault("input.invalid", "Cannot write this record as its name or value is not one of a proof");
    }
    if (update.kind === "hook") {
      const [program = "", ...rest] = update.command;
      await run(program, { args: [...rest, action, record.name, record.value], input: "", signal });
    } else {
      await run("nsupdate", { args: ["-t", "20"], input: await script(update, { action, record }), signal });
    }
  }

  async function checkServers(name: string): Promise<readonly string[]> {
    if (update.checkServers !== null) return update.checkServers;
    return update.kind === "rfc2136" ? [update.server] : await nameServers(resolver, name);
  }

  return {
    for: update.for,
    async recordName(hostname) {
      let name = `${PROOF_LABEL}.${hostname.replace(/^\*\./, "")}`;
      for (let hops = 0; hops < CNAMES_MAX; hops++) {
        const next = await cnameOf(resolver, name);
        if (next === null) return name;
        if (!next.startsWith(`${PROOF_LABEL}.`)) throw new Error(notForProofs(name, next));
        name = next;
      }
      throw new Error(`More than ${CNAMES_MAX} CNAMEs lead on from ${PROOF_LABEL}: shorten the way`);
    },
    present: (record) => change("present", record),
    cleanup: (record) => change("cleanup", record),
    async untilShown(record) {
      const servers = await checkServers(record.name);
      const deadline = performance.now() + shownMs;
      const missing = new Set(servers);
      for (;;) {
        for (const server of missing) if (await shows(server, record)) missing.delete(server);
        if (missing.size === 0) return;
        if (performance.now() > deadline) {
          throw new Error(
            `The record ${record.name} was written but ${[...missing].slice(0, 3).join(", ")} does not show it: check the zone and its secondaries`,
          );
        }
        await pause(ASK_EVERY_MS, signal);
      }
    },
  };
}

function notForProofs(name: string, alias: string): string {
  return `${name} is an alias of ${alias}, where no proof is written: let it lead to a name that begins with "${PROOF_LABEL}."`;
}

function resolverOf(servers: readonly string[]): Resolver {
  const resolver = new Resolver({ timeout: ASK_TIMEOUT_MS, tries: 2 });
  if (servers.length > 0) resolver.setServers([...servers]);
  return resolver;
}

async function cnameOf(resolver: Resolver, name: string): Promise<string | null> {
  try {
    const [target] = await resolver.resolveCname(name);
    const next = target?.toLowerCase().replace(/\.$/, "") ?? "";
    return RECORD_NAME.test(next) && next !== name ? next : null;
  } catch {
    // No CNAME, no such name yet, or no resolver: then the name itself is where the record belongs.
    return null;
  }
}

/** Addresses of the name servers of the zone that `name` is in, found from the name upwards (RFC 1034 §4.2.1). */
async function nameServers(resolver: Resolver, name: string): Promise<readonly string[]> {
  const labels = name.split(".");
  for (let i = 0; i < labels.length - 1; i++) {
    const hosts = await resolver.resolveNs(labels.slice(i).join(".")).catch(() => []);
    const addresses = new Set<string>();
    for (const host of hosts.slice(0, SERVERS_MAX)) {
      for (const address of await resolver.resolve4(host).catch(() => [])) addresses.add(`${address}:53`);
    }
    if (addresses.size > 0) return [...addresses].slice(0, SERVERS_MAX);
  }
  throw new Error(`No name server of ${name} could be found: set checkServers in dnsUpdate`);
}

async function shows(server: string, record: TxtRecord): Promise<boolean> {
  try {
    const at = server.lastIndexOf(":");
    const host = server.slice(0, at).replace(/^\[|\]$/g, "");
    const addresses = isIP(host) === 0 ? await new Resolver().resolve4(host) : [host];
    const [address = ""] = addresses;
    const resolver = resolverOf([
      isIP(address) === 6 ? `[${address}]:${server.slice(at + 1)}` : `${address}:${server.slice(at + 1)}`,
    ]);
    const found = await resolver.resolveTxt(record.name);
    return found.some((chunks) => chunks.join("") === record.value);
  } catch {
    return false;
  }
}

/** What nsupdate reads (nsupdate(1)). Every part was checked against a pattern that knows no blank and no newline. */
async function script(
  update: Extract<DnsUpdate, { kind: "rfc2136" }>,
  change: { readonly action: "present" | "cleanup"; readonly record: TxtRecord },
): Promise<string> {
  const { name, value } = change.record;
  const at = update.server.lastIndexOf(":");
  const host = update.server.slice(0, at).replace(/^\[|\]$/g, "");
  return [
    `server ${host} ${update.server.slice(at + 1)}`,
    `key ${update.tsigAlgorithm}:${update.tsigName} ${await tsigSecret(update.tsigSecretFile)}`,
    ...(update.zone === null ? [] : [`zone ${update.zone}`]),
    change.action === "present"
      ? `update add ${name}. ${RECORD_SECONDS} TXT "${value}"`
      : `update delete ${name}. TXT "${value}"`,
    "send",
    "",
  ].join("\n");
}

async function tsigSecret(file: string): Promise<string> {
  const text = await readFile(file, "utf8").catch(() => {
    throw new Error(`The TSIG secret cannot be read: check tsigSecretFile (${file})`);
  });
  const secret = text.trim();
  if (secret.length > SECRET_BYTES_MAX || !/^[A-Za-z0-9+/]+={0,2}$/.test(secret)) {
    throw new Error(`The TSIG secret has to be one line of base64: check tsigSecretFile (${file})`);
  }
  return secret;
}

/**
 * Runs a program without a shell, in a process group of its own, so that what it started ends with it. Its last words are quoted
 * when it fails, bounded and printable.
 */
async function run(
  program: string,
  options: { readonly args: readonly string[]; readonly input: string; readonly signal: AbortSignal },
): Promise<void> {
  options.signal.throwIfAborted();
  const child = spawn(program, [...options.args], {
    stdio: ["pipe", "pipe", "pipe"],
    env: { PATH: process.env["PATH"] ?? "/usr/bin:/bin", LC_ALL: "C" },
    detached: true,
  });
  let said = "";
  let bytes = 0;
  const ended = await new Promise<string | null>((resolve) => {
    const giveUp = (why: string): void => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
      } catch {
        // It ended by itself a moment ago.
      }
      resolve(why);
    };
    const stop = (): void => giveUp("took too long");
    const timer = setTimeout(stop, PROGRAM_MS);
    options.signal.addEventListener("abort", stop, { once: true });
    const listen = (part: Buffer): void => {
      bytes += part.length;
      if (bytes > OUTPUT_BYTES_MAX) giveUp("said too much");
      else said += part.toString("utf8");
    };
    child.stdout.on("data", listen);
    child.stderr.on("data", listen);
    child.stdin.on("error", () => undefined); // A program that reads nothing may end before it is written to.
    child.on("error", () => resolve("cannot be run"));
    child.on("close", (code) => {
      clearTimeout(timer);
      options.signal.removeEventListener("abort", stop);
      resolve(code === 0 ? null : `ended with ${code ?? "a signal"}`);
    });
    child.stdin.end(options.input);
  });
  for (const stream of [child.stdout, child.stderr]) stream.destroy();
  if (ended !== null) {
    throw new Error(`${program} ${ended}${said.trim() === "" ? "" : `: ${printable(said)}`}`);
  }
}

/** Waits, or throws as soon as the signal says stop. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", stop);
      resolve();
    }, ms);
    signal.addEventListener("abort", stop, { once: true });
  });
}
