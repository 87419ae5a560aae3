/**
 * The challenge as a visitor's browser meets it: the page's script is followed step by step, with the arithmetic done by `flood-proof.ts`. A proof is not found sooner than a
 * browser would find it: what it took to find counts at HASHES_PER_SECOND, however fast this machine is.
 */
import { Worker } from "node:worker_threads";
import type { ProofAsk, ProofFound } from "./flood-proof.ts";
import type { Answer } from "./flood-wire.ts";

/** What the page's workers do together on a phone of the better kind, or on an old computer. */
const HASHES_PER_SECOND = 200_000;

/** The challenge that this answer asks for, or null when it asks for none. */
export function challengeIn(answer: Answer): string | null {
  if (answer.status !== 403) return null;
  return /name="token" value="([A-Za-z0-9_.-]{10,60})"/.exec(answer.body.toString())?.[1] ?? null;
}

let worker: Worker | undefined;
let asked = 0;
const waiting = new Map<number, (found: ProofFound) => void>();

/** The nonce that meets the challenge; null when it would not be found in time. */
export async function proofOf(challenge: string, deadlineMs: number): Promise<string | null> {
  const beganMs = performance.timeOrigin + performance.now();
  if (worker === undefined) {
    worker = new Worker(new URL("flood-proof.ts", import.meta.url));
    worker.on("message", (found: ProofFound) => {
      waiting.get(found.id)?.(found);
      waiting.delete(found.id);
    });
  }
  const ask: ProofAsk = { id: asked++, challenge, bits: Number(challenge.split(".")[2]) };
  const found = await new Promise<ProofFound | null>((resolve) => {
    waiting.set(ask.id, resolve);
    setTimeout(() => resolve(null), Math.max(0, deadlineMs - beganMs));
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- Threads have no origin.
    worker?.postMessage(ask);
  });
  if (found === null) return null;
  const endMs = beganMs + (found.hashes / HASHES_PER_SECOND) * 1000;
  const leftMs = endMs - (performance.timeOrigin + performance.now());
  if (endMs > deadlineMs) return null;
  if (leftMs > 0) await new Promise((resolve) => setTimeout(resolve, leftMs));
  return found.nonce;
}
