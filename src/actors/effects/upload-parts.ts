// uploadParts: sends the numbers it was given, a few at a time; reports each part that S3 acknowledged and, last, that nothing
// is in flight any more. Owed by `active.uploading` and `finalizing.resending`.
//
// Safe to run twice: a number overwrites itself with the same range. Killed before a part's answer: the part is not listed, or
// listed but not in the ledger; reconcile adopts it if its bytes are the file's. Killed after: the same, its row is lost.
// The bytes hashed are the bytes sent: one buffer, read once (large parts: hashed before, and again as they pass). What our own former
// object at the key has already, S3 copies by itself.

import { type Failure, failureOf, kindOf } from '../../machines/failure.ts';
import { partNumber } from '../../machines/ids.ts';
import { holdsPart, type LedgerRow } from '../../machines/part-ledger.ts';
import { type PartRange, plannedRange, rangeWithin } from '../../machines/part-plan.ts';
import type { UploadPartsInput } from '../../machines/stream.effects.ts';
import type { StreamEventOf } from '../../machines/stream.events.ts';
import type { Outcome } from '../../ports/outcome.ts';
import { effect, type Run } from '../effect.ts';
import { maySend } from '../lease.ts';
import { endedEarly, hashRange, PIECE_BYTES, type RangeDigest, streamRange } from '../range-reading.ts';
import type { UploadSlot } from '../upload-slots.ts';
import type { World } from '../world.ts';
import { copyFormerPart } from './copy-part.ts';

/** Parts of one stream in flight: two hide the latency of one, four follow a 100 MB/s writer over 20 ms; more would starve others. */
export const PARTS_PER_STREAM = 4;

type Settled = StreamEventOf<'parts.settled'>;

export const uploadParts = effect<UploadPartsInput>(
  {
    name: 'uploadParts',
    waitsForJournal: false,
    afterBug: (detail, atMs): Settled => ({
      type: 'parts.settled',
      failure: failureOf('bug', detail),
      unanswered: true,
      stat: null,
      atMs,
    }),
  },
  async (input, run, world) => {
    const numbers = [...input.numbers];
    const result: { failure: Failure | null; unanswered: boolean } = { failure: null, unanswered: false };
    const next = (): number | undefined => (result.failure || run.stopSignal.aborted ? undefined : numbers.shift());
    const lane = async () => {
      for (let n = next(); n !== undefined; n = next()) {
        const failure = await sendPart(input, n, run, world);
        if (!failure) continue;
        result.failure ??= failure;
        result.unanswered ||= failure.answered === false;
      }
    };
    await Promise.all(Array.from({ length: Math.min(PARTS_PER_STREAM, numbers.length) }, lane));
    const stat = await world.files.stat(input.file);
    return { type: 'parts.settled', ...result, stat: stat.ok ? stat.value : null, atMs: run.now() } satisfies Settled;
  },
);

async function sendPart(input: UploadPartsInput, n: number, run: Run, world: World): Promise<Failure | null> {
  const { plan } = input.upload;
  const planned = plannedRange(plan, n);
  const range = input.frozenBytes === null ? planned : rangeWithin(plan, n, input.frozenBytes);
  const slot = await world.slots.take(range.sizeBytes, run.stopSignal, planned.sizeBytes);
  if (!slot) return null;
  let reusable = false;
  try {
    const sent = slot.buffer
      ? await sendBuffered(input, range, slot.buffer, run, world)
      : await sendStreamed(input, range, run, world);
    reusable = sent.ok || sent.failure.answered !== false;
    if (!sent.ok) return noted(sent.failure, world);
    world.writeAhead.addRow(input.streamId, input.upload.uploadId, sent.value);
    world.telemetry.count('parts_uploaded');
    if (isHeldAlready(input, n, world)) world.telemetry.count('parts_resent');
    world.telemetry.count('part_bytes_uploaded', range.sizeBytes);
    run.report({
      type: 'part.uploaded',
      partNumber: partNumber(n),
      offset: range.offset,
      sizeBytes: range.sizeBytes,
      atMs: run.now(),
    });
    return null;
  } finally {
    slot.release(reusable);
  }
}

