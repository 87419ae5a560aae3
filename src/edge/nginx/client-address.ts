/** Who asks: the bytes of the address; of IPv6 the /64, which is one household's. */
import { canRead, clientBytes, shortAddress } from "./plain-request.ts";

export function clientAddress(): string {
  return canRead() ? clientBytes() : shortAddress(ngx.var["binary_remote_addr"] ?? "");
}

/** The same beside the site's short name. */
export function clientKey(site: { readonly limitPrefix: string }): string {
  return site.limitPrefix + clientAddress();
}

/** The /24 or /48 of an address, in another number of bytes than any address. */
export function networkOf(address: string): string {
  return string.sub(address, 1, address.length > 4 ? 6 : 3);
}
