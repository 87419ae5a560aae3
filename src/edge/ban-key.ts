/**
 * How bans of more than one address are named. An address is named by its bytes alone, four or eight; everything here has another length, so that no
 * range, system or country is ever taken for an address. A prefix is cut at its bit, so that all addresses in it have one name.
 */

/** `bytes`: four of IPv4, eight of IPv6. Its length and family come first: six or ten bytes. */
export function networkName(bytes: string, bits: number): string {
  const whole = Math.floor(bits / 8);
  const rest = bits - whole * 8;
  let name = String.fromCharCode(bytes.length) + String.fromCharCode(bits) + bytes.substring(0, whole);
  if (rest > 0) {
    const byte = bytes.charCodeAt(whole);
    name = name + String.fromCharCode(byte - (byte % 2 ** (8 - rest)));
  }
  for (let i = rest > 0 ? whole + 1 : whole; i < bytes.length; i++) name = name + "\0";
  return name;
}

/** `asn` in digits. At least twelve bytes. */
export function asnName(asn: string): string {
  return "autonomous " + asn;
}

export function countryName(country: string): string {
  return "the country " + country;
}
