// checkWriter: the file's stat and whether somebody writes, seen now. Owed by `pending_completion`.
//
// Only looks; safe at any time. "None" counts when two looks in a row found none: a writer that opens and closes the file for
// each line is missed by one look more often than not.

import type { FileRef } from '../../machines/file-identity.ts';
import type { CheckWriterInput } from '../../machines/stream.effects.ts';
import type { WriterPresence } from '../../machines/stream.events.ts';
import { effect, type Run } from '../effect.ts';
import type { World } from '../world.ts';
import { failed } from './failing.ts';

const BETWEEN_LOOKS_MS = 200;

export const checkWriter = effect<CheckWriterInput>(
  { name: 'checkWriter', waitsForJournal: false },
  async (input, run, world) => {
    const presence = await lookTwice(input.file, run, world);
    const stat = await world.files.stat(input.file);
    if (!stat.ok) return failed(stat.failure, run.now());
    return { type: 'writer.checked', stat: stat.value, presence, atMs: run.now() };
  },
);

/** Not being able to look is `unknown`, never `none`. */
export async function lookTwice(file: FileRef, run: Run, world: World): Promise<WriterPresence> {
  const first = await look(file, world);
  if (first !== 'none') return first;
  await world.clock.waitUntil(run.now() + BETWEEN_LOOKS_MS, run.signal);
  return await look(file, world);
}

async function look(file: FileRef, world: World): Promise<WriterPresence> {
  const seen = await world.writers.look([file]);
  return (seen.ok && seen.value.get(file.streamId)) || 'unknown';
}
