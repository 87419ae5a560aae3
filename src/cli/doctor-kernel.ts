/**
 * What the doctor says of the kernel: whether it takes bans from this process, and settings of its TCP that hold up badly under a flood. These are hints and no faults:
 * the edge runs without any of them, so none makes the doctor call the machine unfit.
 */
import { readFileSync } from "node:fs";
import { removalScript, runNft, type RunNft } from "../node/kernel-table.ts";
import type { Finding } from "./doctor.ts";

/** nginx asks for a backlog of 511 on Linux; the kernel cuts it to somaxconn. */
const BACKLOG_MIN = 511;
const HALF_OPEN_MIN = 1024;

export type ReadSysctl = (name: string) => string | null;

export async function kernelFindings(
  mode: "auto" | "off",
  read: ReadSysctl = readSysctl,
  run: RunNft = runNft,
): Promise<readonly Finding[]> {
  return [await bansIn(mode, run), ...tcpHints(read)];
}

async function bansIn(mode: "auto" | "off", run: RunNft): Promise<Finding> {
  if (mode === "off") return hint('Bans stay in nginx alone, as "kernelBans" is "off"', null);
  try {
    // Added and taken away in one transaction: nobody ever sees it.
    await run(removalScript("parapet_doctor"));
    return hint("The kernel takes bans of clients that persist (nftables)", null);
  } catch {
    return hint(
      "The kernel takes no bans from this process: bans stay in nginx alone",
      'For more, install nftables and start the edge with CAP_NET_ADMIN; or set "kernelBans" to "off"',
    );
  }
}

function tcpHints(read: ReadSysctl): Finding[] {
  const hints: Finding[] = [];
  if (read("net/ipv4/tcp_syncookies") === "0") {
    hints.push(
      hint(
        "SYN cookies are off: a SYN flood closes the edge",
        "Run: sudo sysctl -w net.ipv4.tcp_syncookies=1",
      ),
    );
  }
  for (const [name, min, what] of [
    ["net/core/somaxconn", BACKLOG_MIN, "connections wait to be taken: nginx asks for 511"],
    ["net/ipv4/tcp_max_syn_backlog", HALF_OPEN_MIN, "half-open connections are kept"],
  ] as const) {
    const value = Number(read(name) ?? Number.NaN);
    const dotted = name.replaceAll("/", ".");
    if (value < min) {
      hints.push(hint(`At most ${value} ${what} (${dotted})`, `Run: sudo sysctl -w ${dotted}=4096`));
    }
  }
  return hints;
}

function hint(what: string, mend: string | null): Finding {
  return { ok: true, what, mend };
}

function readSysctl(name: string): string | null {
  try {
    return readFileSync(`/proc/sys/${name}`, "latin1").trim();
  } catch {
    return null;
  }
}
