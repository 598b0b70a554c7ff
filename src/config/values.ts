// Readers of single values: durations, sizes, counts, words, lists. Each takes what a flag, a variable or YAML gave and answers
// with the typed value, or with what is wrong and what would cure it. Wrapped as zod schemas, so that one object schema tells
// all mistakes at once.
//
// A bare number means the unit in the setting's name (SECONDS, BYTES). Readers know neither their setting's name nor secrets.

import { delimiter } from 'node:path';
import { z } from 'zod';

/** A value as it was given: text, a YAML scalar, or a list (repeated flag, YAML sequence). Null: not given, and no default. */
export type RawValue = string | number | boolean | readonly string[] | null;

export type Reading<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problem: string; readonly cure: string };

/** What a reader takes, as JSON Schema says it: for editors of the YAML file. */
export type JsonShape = Readonly<Record<string, unknown>>;

export interface ValueReader<T> {
  (raw: RawValue): Reading<T>;
  readonly shape?: JsonShape;
}

const shaped = <T>(shape: JsonShape, read: ValueReader<T>): ValueReader<T> =>
  Object.assign((raw: RawValue) => read(raw), { shape });

const ANY_SCALAR: JsonShape = { type: ['string', 'number', 'boolean'] };

export const good = <T>(value: T): Reading<T> => ({ ok: true, value });
export const wrong = (problem: string, cure: string): Reading<never> => ({ ok: false, problem, cure });

/** The reader as a zod schema; the cure travels in the issue's `params`. */
export const schemaOf = <T>(read: ValueReader<T>) =>
  z
    .custom<RawValue>()
    .meta(read.shape ?? ANY_SCALAR)
    .transform((raw, context): T => {
      const reading = read(raw);
      if (reading.ok) return reading.value;
      context.addIssue({ code: 'custom', message: reading.problem, params: { cure: reading.cure } });
      return z.NEVER;
    });

/** The same for a setting that may be absent: null stands for that. */
export const optionalSchemaOf = <T>(read: ValueReader<T>) =>
  schemaOf<T | null>(shaped(read.shape ?? ANY_SCALAR, (raw) => (raw === null ? good(null) : read(raw))));

/** One line of text, trimmed. */
export const scalarReader =
  <T>(read: (text: string) => Reading<T>): ValueReader<T> =>
  (raw) => {
    if (raw !== null && typeof raw === 'object') return wrong('is a list, but takes one value', 'give one value');
    const text = String(raw ?? '').trim();
    if (/\p{Cc}/u.test(text)) return wrong('holds control characters', 'give one line of plain text');
    return read(text);
  };

export const anyText = scalarReader((text) => good(text));

export const oneOf = <const Words extends readonly string[]>(words: Words): ValueReader<Words[number]> =>
  shaped(
    { enum: words },
    scalarReader((text) => {
      const found = words.find((word) => word === text.toLowerCase());
      return found === undefined ? wrong('is not one of the known words', `give ${words.join(', ')}`) : good(found);
    }),
  );

const ON_WORDS: readonly string[] = ['on', 'true', 'yes', '1'];
const OFF_WORDS: readonly string[] = ['off', 'false', 'no', '0'];

export const onOrOff: ValueReader<boolean> = shaped(
  { enum: [true, false, ...ON_WORDS, ...OFF_WORDS, 1, 0] },
  scalarReader((text) => {
    if (ON_WORDS.includes(text.toLowerCase())) return good(true);
    if (OFF_WORDS.includes(text.toLowerCase())) return good(false);
    return wrong('is neither on nor off', 'give on or off');
  }),
);

export interface Bounds {
  readonly least: number;
  readonly most: number;
  /** Why these, for the person who met them. */
  readonly because?: string;
}

/** The bounds of a bare number, in the unit of the setting's name; a text with a unit is only told from nonsense. */
const numberShape = (bounds: Bounds, perUnit: number, pattern: string): JsonShape => ({
  type: ['number', 'string'],
  minimum: bounds.least / perUnit,
  maximum: bounds.most / perUnit,
  pattern,
});

export const wholeNumber = (bounds: Bounds): ValueReader<number> =>
  shaped(
    { ...numberShape(bounds, 1, '^\\s*\\d{1,15}\\s*$'), type: ['integer', 'string'] },
    scalarReader((text) =>
      /^-?\d{1,15}$/.test(text)
        ? within(Number(text), bounds, String)
        : wrong('is not a whole number', `give a whole number from ${bounds.least} to ${bounds.most}`),
    ),
  );

const MS_OF_UNIT: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const DURATION_CURE = 'give seconds (30) or a number with its unit: 500ms, 30s, 5m, 2h, 7d, 1h30m';

