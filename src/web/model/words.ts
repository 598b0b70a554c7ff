// Numbers, times and names as the page writes them: short, of steady width, and harmless. Text from outside passes through here
// before it is shown; markup is never made of it, so what is left to do is control and direction characters.

import { plainText } from '../../plain-text.ts';

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** `0 B`, `512 B`, `12.4 MiB`, `140 GiB`: at most three digits and a unit. */
export function sizeWords(bytes: number): string {
  let value = Math.max(0, bytes);
  let unit = 0;
  // 999.5 would be written as 1000.
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const text = unit === 0 || value >= 99.95 ? String(Math.round(value)) : value.toFixed(1);
  return `${text} ${UNITS[unit]}`;
}

/** `-` below one byte a second: nothing moves. */
export const rateWords = (bytesPerSecond: number): string =>
  bytesPerSecond < 1 ? '–' : `${sizeWords(bytesPerSecond)}/s`;

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** `0 s`, `42 s`, `3 min 5 s`, `2 h 4 min`, `5 d 3 h`: the two largest units. */
export function durationWords(ms: number): string {
  const seconds = Math.floor(Math.max(0, ms) / SECOND_MS);
  if (seconds < 60) return `${seconds} s`;
  if (ms < HOUR_MS) return two(Math.floor(seconds / 60), 'min', seconds % 60, 's');
  const minutes = Math.floor(ms / MINUTE_MS);
  if (ms < DAY_MS) return two(Math.floor(minutes / 60), 'h', minutes % 60, 'min');
  const hours = Math.floor(ms / HOUR_MS);
  return two(Math.floor(hours / 24), 'd', hours % 24, 'h');
}

const two = (large: number, largeUnit: string, small: number, smallUnit: string): string =>
  small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;

/** Local time of day with seconds, always of the same width. */
export function clockWords(atMs: number): string {
  const at = new Date(atMs);
  return [at.getHours(), at.getMinutes(), at.getSeconds()].map((each) => String(each).padStart(2, '0')).join(':');
}

/** Local date and time, for what lies further back. */
export function momentWords(atMs: number): string {
  const at = new Date(atMs);
  const date = [at.getFullYear(), at.getMonth() + 1, at.getDate()]
    .map((each) => String(each).padStart(2, '0'))
    .join('-');
  return `${date} ${clockWords(atMs)}`;
}

export const countWords = (count: number): string => count.toLocaleString('en').replaceAll(',', ' ');

/** `1 stream`, `12 streams`. */
export const plural = (count: number, one: string, many = `${one}s`): string =>
  `${countWords(count)} ${count === 1 ? one : many}`;

const ELLIPSIS = '…';

/** Beginning and end tell more than the middle: the end holds the extension and the number of the take. */
export function shortened(text: string, mostChars: number): string {
  const chars = [...text];
  if (chars.length <= mostChars) return text;
  const tail = Math.ceil((mostChars - 1) * 0.6);
  return chars.slice(0, mostChars - 1 - tail).join('') + ELLIPSIS + chars.slice(-tail).join('');
}

export interface PathWords {
  /** Last name of the path. */
  readonly name: string;
  /** The folders between the watched one and the name, with a slash at the end; empty: it lies directly in it. */
  readonly place: string;
  readonly whole: string;
}

/** What a person needs to tell files apart: the name, and where below the watched folder it lies. */
export function pathWords(path: string, folder: string): PathWords {
  const within = folder !== '' && path.startsWith(`${folder.replace(/\/+$/, '')}/`);
  const relative = within ? path.slice(folder.replace(/\/+$/, '').length + 1) : path;
  const cut = relative.lastIndexOf('/') + 1;
  return {
    name: plainText(relative.slice(cut)),
    place: plainText(relative.slice(0, cut)),
    whole: plainText(path),
  };
}

/** Everything else that comes from outside: details, keys, hints. */
export const shown = (text: string): string => plainText(text);
