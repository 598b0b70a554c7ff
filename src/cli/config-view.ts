// The effective configuration as people and programs see it: each value with its unit, and where it came from. Secrets never get in
// here: not as values, and not within addresses.

import type { ExaminedConfig } from '../config/load-config.ts';
import { flagOf } from '../config/names.ts';
import { SETTING_PROPERTIES, type SettingProperty, settingOf } from '../config/schema.ts';
import type { SourceKind } from '../config/sources.ts';
import { formatDuration, formatSize } from '../config/values.ts';
import { plainText } from '../plain-text.ts';

export interface SettingView {
  readonly name: string;
  readonly flag: string;
  /** Durations in seconds, sizes in bytes, as the name says. Null: absent. */
  readonly value: string | number | boolean | readonly string[] | null;
  readonly source: { readonly kind: SourceKind; readonly label: string };
  /** True: the value is not shown, or only without its credentials. */
  readonly secret: boolean;
  /** What stands in for an absent value, in words; null: nothing. */
  readonly instead: string | null;
  /** The value that was given cannot be read; `value` is the default. */
  readonly wrong: boolean;
}

const HIDDEN = '(hidden)';

export const settingViews = (examined: ExaminedConfig): readonly SettingView[] =>
  SETTING_PROPERTIES.map((property) => viewOf(property, examined));

function viewOf(property: SettingProperty, { config, sources, wrong, problems }: ExaminedConfig): SettingView {
  const { name, secret, fallbackWords } = settingOf(property);
  // The bucket of `--embedded` is none that `run` would use without it.
  const isMissing = sources[property].kind === 'default' && problems.some(({ key }) => key === name);
  const value = isMissing && property === 's3BucketName' ? null : inUnits(name, config[property]);
  return {
    name,
    flag: `--${flagOf(name)}`,
    value: secret === true ? secretShown(name, value) : typeof value === 'string' ? withoutAccount(value) : value,
    source: sources[property],
    secret: secret === true,
    instead: value === null ? (fallbackWords?.replaceAll('`', '') ?? null) : null,
    wrong: wrong.has(property),
  };
}

function inUnits(name: string, value: unknown): SettingView['value'] {
  if (typeof value === 'number' && name.endsWith('_SECONDS')) return value / 1_000;
  return value as SettingView['value'];
}

const secretShown = (name: string, value: SettingView['value']): SettingView['value'] =>
  typeof value !== 'string' ? value : name.endsWith('_URL') ? withoutAccount(value, name === 'NOTIFY_URL') : HIDDEN;

/** An address without its account, and without its query, where passwords may stand too; that of a webhook is its path. Other text as it is. */
function withoutAccount(text: string, pathIsSecret = false): string {
  const url = /^[a-z]+:\/\//i.test(text) ? URL.parse(text) : null;
  if (!url) return text;
  const account = url.username || url.password ? `${HIDDEN}@` : '';
  return `${url.protocol}//${account}${url.host}${pathIsSecret ? `/${HIDDEN}` : url.pathname}${url.search ? `?${HIDDEN}` : ''}`;
}

export function settingsTable(views: readonly SettingView[]): string {
  const rows = views.map((view) => [view.name, textOf(view), sourceOf(view)] as const);
  const nameChars = Math.max(...rows.map(([name]) => name.length));
  const valueChars = Math.min(MAX_COLUMN_CHARS, Math.max(...rows.map(([, value]) => value.length)));
  return rows
    .map(([name, value, source]) => `${name.padEnd(nameChars)}  ${value.padEnd(valueChars)}  ${source}\n`)
    .join('');
}

/** Long lists push only their own line. */
const MAX_COLUMN_CHARS = 40;

function textOf({ name, value, instead }: SettingView): string {
  if (value === null) return instead === null || instead === '-' ? '-' : `- (${instead})`;
  if (typeof value === 'number' && name.endsWith('_SECONDS')) return value === 0 ? '0s' : formatDuration(value * 1_000);
  if (typeof value === 'number' && name.endsWith('_BYTES')) return formatSize(value);
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  return plainText([value].flat().join(', ')) || '(empty)';
}

const sourceOf = ({ source, wrong }: SettingView): string =>
  `${source.kind === 'default' ? 'default' : `${source.kind}: ${plainText(source.label)}`}${wrong ? ', WRONG: the default is shown' : ''}`;
