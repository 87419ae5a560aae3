/**
 * The words in which the kernel's table of bans is written for `nft -f -`, and the process that reads them. Pure but for `runNft`. A node has a table of its own,
 * named after its folder, so that two nodes on one machine never touch each other's. Of IPv6 the first half of an address is compared, as everywhere:
 * sets of whole keys are enough then, which the kernel hashes, and no range can overlap another. An element that is there already keeps its old
 * time-out when it is added again, so it is taken out and put in anew within one transaction.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import ipaddr from "ipaddr.js";

export const NFT_BIN = "/usr/sbin/nft";
/** Of each set. */
export const KERNEL_BANS_MAX = 20_000;
const NFT_MS = 5000;
const WORDS_MAX = 500;

export type KernelKey = { readonly family: 4 | 6; readonly key: string };
/** `seconds` 0: taken out. */
export type KernelChange = KernelKey & { readonly seconds: number };
export type RunNft = (script: string) => Promise<void>;

export function tableNameOf(stateDir: string): string {
  return `parapet_${createHash("sha256").update(stateDir).digest("hex").slice(0, 16)}`;
}

/** Null for what is no address, and for addresses of this machine, of one wire, of nobody, or of a crowd: the kernel keeps out single strangers. */
export function kernelKeyOf(address: string): KernelKey | null {
  if (address.length > 60 || address.includes("%") || !ipaddr.isValid(address)) return null;
  const parsed = ipaddr.process(address);
  const range = parsed.range();
  if (["unspecified", "loopback", "linkLocal", "multicast", "broadcast"].includes(range)) return null;
  if (parsed.kind() === "ipv4") return { family: 4, key: parsed.toString() };
  const bytes = parsed.toByteArray().map((byte, i) => (i < 8 ? byte : 0));
  return { family: 6, key: ipaddr.fromByteArray(bytes).toString() };
}

/** The table, empty, in place of whatever a node that was killed left. */
export function tableScript(table: string, listeners: readonly string[]): string {
  const rules = listeners.flatMap((listen) => rulesFor(listen));
  return `${removalScript(table)}table inet ${table} {
  set bans4 { type ipv4_addr; flags timeout; size ${KERNEL_BANS_MAX}; }
  set bans6 { type ipv6_addr; flags timeout; size ${KERNEL_BANS_MAX}; }
  chain input {
    type filter hook input priority filter - 10; policy accept;
    ${rules.join("\n    ")}
  }
}
`;
}

/** Works whether or not there is one. */
export function removalScript(table: string): string {
  return `add table inet ${table}\ndelete table inet ${table}\n`;
}

export function changeScript(table: string, changes: readonly KernelChange[]): string {
  return changes
    .map(({ family, key, seconds }) => {
      const set = `element inet ${table} bans${family}`;
      const renewed = `add ${set} { ${key} }\ndelete ${set} { ${key} }\n`;
      return seconds > 0 ? `${renewed}add ${set} { ${key} timeout ${Math.ceil(seconds)}s }\n` : renewed;
    })
    .join("");
}

/** Only packets for this listener: whoever administers the machine from a banned address still can. */
function rulesFor(listen: string): string[] {
  const at = listen.lastIndexOf(":");
  const host = listen.slice(0, at).replace(/^\[|\]$/g, "");
  const port = Number(listen.slice(at + 1));
  if (!Number.isSafeInteger(port) || port < 1 || port > 65_535) throw new Error(`no port in ${listen}`);
  const address = ipaddr.isValid(host) ? ipaddr.parse(host) : null;
  const isAll = address === null || address.range() === "unspecified";
  const to = isAll ? "" : `${address.kind() === "ipv4" ? "ip" : "ip6"} daddr ${address.toString()} `;
  const rules: string[] = [];
  if (isAll || address.kind() === "ipv4") rules.push(`${to}tcp dport ${port} ip saddr @bans4 drop`);
  if (isAll || address.kind() === "ipv6") {
    rules.push(`${to}tcp dport ${port} ip6 saddr & ffff:ffff:ffff:ffff:: @bans6 drop`);
  }
  return rules;
}

/** No shell, no argument that anybody chose; ended after five seconds. Rejects with nft's first words. */
export function runNft(script: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const nft = spawn(NFT_BIN, ["-f", "-"], {
      stdio: ["pipe", "ignore", "pipe"],
      env: { LC_ALL: "C" },
      timeout: NFT_MS,
      killSignal: "SIGKILL",
    });
    let words = "";
    nft.stderr.on("data", (bytes: Buffer) => {
      if (words.length < WORDS_MAX) words = (words + bytes.toString("latin1")).slice(0, WORDS_MAX);
    });
    nft.on("error", reject);
    // It may end before it has read all; how it ended is told below.
    nft.stdin.on("error", () => undefined);
    nft.on("close", (code, signal) => {
      if (code === 0) resolve();
      else reject(new Error(words.split("\n")[0] || `nft ended with ${code ?? signal}`));
    });
    nft.stdin.end(script);
  });
}
