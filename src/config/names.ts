// The names under which a setting can be given (variable, flag, YAML key, NAME_FILE), and near misses of them: a typo must not
// silently leave a default in force. The environment also holds what others put there: only names very close to ours, or
// ours behind `TAILRACE_`, are taken for mistakes.

import { propertyNamed, SETTING_PROPERTIES, SETTINGS, type SettingProperty, settingOf } from './schema.ts';

/** Path of the YAML file. Not a setting itself: it cannot stand in the file. */
export const CONFIG_FILE_VARIABLE = 'TAILRACE_CONFIG';

const OWN_PREFIX = 'TAILRACE_';
const FILE_SUFFIX = '_FILE';

/** Names of other programs that happen to be close to ours; NOTIFY_SOCKET is systemd's. */
const FOREIGN_NAMES = new Set([
  'NOTIFY_SOCKET',
  'REDIS_URI',
  'REDIS_URLS',
  'LOG_LEVELS',
  'STAGE_DIR',
  'STATS_DIR',
  'STATIC_DIR',
]);

/** Longer names may have two slips; in a short one two letters make another word. */
const LONG_NAME_CHARS = 12;

export interface SettingName {
  readonly property: SettingProperty;
  readonly name: string;
  /** The value is the path of a file that holds the secret. */
  readonly fromFile: boolean;
}

export const SETTING_NAMES: readonly SettingName[] = SETTING_PROPERTIES.flatMap((property) => {
  const { name } = SETTINGS[property];
  const plain = { property, name, fromFile: false };
  return settingOf(property).secret ? [plain, { property, name: `${name}${FILE_SUFFIX}`, fromFile: true }] : [plain];
});

const byName = new Map(SETTING_NAMES.map((entry) => [entry.name, entry]));

export const settingNamed = (name: string): SettingName | undefined => byName.get(name);

/** `STREAM_TIMEOUT_SECONDS` -> `stream-timeout-seconds`. */
export const flagOf = (name: string): string => name.toLowerCase().replaceAll('_', '-');

/** `stream_timeout_seconds` and `stream-timeout-seconds` -> `STREAM_TIMEOUT_SECONDS`. */
export const nameOfKey = (key: string): string => key.toUpperCase().replaceAll('-', '_');

/** Which of our names an unknown variable was probably meant to be; null: none of our business. */
export function meantVariable(name: string): string | null {
  if (byName.has(name) || name === CONFIG_FILE_VARIABLE || FOREIGN_NAMES.has(name)) return null;
  if (name.startsWith(OWN_PREFIX)) {
    const bare = name.slice(OWN_PREFIX.length);
    if (byName.has(bare)) return bare;
    if (editDistance(name, CONFIG_FILE_VARIABLE, 2) <= 2) return CONFIG_FILE_VARIABLE;
  }
  return nearestName(name);
}

/** The closest of our names within the slips allowed, or null. */
export function nearestName(name: string): string | null {
  let best: string | null = null;
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const candidate of byName.keys()) {
    const allowed = candidate.length >= LONG_NAME_CHARS ? 2 : 1;
    const distance = editDistance(name, candidate, allowed);
    if (distance <= allowed && distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

export const isSecretName = (name: string): boolean => {
  const entry = settingNamed(name);
  const property = entry?.property ?? propertyNamed(name);
  return property !== undefined && settingOf(property).secret === true && entry?.fromFile !== true;
};

/** Insertions, deletions, replacements and swaps of neighbours; anything above `most` is answered as `most + 1`. */
function editDistance(a: string, b: string, most: number): number {
  if (Math.abs(a.length - b.length) > most) return most + 1;
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = at(last, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? at(beforeLast, j - 2) + 1 : replaced;
      row.push(Math.min(at(last, j) + 1, at(row, j - 1) + 1, replaced, swapped));
    }
    [beforeLast, last] = [last, row];
  }
  return Math.min(at(last, b.length), most + 1);
}

const at = (row: readonly number[], index: number): number => row[index] ?? Number.POSITIVE_INFINITY;
