/** How many files a process of ours may open at most (getrlimit(2), the hard limit): what nginx's workers are told, since a higher wish is an alert in its log. */
import { readFileSync } from "node:fs";

/** Stored answers, bodies on their way, logs: what a worker has open beside its connections. */
const FILES_BESIDE = 8192;
/** Of few files most are connections all the same. */
const CONNECTIONS_PART = 3 / 4;

export type WorkerFiles = { readonly connections: number; readonly files: number };

/** What a worker gets of what is wished: `connections`, and files for these and all else, within the limit. */
export function workerFiles(connections: number, limit: number = openFilesMax()): WorkerFiles {
  return {
    connections: Math.min(connections, Math.floor(limit * CONNECTIONS_PART)),
    files: Math.min(connections + FILES_BESIDE, limit),
  };
}

/** Infinity where the system does not say, or knows no limit. */
function openFilesMax(): number {
  try {
    return hardLimit(readFileSync("/proc/self/limits", "utf8"));
  } catch {
    return Infinity;
  }
}

/** The line is "Max open files   SOFT   HARD   files" (proc(5)). */
export function hardLimit(limits: string): number {
  const found = /^Max open files +\S+ +(\d{1,10}|unlimited) /m.exec(limits)?.[1];
  return found === undefined || found === "unlimited" ? Infinity : Number(found);
}
