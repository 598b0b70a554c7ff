// The ledger that an upload of this very file would have had: computed from its bytes, for an object whose own ledger is lost.

import type { FileRef } from '../../machines/file-identity.ts';
import type { LedgerRow } from '../../machines/part-ledger.ts';
import { type PartPlan, partCount, rangeWithin } from '../../machines/part-plan.ts';
import type { Outcome } from '../../ports/outcome.ts';
import type { Run } from '../effect.ts';
import { hashRange } from '../range-reading.ts';
import type { World } from '../world.ts';

interface Wanted {
  readonly file: FileRef;
  readonly plan: PartPlan;
  readonly sizeBytes: number;
  /** What the rows say of when they were sent (epoch ms). */
  readonly uploadedAtMs: number;
}

/** `source_changed` when the file ends before `sizeBytes`. ETags are the MD5s that S3 makes of parts. */
export async function rowsFromFile(
  { file, plan, sizeBytes, uploadedAtMs }: Wanted,
  run: Run,
  world: World,
): Promise<Outcome<readonly LedgerRow[]>> {
  return await world.readers.through(run.signal, async (scratch) => {
    const rows: LedgerRow[] = [];
    for (let n = 1; n <= partCount(plan, sizeBytes) && !run.signal.aborted; n += 1) {
      const range = rangeWithin(plan, n, sizeBytes);
      const digest = await hashRange(world, file, range, scratch, true);
      if (!digest.ok) return digest;
      const { crc32, xxh64, md5 = '' } = digest.value;
      rows.push({ ...range, etag: md5, crc32, xxh64, uploadedAtMs });
    }
    return { ok: true, value: rows };
  });
}
