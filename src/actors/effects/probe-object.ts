// probeObject: did the Complete that was not answered take place? Owed by `finalizing.probing`. Only looks; safe at any time.
//
// HEAD first; if the object is not ours, the upload is listed; if that is gone, HEAD again: an upload that is gone stays gone,
// so this second answer is conclusive where the first was not.

import type { ProbeObjectInput } from '../../machines/stream.effects.ts';
import type { Outcome } from '../../ports/outcome.ts';
import { effect, type Run } from '../effect.ts';
import type { World } from '../world.ts';
import { failed } from './failing.ts';
import { isOwnObject } from './own-object.ts';

type Found = 'ours' | 'foreign' | 'absent';

export const probeObject = effect<ProbeObjectInput>(
  { name: 'probeObject', waitsForJournal: false },
  async (input, run, world) => {
    const first = await whose(input, run, world);
    if (!first.ok) return failed(first.failure, run.now());
    if (first.value === 'ours') return { type: 'object.probed', object: 'ours', upload: 'gone', atMs: run.now() };
    const listed = await world.store.listParts(input.upload, { signal: run.signal });
    if (listed.ok) return { type: 'object.probed', object: first.value, upload: 'listed', atMs: run.now() };
    if (listed.failure.code !== 'upload_not_found') return failed(listed.failure, run.now());
    const second = await whose(input, run, world);
    if (!second.ok) return failed(second.failure, run.now());
    return { type: 'object.probed', object: second.value, upload: 'gone', atMs: run.now() };
  },
);

async function whose(input: ProbeObjectInput, run: Run, world: World): Promise<Outcome<Found>> {
  const head = await world.store.headObject(input.upload.target, { signal: run.signal });
  if (!head.ok) return head;
  if (head.value === null) return { ok: true, value: 'absent' };
  const ours = await isOwnObject({ ...input, uploadId: input.upload.uploadId }, head.value, world);
  return ours.ok ? { ok: true, value: ours.value ? 'ours' : 'foreign' } : ours;
}
