// What `verify` found, for people and for programs.

import { formatSize } from '../../config/values.ts';
import { plainText } from '../../plain-text.ts';
import type { Comparison, Difference } from './judge.ts';

/** The written contract of `verify --json`. */
export interface VerifyReply {
  /** `changed`: the file or the object changed meanwhile. `absent`: there is no such object. */
  readonly verdict: 'equal' | 'different' | 'unproven' | 'changed' | 'absent';
  readonly file: string;
  readonly bucket: string;
  readonly key: string;
  readonly fileBytes: number;
  /** Null: absent. */
  readonly objectBytes: number | null;
  readonly compared: readonly Comparison[];
  /** The first difference, as far as it is known. */
  readonly difference: Difference | null;
  /** Bytes of the object that were read back. */
  readonly readBytes: number;
}

const HEADLINES: Readonly<Record<VerifyReply['verdict'], string>> = {
  equal: 'EQUAL',
  different: 'DIFFERENT',
  unproven: 'NOT PROVEN',
  changed: 'CHANGED MEANWHILE',
  absent: 'NO SUCH OBJECT',
};

export function replyText(reply: VerifyReply): string {
  const { verdict, file, bucket, key, compared, difference } = reply;
  const lines = [`${HEADLINES[verdict]}: ${plainText(file)} and s3://${plainText(`${bucket}/${key}`)}`];
  for (const { what, result, detail } of compared) lines.push(`  ${what.padEnd(6)} ${result}: ${plainText(detail)}`);
  if (difference) lines.push(`  first difference: ${placeOf(difference)}`);
  const strength = strengthOf(reply);
  if (strength) lines.push(`  ${strength}`);
  return `${lines.join('\n')}\n`;
}

function placeOf({ partNumber, offset, end }: Difference): string {
  const part = partNumber === null ? '' : `part ${partNumber}, `;
  return end === null ? `${part}byte ${offset}` : `${part}bytes ${offset} to ${end - 1}`;
}

function strengthOf({ verdict, compared, readBytes, objectBytes }: VerifyReply): string | null {
  const by = (what: Comparison['what']): boolean =>
    compared.some((each) => each.what === what && each.result === 'same');
  if (verdict === 'equal') {
    if (by('bytes')) return 'proof: every byte of the object was read back and compared';
    if (objectBytes === 0) return 'proof: both are empty';
    return `proof: the MD5s that S3 made of the bytes it got${by('crc32') ? ', and its CRC32,' : ''} are those of the file; no byte was read back`;
  }
  if (verdict === 'unproven') return 'sums alone do not decide it; without --no-download the object is read back';
  if (
    verdict === 'different' &&
    readBytes === 0 &&
    !compared.some((each) => each.what === 'size' && each.result === 'different')
  )
    return 'proof: the sums that S3 made of the bytes it got are not those of the file; --download finds the first byte';
  return null;
}

/** One line that renews itself at a terminal; elsewhere nothing: a log wants no progress. */
export function progressLine(
  talk: (text: string) => void,
  terminal: boolean,
  doing: string,
  totalBytes: number,
): { told(bytes: number): void; end(): void } {
  let shown = -1;
  return {
    told(bytes) {
      const percent = totalBytes === 0 ? 100 : Math.floor((100 * bytes) / totalBytes);
      if (!terminal || percent === shown) return;
      shown = percent;
      const bar = '#'.repeat(Math.floor(percent / 5)).padEnd(20, '.');
      talk(`\r${doing} [${bar}] ${percent}% of ${formatSize(totalBytes)}\u001b[K`);
    },
    end() {
      if (terminal && shown >= 0) talk('\r\u001b[K');
    },
  };
}
