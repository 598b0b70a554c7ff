// Having S3 copy a part out of our own former object, instead of sending it. Not an effect of its own: a step of uploadParts, taken when the
// file's range was read and hashed, right before it would be sent.

import type { Failure } from '../../machines/failure.ts';
import type { PartRange } from '../../machines/part-plan.ts';
import type { UploadPartsInput } from '../../machines/stream.effects.ts';
import type { Run } from '../effect.ts';
import type { RangeDigest } from '../range-reading.ts';
import type { World } from '../world.ts';

export type Copied =
  | { readonly kind: 'copied'; readonly etag: string }
  /** It is to be sent. */
  | { readonly kind: 'not' }
  /** It may still arrive: nothing else is sent under this number before that is over. */
  | { readonly kind: 'unanswered'; readonly failure: Failure };

export async function copyFormerPart(
  { upload, former }: UploadPartsInput,
  range: PartRange,
  digest: RangeDigest,
  run: Run,
  world: World,
): Promise<Copied> {
  if (!former) return { kind: 'not' };
  const { partNumber, offset, sizeBytes } = range;
  const part = await world.former.part(upload.uploadId, former, partNumber);
  const isThere = part?.offset === offset && part.sizeBytes === sizeBytes;
  if (!isThere || part.crc32 !== digest.crc32 || part.xxh64 !== digest.xxh64) return { kind: 'not' };
  const { target, uploadId } = upload;
  const copied = await world.store.copyPart(
    { target, uploadId, partNumber, source: former, offset, sizeBytes, crc32: digest.crc32 },
    { signal: run.signal },
  );
  if (copied.ok) {
    world.telemetry.count('part_bytes_copied', sizeBytes);
    return { kind: 'copied', etag: copied.value.etag };
  }
  world.former.giveUp(uploadId);
  return copied.failure.answered === false ? { kind: 'unanswered', failure: copied.failure } : { kind: 'not' };
}
