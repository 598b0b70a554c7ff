// The digest of a file's content by its part plan: enough to tell whether a file still has the bytes of a proven object,
// without keeping its ledger.

import type { FileRef, Freeze } from '../machines/file-identity.ts';
import { type PartPlan, partCount, rangeWithin } from '../machines/part-plan.ts';
import type { Hasher } from '../ports/hasher.ts';
import type { Outcome } from '../ports/outcome.ts';
import { hashRange } from './range-reading.ts';
import type { World } from './world.ts';

/** XXH64 over the parts' XXH64s in order, as text. */
export function digestOfParts(hasher: Hasher, xxh64s: readonly string[]): string {
  const hash = hasher.start();
  hash.update(new TextEncoder().encode(xxh64s.join('')));
  return hash.digest().xxh64;
}

/** The same from the file's bytes, of a file of `freeze.sizeBytes`. */
export async function digestOfFile(
  world: World,
  file: FileRef,
  plan: PartPlan,
  freeze: Freeze,
  signal: AbortSignal,
): Promise<Outcome<string>> {
  return await world.readers.through(signal, async (scratch) => {
    const xxh64s: string[] = [];
    for (let n = 1; n <= partCount(plan, freeze.sizeBytes) && !signal.aborted; n += 1) {
      const digest = await hashRange(world, file, rangeWithin(plan, n, freeze.sizeBytes), scratch);
      if (!digest.ok) return digest;
      xxh64s.push(digest.value.xxh64);
    }
    return { ok: true, value: digestOfParts(world.hasher, xxh64s) };
  });
}
