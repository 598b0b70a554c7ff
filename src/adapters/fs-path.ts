// Paths between us and node:fs. Linux names are bytes; ours are strings, because they must survive JSON and Redis.
// A byte that is no part of valid UTF-8 becomes the lone surrogate U+DC00 + byte (U+DC80 to U+DCFF), and back.
//
// Promises: `toFsPath(fromFsBytes(bytes))` names the same bytes, for all bytes; a valid UTF-8 name stays as it is.
// No other file may hand a path of ours to node:fs unconverted: U+FFFD would name another file, or none.

import { isUtf8 } from 'node:buffer';

const ESCAPE_BASE = 0xdc00;
const FIRST_ESCAPE = 0xdc80;
const LAST_ESCAPE = 0xdcff;

/** What node:fs takes: the string itself when it is plain Unicode, otherwise the bytes it stands for. */
export function toFsPath(path: string): string | Buffer {
  if (path.isWellFormed()) return path;
  const pieces: Buffer[] = [];
  let plain = '';
  // By code points: an escape is a surrogate that stands alone, never the second half of a pair.
  for (const char of path) {
    const code = char.codePointAt(0) ?? 0;
    if (code >= FIRST_ESCAPE && code <= LAST_ESCAPE) {
      pieces.push(Buffer.from(plain), Buffer.of(code - ESCAPE_BASE));
      plain = '';
    } else {
      plain += char;
    }
  }
  pieces.push(Buffer.from(plain));
  return Buffer.concat(pieces);
}

/** The path or name that the bytes stand for. */
export function fromFsBytes(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString();
  let path = '';
  let at = 0;
  while (at < bytes.length) {
    const length = sequenceLength(bytes[at] ?? 0);
    const sequence = bytes.subarray(at, at + length);
    if (length > 0 && sequence.length === length && isUtf8(sequence)) {
      path += sequence.toString();
      at += length;
    } else {
      path += String.fromCharCode(ESCAPE_BASE + (bytes[at] ?? 0));
      at += 1;
    }
  }
  return path;
}

/** For logs and details: escapes shown as U+FFFD, because a lone surrogate is no text. */
export const printablePath = (path: string): string => path.toWellFormed();

/** How many bytes a UTF-8 sequence has that begins with this one; 0 when none may. */
function sequenceLength(first: number): number {
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return 2;
  if (first >= 0xe0 && first <= 0xef) return 3;
  return first >= 0xf0 && first <= 0xf4 ? 4 : 0;
}
