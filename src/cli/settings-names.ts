/** Settings that are names and addresses of this edge, as visitors' DNS knows them. */
import { isIP } from "node:net";

type Outcome<T> = { readonly value: T } | { readonly wanted: string };

const NAME = /^(?=.{3,200}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const ADDRESSES_MAX = 50;

export function parseEdgeAddresses(value: unknown): Outcome<readonly string[]> {
  const right =
    Array.isArray(value) &&
    value.length <= ADDRESSES_MAX &&
    value.every((entry) => typeof entry === "string" && (isIP(entry) !== 0 || NAME.test(entry)));
  return right
    ? { value: value as string[] }
    : {
        wanted: 'a list of addresses or lower-case names like ["203.0.113.7", "2001:db8::7", "edge.example"]',
      };
}

export function parsePreviewDomain(value: unknown): Outcome<string> {
  return value === "" || (typeof value === "string" && isIP(value) === 0 && NAME.test(value))
    ? { value }
    : { wanted: 'empty, or a lower-case domain like "preview.edge.example"' };
}
