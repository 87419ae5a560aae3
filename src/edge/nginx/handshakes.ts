/**
 * Full TLS handshakes are the dearest thing that a stranger can ask of an edge: a signature, a hundred times the cost of a cached page. So each client
 * has an allowance of them, asked before the signature is computed. It is generous, as a campus may sit behind one address and browsers resume their
 * sessions, which costs no signature. Its dictionary is its own: invented clients push out nothing but allowances.
 */
import * as ssl from "ngx.ssl";
import { allowanceOf, judge } from "../client-limit.ts";
import { isInNetworks, prepareNetworks } from "../network.ts";
import { everywhere } from "./allowed.ts";

const handshakes = ngx.shared["parapet_handshakes"]!;

const PER_SECOND = 50;
const AT_ONCE = 500;
const allowance = allowanceOf(PER_SECOND, AT_ONCE);
/** Whoever speaks from this very machine stands for others: a proxy in front, a check. */
const ourselves = prepareNetworks(["127.0.0.1/32", "::1/128"]);
const IPV4_BYTES = 4;
const IPV6_BYTES = 16;
/** Of an IPv6 address: one household's. */
const PREFIX_BYTES = 8;

/** In `ssl_certificate_by_lua`, which resumed sessions do not come to. */
export function mayShakeHands(): boolean {
  const [address] = ssl.raw_client_addr();
  if (address === undefined || (address.length !== IPV4_BYTES && address.length !== IPV6_BYTES)) return true;
  const client = address.length === IPV4_BYTES ? address : string.sub(address, 1, PREFIX_BYTES);
  const now = ngx.now();
  const [used] = handshakes.incr(client, allowance.costSeconds, now, allowance.rememberSeconds);
  // A full memory keeps nobody out.
  if (used === undefined) return true;
  const judged = judge(used, now, allowance);
  if (judged === "renew") handshakes.set(client, now + allowance.costSeconds, allowance.rememberSeconds);
  if (judged !== "refuse") return true;
  handshakes.incr(client, -allowance.costSeconds);
  if (isInNetworks(ourselves, address)) return true;
  return everywhere.networks !== undefined && isInNetworks(everywhere.networks, address);
}
