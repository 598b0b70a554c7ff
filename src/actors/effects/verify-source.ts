// verifySource: is what S3 acknowledged still what the file holds? Takes the freeze, re-reads and hashes every range, compares
// both hashes with the ledger, and looks whether the freeze still holds. Owed by `finalizing.verifying`.
//
// Only reads; safe at any time. Killed: the pass is done again from the beginning.
// V1. A range is clean only if its length and both hashes agree with the bytes that were sent.
// V2. The freeze is taken of a file that has been quiet for a moment: two changes within one tick of the file system's clock
//     would leave the same mtime.

import { type Freeze, freezeOf, lastChangeMs, sameStat } from '../../machines/file-identity.ts';
import type { LedgerRow } from '../../machines/part-ledger.ts';
import { partCount, rangeWithin } from '../../machines/part-plan.ts';
import type { VerifySourceInput } from '../../machines/stream.effects.ts';
import type { StreamEvent } from '../../machines/stream.events.ts';
import type { Outcome } from '../../ports/outcome.ts';
import { effect, type Run } from '../effect.ts';
import { hashRange } from '../range-reading.ts';
import type { World } from '../world.ts';
import { failed } from './failing.ts';

/** Times advance by the kernel's tick (up to 10 ms) on local file systems; ten of them are plenty. */
const QUIET_BEFORE_FREEZE_MS = 100;
/** `VERIFY_SOURCE=append-only`: the head and the last parts are what even appending writers patch. */
const APPEND_ONLY_HEAD_PARTS = 1;
const APPEND_ONLY_LAST_PARTS = 2;

export const verifySource = effect<VerifySourceInput>(
  { name: 'verifySource', waitsForJournal: false },
  async (input, run, world) => {
    const first = await world.files.stat(input.file);
    if (!first.ok) return failed(first.failure, run.now());
    const known = input.verifiedFreeze;
    if (known)
      return sameStat(known, first.value)
        ? verified(known, [], run)
        : { type: 'source.changed', stat: first.value, atMs: run.now() };

    await world.clock.waitUntil(Math.min(lastChangeMs(first.value), run.now()) + QUIET_BEFORE_FREEZE_MS, run.signal);
    return await world.readers.through(run.signal, (scratch) => verifyPass(input, scratch, run, world));
  },
);

async function verifyPass(input: VerifySourceInput, scratch: Uint8Array, run: Run, world: World): Promise<StreamEvent> {
  const before = await world.files.stat(input.file);
  if (!before.ok) return failed(before.failure, run.now());
  const freeze = freezeOf(before.value);
  if (partCount(input.plan, freeze.sizeBytes) > input.maxParts) return verified(freeze, [input.maxParts + 1], run);

  const startedMs = run.now();
  const rows = await ledgerOf(input, world);
  if (!rows.ok) return failed(rows.failure, run.now());
  const differing = await compareAll(input, freeze, rows.value, scratch, run, world);
  if (!differing.ok) return failed(differing.failure, run.now());

  const after = await world.files.stat(input.file);
  if (!after.ok) return failed(after.failure, run.now());
  if (!sameStat(freeze, after.value)) return { type: 'source.changed', stat: after.value, atMs: run.now() };
  world.telemetry.observe('verify_pass', run.now() - startedMs);
  world.telemetry.count('verify_differences', differing.value.filter((n) => rows.value.has(n)).length);
  return verified(freeze, differing.value, run);
}

const verified = (freeze: Freeze, differing: readonly number[], run: Run): StreamEvent => ({
  type: 'source.verified',
  freeze,
  differing,
  atMs: run.now(),
});

const ledgerOf = async (input: VerifySourceInput, world: World): Promise<Outcome<ReadonlyMap<number, LedgerRow>>> =>
  input.upload ? await world.writeAhead.rows(input.streamId, input.upload.uploadId) : { ok: true, value: new Map() };

async function compareAll(
  input: VerifySourceInput,
  freeze: Freeze,
  rows: ReadonlyMap<number, LedgerRow>,
  scratch: Uint8Array,
  run: Run,
  world: World,
): Promise<Outcome<readonly number[]>> {
  const count = partCount(input.plan, freeze.sizeBytes);
  const differing: number[] = [];
  for (let n = 1; n <= count && !run.signal.aborted; n += 1) {
    const range = rangeWithin(input.plan, n, freeze.sizeBytes);
    const row = rows.get(n);
    if (!row || row.sizeBytes !== range.sizeBytes || row.offset !== range.offset) differing.push(n);
    else if (mustRead(input, n, count)) {
      const digest = await hashRange(world, input.file, range, scratch);
      if (!digest.ok) return digest;
      if (digest.value.crc32 !== row.crc32 || digest.value.xxh64 !== row.xxh64) differing.push(n);
    }
  }
  return { ok: true, value: differing };
}

const mustRead = (input: VerifySourceInput, n: number, count: number): boolean =>
  input.mode === 'full' || n <= APPEND_ONLY_HEAD_PARTS || n > count - APPEND_ONLY_LAST_PARTS;
