/**
 * The table of arrows (design §4): which room may import which. The order is that of the house, from the top floor down.
 * A room may always import itself. `desk/core` and `ledger/core` are pure: they import no other room but `contract` and each
 * other's pure parts, and no package beyond node:crypto. What is not here is not allowed.
 */
export const ROOMS = [
  "cli",
  "console",
  "web",
  "api",
  "desk",
  "mail",
  "ledger",
  "sites",
  "watch",
  "node",
  "names",
  "bus",
  "store",
  "edge",
  "contract",
] as const;
export type Room = (typeof ROOMS)[number];

export const ARROWS: Readonly<Record<Room, readonly string[]>> = {
  cli: [
    "console",
    "web",
    "api",
    "desk",
    "mail",
    "ledger",
    "sites",
    "watch",
    "node",
    "bus",
    "store",
    "edge",
    "contract",
  ],
  console: ["contract"],
  web: ["api", "desk", "mail", "ledger", "sites", "store", "contract"],
  api: ["web", "desk", "mail", "ledger", "sites", "store", "contract"],
  desk: ["ledger", "sites", "mail", "store", "contract"],
  mail: ["store", "contract"],
  ledger: ["store", "contract"],
  sites: ["names", "store", "bus", "contract"],
  watch: ["bus", "contract"],
  // The node checks receipts by itself (law 3), with the ledger's pure part and nothing else of it.
  node: ["ledger/core", "names", "bus", "contract"],
  // Where names lead, asked alike by nodes and control plane.
  names: ["contract"],
  bus: ["contract"],
  store: ["contract"],
  edge: ["contract"],
  contract: [],
};

/** Pure parts: what they may import beside themselves. */
export const PURE: Readonly<Record<string, readonly string[]>> = {
  "desk/core": ["ledger/core", "contract", "sites/simhash.ts"],
  "ledger/core": ["contract"],
  contract: [],
};
/** Packages and built-ins that a pure part may use: computation, no I/O. */
export const PURE_PACKAGES: readonly string[] = ["ipaddr.js", "node:crypto", "parse5", "zod"];