/** Milliseconds. Bare numbers are seconds. */
export const duration = (bounds: Bounds): ValueReader<number> =>
  shaped(
    numberShape(bounds, 1_000, '^\\s*(\\d+(\\.\\d+)?|(\\d+(\\.\\d+)?([mM]?[sS]|[mM]|[hH]|[dD]))+)\\s*$'),
    scalarReader((text) => {
      const ms = durationMs(text.toLowerCase());
      return ms === null ? wrong('is no duration', DURATION_CURE) : within(ms, bounds, formatDuration);
    }),
  );

function durationMs(text: string): number | null {
  if (/^-?\d+(\.\d+)?$/.test(text)) return Math.round(Number(text) * 1_000);
  if (!/^(\d+(\.\d+)?(ms|s|m|h|d))+$/.test(text)) return null;
  let ms = 0;
  for (const [, amount = '', unit = ''] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)) {
    ms += Number(amount) * (MS_OF_UNIT[unit] ?? Number.NaN);
  }
  return Math.round(ms);
}

const BYTES_OF_UNIT: Readonly<Record<string, number>> = {
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
};
const SIZE_CURE = 'give bytes (8388608) or a number with its unit: 8MiB, 8MB, 1GiB';

/** Bytes. `M` alone is refused: it would be a guess between MB and MiB. */
export const size = (bounds: Bounds): ValueReader<number> =>
  shaped(
    numberShape(bounds, 1, '^\\s*\\d+(\\.\\d+)?\\s*([kKmMgGtT][iI]?[bB]|[bB])?\\s*$'),
    scalarReader((text) => {
      const [, amount, unit] = /^(-?\d+(?:\.\d+)?)\s*([a-z]*)$/.exec(text.toLowerCase()) ?? [];
      const factor = unit === '' ? 1 : BYTES_OF_UNIT[unit ?? '?'];
      if (amount === undefined || factor === undefined) return wrong('is no size', SIZE_CURE);
      const bytes = Number(amount) * factor;
      return Number.isSafeInteger(bytes)
        ? within(bytes, bounds, formatSize)
        : wrong('is no whole number of bytes', SIZE_CURE);
    }),
  );

function within(value: number, { least, most, because }: Bounds, show: (value: number) => string): Reading<number> {
  const why = because ? ` (${because})` : '';
  if (value < least) return wrong(`is less than ${show(least)}${why}`, `give ${show(least)} or more`);
  if (value > most) return wrong(`is more than ${show(most)}${why}`, `give ${show(most)} or less`);
  return good(value);
}

/** Every entry costs each path a look. */
const MAX_LIST_ITEMS = 200;

/** Several folders in one text stand apart by the system's path separator, as in PATH. */
export const folderList: ValueReader<readonly string[]> = listReader((text) => text.split(delimiter), 'name a folder');

/** Several globs in one text stand apart by commas; those within braces or brackets belong to the glob. */
export const globList: ValueReader<readonly string[]> = listReader(splitGlobs, 'give a glob, such as **/*.mp4');

function listReader(split: (text: string) => readonly string[], emptyCure: string): ValueReader<readonly string[]> {
  const read: ValueReader<readonly string[]> = (raw) => {
    const given = raw !== null && typeof raw === 'object' ? raw : split(String(raw ?? ''));
    const items = given.map((item) => item.trim()).filter((item) => item !== '');
    if (items.some((item) => /\p{Cc}/u.test(item))) return wrong('holds control characters', 'give plain text');
    if (items.length > MAX_LIST_ITEMS) return wrong(`has more than ${MAX_LIST_ITEMS} entries`, 'give fewer');
    return items.length === 0 ? wrong('is empty', emptyCure) : good(items);
  };
  return shaped({ type: ['string', 'array'], items: { type: 'string' }, maxItems: MAX_LIST_ITEMS }, read);
}

function splitGlobs(text: string): readonly string[] {
  const globs = [''];
  let depth = 0;
  for (const char of text) {
    if ('{[('.includes(char)) depth += 1;
    if ('}])'.includes(char)) depth -= 1;
    if (char === ',' && depth <= 0) globs.push('');
    else globs.push((globs.pop() ?? '') + char);
  }
  return globs;
}

/** `8 MiB`, `1.5 GiB`; as it was when it is no round binary number. For people. */
export function formatSize(bytes: number): string {
  for (const [unit, factor] of [
    ['GiB', 2 ** 30],
    ['MiB', 2 ** 20],
    ['KiB', 2 ** 10],
  ] as const) {
    if (bytes >= factor) return `${Number((bytes / factor).toFixed(1))} ${unit}`;
  }
  return `${bytes} B`;
}

/** `30s`, `1h30m`. For people. */
export function formatDuration(ms: number): string {
  if (ms < 1_000) return `${ms}ms`;
  let left = Math.round(ms / 1_000);
  let text = '';
  for (const [unit, seconds] of [
    ['d', 86_400],
    ['h', 3_600],
    ['m', 60],
    ['s', 1],
  ] as const) {
    const amount = Math.floor(left / seconds);
    left -= amount * seconds;
    if (amount > 0) text += `${amount}${unit}`;
  }
  return text;
}
