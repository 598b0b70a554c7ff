// The Range header, as S3 reads it: one range of bytes; anything else (several ranges, another unit, nonsense) is
// ignored, and the whole object is the answer.

import { S3Error } from './errors.ts';

/** Bytes first to last, both inclusive. */
export type ByteRange = { readonly first: number; readonly last: number };

/** @returns null for "the whole object" @throws S3Error InvalidRange if it asks only for bytes that are not there */
export function parseByteRange(header: string | undefined, sizeBytes: number): ByteRange | null {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header ?? '');
  if (match === null) return null;
  const [, from = '', to = ''] = match;
  if (from === '' && to === '') return null;

  const range =
    from === ''
      ? { first: Math.max(0, sizeBytes - Number(to)), last: sizeBytes - 1 }
      : { first: Number(from), last: to === '' ? sizeBytes - 1 : Math.min(Number(to), sizeBytes - 1) };
  if (from !== '' && to !== '' && Number(to) < Number(from)) return null;
  if (range.first >= sizeBytes) {
    throw new S3Error('InvalidRange', undefined, { RangeRequested: header ?? '', ActualObjectSize: sizeBytes });
  }
  return range;
}
