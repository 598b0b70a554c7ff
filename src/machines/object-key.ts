// The object key of a file: the template filled with the path relative to its folder, made safe for S3 and for people.
//
// K1. Pure: the same file at the same path always gives the same key, so that a stream of which nothing is remembered finds
//     its object again.
// K2. A key never begins with a slash, holds no `.` or `..` segment, no control character, and is valid UTF-8; what is
//     not is percent-encoded (bytes that are no UTF-8 arrive here as lone surrogates U+DC80 to U+DCFF, see file-identity.ts).

/** S3: 1,024 bytes of UTF-8. */
export const MAX_KEY_BYTES = 1024;
/** `name~1000.ext`: more streams wanting one key is a configuration mistake. */
export const MAX_KEY_VARIANTS = 1000;

export interface KeySettings {
  readonly keyPrefix: string;
  readonly keyTemplate: string;
}

/** `folder` and `path` are absolute, `path` below `folder`. */
export function objectKey(settings: KeySettings, folder: string, path: string): string {
  const root = folder.endsWith('/') ? folder : `${folder}/`;
  const relative = path.startsWith(root) ? path.slice(root.length) : path;
  const safe = relative
    .split('/')
    .filter((segment) => segment !== '')
    .map(safeSegment)
    .join('/');
  return `${settings.keyPrefix}${settings.keyTemplate.replaceAll('{path}', () => safe)}`.replace(/^\/+/, '');
}

/** The n-th name for the same file: `take.mp4`, `take~2.mp4`, `take~3.mp4`. */
export function keyVariant(key: string, n: number): string {
  if (n <= 1) return key;
  const slash = key.lastIndexOf('/');
  const dot = key.lastIndexOf('.');
  return dot > slash + 1 ? `${key.slice(0, dot)}~${n}${key.slice(dot)}` : `${key}~${n}`;
}

export function keyBytes(key: string): number {
  let bytes = 0;
  for (const char of key) {
    const code = char.codePointAt(0) ?? 0;
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
  return bytes;
}

function safeSegment(segment: string): string {
  if (segment === '.' || segment === '..') return segment.replaceAll('.', '%2E');
  // biome's no-control rule is right in general; here control characters are what is looked for.
  return [...segment].map(safeChar).join('');
}

function safeChar(char: string): string {
  const code = char.codePointAt(0) ?? 0;
  if (code >= 0xdc80 && code <= 0xdcff) return percent(code - 0xdc00);
  if (code >= 0xd800 && code <= 0xdfff) return '%EF%BF%BD';
  return code < 0x20 || code === 0x7f ? percent(code) : char;
}

const percent = (byte: number): string => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
