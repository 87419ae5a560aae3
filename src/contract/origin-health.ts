/**
 * What a node tells of a site's origin, kept as the last value of one topic for each node and site: where the names lead as it sees
 * them, and what its own checks found.
 */
import type { NodeId, SiteId } from "./ids.ts";

/** unchecked: no check is asked for, or none has ended yet. */
export type OriginState = "up" | "down" | "unchecked";

export type OriginReport = {
  readonly nodeId: NodeId;
  readonly siteId: SiteId;
  /** Milliseconds since the Unix epoch. */
  readonly atMs: number;
  /** In the order of the site's settings. Empty: the node let go of the site. */
  readonly servers: readonly {
    readonly host: string;
    readonly port: number;
    readonly addresses: readonly {
      /** A literal, IPv6 in brackets. */
      readonly address: string;
      readonly state: OriginState;
      readonly sinceMs: number;
      /** Why it is down, a sentence; null when it is not. */
      readonly why: string | null;
    }[];
  }[];
};
