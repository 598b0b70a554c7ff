// proveObject: is the object what was verified, and is the file still that one? Owed by `finalizing.proving`. Only looks.
//
// The object: our metadata, the size, and the ETag and whole-object CRC32 wherever they can be computed from the ledger.
// The file: its stat equals the freeze; where only its times differ, its bytes are compared once more. A file that is gone by
// now cannot have other bytes.

import { combineAllCrc32 } from '../../machines/crc32-combine.ts';
import { failureOf } from '../../machines/failure.ts';
import { type FileStat, freezeOf, sameStat } from '../../machines/file-identity.ts';
import type { LedgerRow } from '../../machines/part-ledger.ts';
import { partCount } from '../../machines/part-plan.ts';
import type { ProveObjectInput } from '../../machines/stream.effects.ts';
import type { StreamEvent } from '../../machines/stream.events.ts';
import type { Completion } from '../../machines/stream-record.ts';
import type { ObjectHead } from '../../ports/object-store.ts';
import { digestOfFile, digestOfParts } from '../content-digest.ts';
import { effect, type Run } from '../effect.ts';
import type { World } from '../world.ts';
import { failed } from './failing.ts';
import { isOfGeneration, isOfStream } from './object-metadata.ts';
import { etagOfParts } from './own-object.ts';

export const proveObject = effect<ProveObjectInput>(
  { name: 'proveObject', waitsForJournal: false },
  async (input, run, world) => {
    const head = await world.store.headObject(input.upload.target, { signal: run.signal });
    if (!head.ok) return failed(head.failure, run.now());
    const ledger = await world.writeAhead.rows(input.streamId, input.upload.uploadId);
    if (!ledger.ok) return failed(ledger.failure, run.now());
    const rows = rowsInOrder(ledger.value, partCount(input.upload.plan, input.freeze.sizeBytes));
    const mismatch = mismatchOf(input, head.value, rows, world);
    if (mismatch)
      return {
        type: 'object.mismatched',
        failure: failureOf(head.value ? 'object_mismatch' : 'object_not_found', mismatch),
        atMs: run.now(),
      };
    return await compareFile(input, completionOf(input, head.value as ObjectHead, rows, run, world), run, world);
  },
);

const rowsInOrder = (ledger: ReadonlyMap<number, LedgerRow>, count: number): readonly LedgerRow[] =>
  Array.from({ length: count }, (_, i) => ledger.get(i + 1)).filter((row) => row !== undefined);

const MULTIPART_ETAG = /^[0-9a-f]{32}-\d+$/;

function mismatchOf(
  input: ProveObjectInput,
  head: ObjectHead | null,
  rows: readonly LedgerRow[],
  world: World,
): string | null {
  if (!head) return 'the object is not there';
  const etag = etagOfParts(rows, world);
  const isOurs = isOfGeneration(head, input.streamId, input.generation);
  // The generation of an adopted upload may be another one than ours (see own-object.ts).
  if (!isOurs && !(isOfStream(head, input.streamId) && head.etag === etag))
    return 'the object carries other metadata than ours';
  if (head.sizeBytes !== input.freeze.sizeBytes)
    return `the object has ${head.sizeBytes} bytes, the file had ${input.freeze.sizeBytes}`;
  if (etag && MULTIPART_ETAG.test(head.etag) && head.etag !== etag)
    return `the object's ETag is ${head.etag}, the parts give ${etag}`;
  const crc32 = combineAllCrc32(rows);
  if (head.crc32?.kind === 'FULL_OBJECT' && head.crc32.value !== crc32)
    return `the object's CRC32 is ${head.crc32.value}, the parts give ${crc32}`;
  return null;
}

function completionOf(
  input: ProveObjectInput,
  head: ObjectHead,
  rows: readonly LedgerRow[],
  run: Run,
  world: World,
): Completion {
  const provenBy = ['metadata', 'size'];
  if (etagOfParts(rows, world) === head.etag) provenBy.push('etag of the parts');
  if (head.crc32?.kind === 'FULL_OBJECT') provenBy.push('crc32 of the whole object');
  return {
    target: input.upload.target,
    generation: input.generation,
    etag: head.etag,
    sizeBytes: head.sizeBytes,
    crc32: combineAllCrc32(rows),
    plan: input.upload.plan,
    digest: digestOfParts(
      world.hasher,
      rows.map((row) => row.xxh64),
    ),
    freeze: input.freeze,
    completedAtMs: run.now(),
    provenBy,
  };
}

async function compareFile(
  input: ProveObjectInput,
  completion: Completion,
  run: Run,
  world: World,
): Promise<StreamEvent> {
  const stat = await world.files.stat(input.file);
  if (!stat.ok && stat.failure.code !== 'source_gone') return failed(stat.failure, run.now());
  if (!stat.ok || sameStat(input.freeze, stat.value)) return { type: 'object.proven', completion, atMs: run.now() };
  if (stat.value.sizeBytes !== input.freeze.sizeBytes) return superseded(completion, stat.value, run);
  const content = await digestOfFile(world, input.file, input.upload.plan, input.freeze, run.signal);
  if (!content.ok) return failed(content.failure, run.now());
  const after = await world.files.stat(input.file);
  if (!after.ok) return failed(after.failure, run.now());
  if (content.value !== completion.digest || !sameStat(stat.value, after.value))
    return superseded(completion, after.value, run);
  return { type: 'object.proven', completion: { ...completion, freeze: freezeOf(after.value) }, atMs: run.now() };
}

const superseded = (completion: Completion, stat: FileStat, run: Run): StreamEvent => ({
  type: 'object.superseded',
  completion,
  stat,
  atMs: run.now(),
});
