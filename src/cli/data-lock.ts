/**
 * One instance per data folder: two would write the same database and sign the same log. The lock is a file that names the process
 * and its start time, so that a process number that the system gave away again is not mistaken for us. A lock whose process is
 * gone was left by a kill: it is taken over.
 */
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { Fault } from "../contract/fault.ts";

/** Field 22 of /proc/PID/stat (proc(5)), counted after the command's closing bracket; null when there is no such process. */
function startTimeOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? null;
  } catch {
    return null;
  }
}

export function lockDataDir(dataDir: string): () => void {
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new Fault(
      "machine.incomplete",
      `Cannot make the data folder ${dataDir}: choose another with --data, or give this one to this user`,
      { cause },
    );
  }
  const file = `${dataDir}/lock`;
  const mine = `${process.pid} ${startTimeOf(process.pid)}`;
  for (let attempt = 0; attempt < 3; attempt++) {
    try {
      const handle = openSync(file, "wx", 0o600);
      writeSync(handle, mine);
      closeSync(handle);
      return () => rmSync(file, { force: true });
    } catch (cause) {
      const code = (cause as { code?: string }).code;
      if (code !== "EEXIST") {
        throw new Fault(
          "machine.incomplete",
          `Cannot write to the data folder ${dataDir} (${code}): free some space or give it to this user`,
          { cause },
        );
      }
    }
    const [pid = "", startTime = ""] = readFileSync(file, "utf8").split(" ");
    if (/^\d+$/.test(pid) && startTimeOf(Number(pid)) === startTime) {
      throw new Fault(
        "state.conflict",
        `Cannot start as process ${pid} already runs an instance in ${dataDir}: stop it, or choose another folder with --data`,
      );
    }
    rmSync(file, { force: true });
  }
  throw new Fault(
    "state.conflict",
    `Cannot lock ${dataDir} as others keep taking it: look who starts an instance there`,
  );
}