function noted(failure: Failure, world: World): Failure {
  world.telemetry.count('parts_failed');
  if (kindOf(failure) === 'transient') world.telemetry.count('retries', 1, failure.code);
  return failure;
}

/** Asked before the part is reported: afterwards every part is held. */
function isHeldAlready({ streamId, upload }: UploadPartsInput, n: number, world: World): boolean {
  const memory = world.streams.get(streamId)?.context.memory;
  return memory?.upload?.uploadId === upload.uploadId && holdsPart(memory.parts, n);
}

async function sendBuffered(
  input: UploadPartsInput,
  range: PartRange,
  buffer: NonNullable<UploadSlot['buffer']>,
  run: Run,
  world: World,
): Promise<Outcome<LedgerRow>> {
  const read = await world.files.read(input.file, range.offset, buffer);
  if (!read.ok) return read;
  if (read.value < range.sizeBytes) return { ok: false, failure: endedEarly(range) };
  const hash = world.hasher.start({ md5: world.store.capabilities.checksum === 'md5' });
  for (let done = 0; done < buffer.length; done += PIECE_BYTES) hash.update(buffer.subarray(done, done + PIECE_BYTES));
  const digest = hash.digest();
  const { target, uploadId } = input.upload;
  const lease = maySend(world, input.file.folder);
  if (!lease.ok) return lease;
  const copied = await copyFormerPart(input, range, digest, run, world);
  if (copied.kind === 'copied') return { ok: true, value: rowOf(range, digest, copied.etag, run) };
  if (copied.kind === 'unanswered') return { ok: false, failure: copied.failure };
  const sent = await world.store.uploadPart(
    { target, uploadId, partNumber: range.partNumber, body: { kind: 'bytes', bytes: buffer }, ...digest },
    { signal: run.signal },
  );
  return sent.ok ? { ok: true, value: rowOf(range, digest, sent.value.etag, run) } : sent;
}

async function sendStreamed(
  input: UploadPartsInput,
  range: PartRange,
  run: Run,
  world: World,
): Promise<Outcome<LedgerRow>> {
  const scratch = new Uint8Array(PIECE_BYTES);
  const before = await hashRange(world, input.file, range, scratch, world.store.capabilities.checksum === 'md5');
  if (!before.ok) return before;
  const lease = maySend(world, input.file.folder);
  if (!lease.ok) return lease;
  const copied = await copyFormerPart(input, range, before.value, run, world);
  if (copied.kind === 'copied') return { ok: true, value: rowOf(range, before.value, copied.etag, run) };
  if (copied.kind === 'unanswered') return { ok: false, failure: copied.failure };
  const passing = streamRange(world, input.file, range);
  const { target, uploadId } = input.upload;
  const body = { kind: 'stream', sizeBytes: range.sizeBytes, open: passing.open } as const;
  const sent = await world.store.uploadPart(
    { target, uploadId, partNumber: range.partNumber, body, ...before.value },
    { signal: run.signal },
  );
  if (!sent.ok) return sent;
  const passed = passing.digest();
  if (passed?.crc32 !== before.value.crc32 || passed.xxh64 !== before.value.xxh64) {
    return { ok: false, failure: failureOf('source_changed', `part ${range.partNumber} changed while it was sent`) };
  }
  return { ok: true, value: rowOf(range, before.value, sent.value.etag, run) };
}

const rowOf = (range: PartRange, digest: RangeDigest, etag: string, run: Run): LedgerRow => ({
  partNumber: range.partNumber,
  offset: range.offset,
  sizeBytes: range.sizeBytes,
  etag,
  crc32: digest.crc32,
  xxh64: digest.xxh64,
  uploadedAtMs: run.now(),
});
