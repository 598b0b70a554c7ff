// disposeSource: removes or moves the source file of a proven object, because the user asked for it. Owed by `s3_completed.disposing`;
// waits for the journal. The only effect that can harm a source.
//
// The object is looked at once more; then the file is set aside under a name that nothing else uses, and what lies there is looked at
// again: its identity, size and mtime are the proven ones, nobody writes, and its bytes are compared once more: there nobody can change
// them any more, and times can be set by programs. Only then it goes; otherwise it is put back, never over another file.
//
// Killed before it was set aside: nothing happened. Killed while it lies aside: it is found there, and all is asked again. Killed after: it
// is gone, as asked for. Where not every process may be looked into, the long timeout decides, as it does for finalizing.

import { type Failure, failureOf } from '../../machines/failure.ts';
import { type FileStat, sameContentStat } from '../../machines/file-identity.ts';
import type { DisposeSourceInput } from '../../machines/stream.effects.ts';
import type { StreamEvent } from '../../machines/stream.events.ts';
import type { Outcome } from '../../ports/outcome.ts';
import { digestOfFile } from '../content-digest.ts';
import { effect, type Run } from '../effect.ts';
import { leaseConfirmed, leaseStands } from '../lease.ts';
import type { World } from '../world.ts';
import { lookTwice } from './check-writer.ts';
import { failed } from './failing.ts';

export const disposeSource = effect<DisposeSourceInput>(
  { name: 'disposeSource', waitsForJournal: true },
  async (input, run, world) => {
    const lease = await leaseConfirmed(world, input.streamId, input.file.folder);
    if (!lease.ok) return failed(lease.failure, run.now());
    if (input.how.kind === 'keep')
      return await putBack(input, { type: 'source.disposed', atMs: run.now() }, run, world);
    const mismatch = await objectIsThere(input, run, world);
    if (mismatch) return mismatch;
    const place = await world.disposal.find(input.file);
    if (!place.ok) return failed(place.failure, run.now());
    switch (place.value) {
      case 'gone':
        return { type: 'source.disposed', atMs: run.now() };
      case 'aside':
        return await disposeAside(input, run, world);
      case 'in_place':
        return await setAside(input, run, world);
    }
  },
);

/** null: it is what was proven. */
async function objectIsThere({ completion }: DisposeSourceInput, run: Run, world: World): Promise<StreamEvent | null> {
  const head = await world.store.headObject(completion.target, { signal: run.signal });
  if (!head.ok) return failed(head.failure, run.now());
  if (head.value?.etag === completion.etag && head.value.sizeBytes === completion.sizeBytes) return null;
  const failure = head.value
    ? failureOf('object_mismatch', 'the object is not the proven one any more')
    : failureOf('object_not_found', 'the object is not there any more');
  return { type: 'object.mismatched', failure, atMs: run.now() };
}

async function setAside(input: DisposeSourceInput, run: Run, world: World): Promise<StreamEvent> {
  const seen = await lookAt(input, run, world);
  if ('event' in seen) return seen.event;
  const set = await world.disposal.setAside(input.file);
  if (!set.ok) return failed(set.failure, run.now());
  return await disposeAside(input, run, world);
}

async function disposeAside(input: DisposeSourceInput, run: Run, world: World): Promise<StreamEvent> {
  const seen = await lookAt(input, run, world);
  if ('event' in seen) return await putBack(input, seen.event, run, world);
  const same = await hasProvenBytes(input, run, world);
  if (!same.ok) return await putBack(input, failed(same.failure, run.now()), run, world);
  if (!same.value || run.signal.aborted) return await putBack(input, changed(seen.stat, run), run, world);
  // Reading a large file takes longer than a lease.
  const lease = leaseStands(world, input.file.folder);
  if (!lease.ok) return await putBack(input, failed(lease.failure, run.now()), run, world);
  const done = await dispose(input, world);
  if (!done.ok) return await putBack(input, failed(done.failure, run.now()), run, world);
  world.telemetry.info(input.how.kind === 'move' ? 'source moved' : 'source removed', {
    streamId: input.streamId,
    path: input.file.path,
  });
  return { type: 'source.disposed', atMs: run.now() };
}

const dispose = ({ how, file }: DisposeSourceInput, world: World): Promise<Outcome<unknown>> =>
  how.kind === 'move' ? world.disposal.move(file, how.folder) : world.disposal.remove(file);

/** The file as it is, or what speaks against touching it. The descriptor that is held leads to it wherever it lies. */
async function lookAt(
  input: DisposeSourceInput,
  run: Run,
  world: World,
): Promise<{ readonly stat: FileStat } | { readonly event: StreamEvent }> {
  const stat = await world.files.stat(await whereItIs(input, world));
  if (!stat.ok) return { event: failed(stat.failure, run.now()) };
  if (!sameContentStat(stat.value, input.completion.freeze)) return { event: changed(stat.value, run) };
  const presence = await lookTwice(await whereItIs(input, world), run, world);
  if (presence === 'open') return { event: failed(IS_WRITTEN, run.now()) };
  if (presence === 'unknown' && run.now() < input.unseenUntilMs) return { event: failed(MAY_BE_WRITTEN, run.now()) };
  return { stat: stat.value };
}

async function whereItIs({ file }: DisposeSourceInput, world: World) {
  const place = await world.disposal.find(file);
  return place.ok && place.value === 'aside' ? world.disposal.aside(file) : file;
}

async function hasProvenBytes(input: DisposeSourceInput, run: Run, world: World): Promise<Outcome<boolean>> {
  const { completion } = input;
  const file = await whereItIs(input, world);
  const content = await digestOfFile(world, file, completion.plan, completion.freeze, run.signal);
  return content.ok ? { ok: true, value: content.value === completion.digest } : content;
}

async function putBack(input: DisposeSourceInput, event: StreamEvent, run: Run, world: World): Promise<StreamEvent> {
  const back = await world.disposal.putBack(input.file);
  return back.ok ? event : failed(back.failure, run.now());
}

const changed = (stat: FileStat, run: Run): StreamEvent => ({ type: 'source.changed', stat, atMs: run.now() });

const IS_WRITTEN: Failure = { code: 'source_in_use', detail: 'a writer holds the file open' };
const MAY_BE_WRITTEN: Failure = { code: 'writer_unknown', detail: 'it cannot be seen whether a writer holds the file' };
