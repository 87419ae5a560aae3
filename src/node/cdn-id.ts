/** The name by which this fleet knows its own requests when they come round: the same on every node, and another one for every other fleet. */
import { createHash } from "node:crypto";

/** This fleet's name in CDN-Loop (RFC 8586 §2): all nodes that pin one ledger are one provider. */
export function cdnIdOf(pinnedVkey: string): string {
  return `parapet-${createHash("sha256").update(pinnedVkey).digest("hex").slice(0, 16)}`;
}
