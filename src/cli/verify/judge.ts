// What sums and metadata prove, decided purely. Three answers: equal, different, or not proven.
//
// J1. Equal only by MD5: of every part (an ETag of parts that the file gives too), or of the whole. S3 made these of the bytes that it
//     got. A CRC32 alone does not prove it: an edit within a record that ends in its own CRC32 leaves it as it was.
// J2. Different by size, by the whole object's CRC32, or by the MD5 of a part where others show that these ETags are MD5s.
//     An ETag that differs proves nothing else: the layout may be wrong, and with SSE-KMS or SSE-C it is no MD5.

import type { ObjectHead } from '../../ports/object-store.ts';
import type { FileSums, LayoutSums } from './file-sums.ts';

export interface Comparison {
  readonly what: 'size' | 'etag' | 'crc32' | 'bytes';
  readonly result: 'same' | 'different' | 'not comparable';
  readonly detail: string;
}

/** Bytes from `offset` up to before `end`; `partNumber` is null where parts are not known. */
export interface Difference {
  readonly partNumber: number | null;
  readonly offset: number;
  readonly end: number | null;
}

export interface Judgement {
  readonly verdict: 'equal' | 'different' | 'unproven';
  readonly compared: readonly Comparison[];
  readonly difference: Difference | null;
}

export function judgeSizes(fileBytes: number, head: ObjectHead): Comparison {
  const same = fileBytes === head.sizeBytes;
  const detail = same ? `${fileBytes} bytes` : `the file has ${fileBytes} bytes, the object ${head.sizeBytes}`;
  return { what: 'size', result: same ? 'same' : 'different', detail };
}

/** For a file of the object's size. */
export function judgeSums(head: ObjectHead, sums: FileSums): Omit<Judgement, 'compared'> & { compared: Comparison[] } {
  const etag = judgeEtag(head, sums);
  const crc32 = judgeCrc32(head, sums);
  const difference = differenceOf(sums);
  const compared = [etag, crc32];
  if (crc32.result === 'different') return { verdict: 'different', compared, difference };
  if (etag.result === 'same') return { verdict: 'equal', compared, difference: null };
  return { verdict: difference?.certain ? 'different' : 'unproven', compared, difference };
}

function judgeEtag(head: ObjectHead, { md5, layouts }: FileSums): Comparison {
  const what = 'etag';
  if (md5 !== null) {
    if (md5 === head.etag) return { what, result: 'same', detail: 'MD5 of the whole' };
    return {
      what,
      result: 'not comparable',
      detail: 'it is not the MD5 of the file; with SSE-KMS or SSE-C it never is',
    };
  }
  const found = layouts.find(({ etag }) => etag === head.etag);
  if (found) {
    const count = found.md5s.length;
    const parts = count === 1 ? 'its one part' : `all ${count} parts`;
    return { what, result: 'same', detail: `MD5 of ${parts} (boundaries: ${found.layout.from})` };
  }
  const certain = layouts.find(({ layout }) => layout.receipt);
  if (certain && firstWrongPart(certain)?.certain)
    return { what, result: 'different', detail: `the parts of ${certain.layout.from} have other MD5s` };
  if (layouts.length === 0) return { what, result: 'not comparable', detail: 'where its parts begin is not known' };
  return {
    what,
    result: 'not comparable',
    detail: `none of ${layouts.length} guesses where its parts begin gives it: the file differs, they are wrong, or it is no MD5`,
  };
}

function judgeCrc32({ crc32 }: ObjectHead, sums: FileSums): Comparison {
  const what = 'crc32';
  if (crc32?.kind !== 'FULL_OBJECT')
    return { what, result: 'not comparable', detail: 'the server has none of the whole object' };
  return crc32.value === sums.crc32
    ? { what, result: 'same', detail: `${crc32.value}, of the whole object` }
    : { what, result: 'different', detail: `the file has ${sums.crc32}, the object ${crc32.value}` };
}

const differenceOf = ({ layouts }: FileSums): (Difference & { readonly certain: boolean }) | null => {
  const certain = layouts.find(({ layout }) => layout.receipt);
  return certain ? firstWrongPart(certain) : null;
};

/** Certain where other parts show that the ETags are MD5s. */
function firstWrongPart({ layout, md5s }: LayoutSums): (Difference & { readonly certain: boolean }) | null {
  const parts = layout.receipt?.parts ?? [];
  const index = parts.findIndex(({ etag }, i) => etag !== md5s[i]);
  if (index === -1) return null;
  const certain = parts.some(({ etag }, i) => etag === md5s[i]);
  return { partNumber: index + 1, offset: layout.ends[index - 1] ?? 0, end: layout.ends[index] ?? null, certain };
}
