/** Where a name leads that a customer chose, of an origin or a webhook: asked as the nodes ask, of the system's own DNS servers. */
import { createResolver } from "../names/resolver.ts";

/** At least one address. Rejects with what the DNS or the system says. */
export type NameLook = (host: string) => Promise<readonly string[]>;

const resolve = createResolver({ servers: [] });

export const lookUpName: NameLook = async (host) => (await resolve(host)).addresses;
