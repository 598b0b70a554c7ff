// Is the object at the key what this upload was to become? Asked after a Complete, answered or not.
//
// It is, if it carries our stream's and generation's metadata and the size of the freeze. The generation of an upload that was adopted
// (its record was lost) may be another one than ours: then its ETag decides, as far as the ledger's parts give one.

import type { StreamId, UploadId } from '../../machines/ids.ts';
import type { LedgerRow } from '../../machines/part-ledger.ts';
import type { ObjectHead } from '../../ports/object-store.ts';
import type { Outcome } from '../../ports/outcome.ts';
import type { World } from '../world.ts';
import { isOfGeneration, isOfStream } from './object-metadata.ts';

export interface Expected {
  readonly streamId: StreamId;
  readonly uploadId: UploadId;
  readonly generation: number;
  readonly sizeBytes: number;
}

export async function isOwnObject(expected: Expected, head: ObjectHead, world: World): Promise<Outcome<boolean>> {
  const { streamId, uploadId, generation, sizeBytes } = expected;
  if (!isOfStream(head, streamId) || head.sizeBytes !== sizeBytes) return { ok: true, value: false };
  if (isOfGeneration(head, streamId, generation)) return { ok: true, value: true };
  const rows = await world.writeAhead.rows(streamId, uploadId);
  if (!rows.ok) return rows;
  return { ok: true, value: head.etag === etagOfParts(inOrder(rows.value), world) };
}

const inOrder = (rows: ReadonlyMap<number, LedgerRow>): readonly LedgerRow[] =>
  [...rows.values()].sort((a, b) => a.partNumber - b.partNumber);

/** null where the parts' ETags are no MD5s. */
export const etagOfParts = (rows: readonly LedgerRow[], world: World): string | null =>
  world.hasher.multipartEtag(rows.map((row) => row.etag));
