/**
 * What the operator's databases say of one address, for people who ask why somebody is kept out. Read at the first question and then kept, since nobody
 * asks on most nodes; the request path has nginx's own reader and never comes here.
 */
import { readFileSync } from "node:fs";
import { Reader } from "mmdb-lib";
import type { GeoDatabase } from "./geo-database.ts";

export type GeoFacts = { readonly asn?: number; readonly country?: string };
type Databases = { readonly country: GeoDatabase; readonly asn: GeoDatabase };

export function createGeoLook(databases: Databases): (address: string) => GeoFacts {
  const country = lookerOf(databases.country);
  const asn = lookerOf(databases.asn);
  return (address) => {
    const number = asn(address);
    const code = country(address);
    return {
      ...(typeof number === "number" ? { asn: number } : {}),
      ...(typeof code === "string" ? { country: code } : {}),
    };
  };
}

function lookerOf({ file, field }: GeoDatabase): (address: string) => unknown {
  if (file === "") return () => undefined;
  let reader: { get(address: string): unknown } | undefined;
  return (address) => {
    reader ??= new Reader(readFileSync(file)) as unknown as { get(address: string): unknown };
    let value = reader.get(address);
    for (const key of field.split(" ")) {
      if (typeof value !== "object" || value === null) return undefined;
      value = (value as Record<string, unknown>)[key];
    }
    return value;
  };
}
