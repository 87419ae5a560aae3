/**
 * The parts that a site's settings are shown in: each has an address and the paths it holds. Together they hold the whole document, which a
 * test keeps: a setting that no screen shows does not pass.
 */

export const SETTINGS_PARTS = {
  origin: ["origin"],
  https: ["tls"],
  cache: ["cache"],
  access: ["rules.access"],
  redirects: ["rules.redirects"],
  headers: ["rules.headers"],
  limits: ["limit", "bodyBytesMax"],
  floods: [
    "protection.floods",
    "protection.underAttack",
    "protection.allowNetworks",
    "protection.neverChallenge",
  ],
  protection: ["protection.rules"],
  maintenance: ["rules.maintenance"],
  pages: ["rules.errorPages"],
  robots: ["rules.robots"],
} as const satisfies Record<string, readonly string[]>;

export type SettingsPart = keyof typeof SETTINGS_PARTS;
export const PART_NAMES = Object.keys(SETTINGS_PARTS) as readonly SettingsPart[];

export const isPart = (name: string): name is SettingsPart => Object.hasOwn(SETTINGS_PARTS, name);

const covers = (path: string, field: string): boolean => field === path || field.startsWith(`${path}.`);

/** Which part shows the value at a path; null for none. */
export function partOf(path: string): SettingsPart | null {
  const field = path.replace(/^settings\./, "");
  return PART_NAMES.find((name) => SETTINGS_PARTS[name].some((own: string) => covers(own, field))) ?? null;
}

/** How many of these paths each part holds. */
export function countByPart(paths: readonly string[]): Readonly<Partial<Record<SettingsPart, number>>> {
  const counts: Partial<Record<SettingsPart, number>> = {};
  for (const path of paths) {
    const part = partOf(path);
    if (part !== null) counts[part] = (counts[part] ?? 0) + 1;
  }
  return counts;
}
