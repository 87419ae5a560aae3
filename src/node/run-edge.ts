/**
 * One edge node alone, from disk: what `parapet edge` runs on a machine whose control plane is away or dead (design law 9). Serves what
 * the last good policies say, lifts measures at their end, and stops on SIGINT or SIGTERM.
 */
import { startNode, type NodeOptions, type RunningNode } from "./node.ts";

export type RunEdgeOptions = Omit<NodeOptions, "bus"> & {
  readonly onReady: (node: RunningNode) => void;
  /** Awaited before the node ends. */
  readonly onStop?: () => Promise<void> | undefined;
  readonly signal: AbortSignal;
};

/** Resolves when the node has stopped. */
export async function runEdge(options: RunEdgeOptions): Promise<void> {
  const { onReady, onStop, signal, ...rest } = options;
  const node = await startNode({ ...rest, bus: null });
  try {
    onReady(node);
    if (!signal.aborted) {
      await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
    }
  } finally {
    await onStop?.();
    await node.stop();
  }
}
