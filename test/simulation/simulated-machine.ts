// The machine as a daemon meets it: its files, who writes them, and what is told of the folder. Mostly at once, at times slowly, so
// that writers come in between any two looks.

import { failureOf } from '../../src/machines/failure.ts';
import type { FileRef } from '../../src/machines/file-identity.ts';
import type { StreamId } from '../../src/machines/ids.ts';
import type { FileSource } from '../../src/ports/file-source.ts';
import type { Outcome } from '../../src/ports/outcome.ts';
import type { SourceDisposal } from '../../src/ports/source-disposal.ts';
import type { Watcher } from '../../src/ports/watcher.ts';
import type { WriterCheck, WriterPresence } from '../../src/ports/writer-check.ts';
import { createMemoryFileSource } from '../fakes/memory-file-source.ts';
import { createMemoryDisposal } from '../fakes/memory-source-disposal.ts';
import { createScriptedWatcher } from '../fakes/scripted-watcher.ts';
import type { Disposal, SimulatedDisk } from './disk.ts';
import type { SimulatedProcess } from './process.ts';
import type { Random } from './random.ts';
import type { Weather } from './weather.ts';

/**
 * - `all`: every process may be looked into;
 * - `own`: a writer of our own is seen; that there is none can never be said;
 * - `none`: nothing can be said.
 */
export type Sight = 'all' | 'own' | 'none';

export interface Machine {
  readonly disk: SimulatedDisk;
  readonly random: Random;
  readonly weather: Weather;
  readonly sight: Sight;
}

const BAD_READS = ['source_read_error', 'source_permission_denied', 'source_open_files_limit'] as const;
const SLOW_READ_MS = [1, 300] as const;
const WRITER_LOOK_MS = [0, 10] as const;

export function simulatedFiles({ disk, random, weather }: Machine, process: SimulatedProcess): FileSource {
  const inner = createMemoryFileSource(disk.files);
  const slow = (): boolean => weather.slowReads > 0 && random.between(0, 999) < weather.slowReads;
  const ask = <T>(execute: () => Promise<Outcome<T>>): Promise<Outcome<T>> =>
    process.ask((reply) => {
      if (weather.badReads > 0 && random.between(0, 999) < weather.badReads)
        return reply({ ok: false, failure: failureOf(random.pick(BAD_READS), 'by the weather') });
      if (!slow()) return void execute().then(reply);
      const waitMs = random.between(...SLOW_READ_MS);
      // What is seen may be old by the time it is known.
      if (random.chance(0.5)) process.after(waitMs, () => void execute().then(reply));
      else void execute().then((answer) => process.after(waitMs, () => reply(answer)));
    });
  return {
    identify: (folder, path) => ask(() => inner.identify(folder, path)),
    stat: (file) => ask(() => inner.stat(file)),
    read: (file, offset, into) => ask(() => inner.read(file, offset, into)),
    capacityBytes: (folder) => inner.capacityBytes(folder),
    release: (id) => inner.release(id),
    close: () => inner.close(),
  };
}

export function simulatedDisposal({ disk }: Machine, process: SimulatedProcess): SourceDisposal {
  const inner = createMemoryDisposal(disk.files);
  const ask = <T>(execute: () => Promise<Outcome<T>>): Promise<Outcome<T>> =>
    process.ask((reply) => void execute().then(reply));
  const told = <T>(file: FileRef, how: Disposal, step: () => Promise<Outcome<T>>): Promise<Outcome<T>> =>
    ask(() => disk.dispose(file.streamId, how, step));
  return {
    find: (file) => ask(() => inner.find(file)),
    aside: (file) => inner.aside(file),
    setAside: (file) => told(file, 'set aside', () => inner.setAside(file)),
    putBack: (file) => told(file, 'put back', () => inner.putBack(file)),
    remove: (file) => told(file, 'removed', () => inner.remove(file)),
    move: (file, target) => told(file, 'moved', () => inner.move(file, target)),
  };
}

export function simulatedWriterCheck({ disk, random, sight }: Machine, process: SimulatedProcess): WriterCheck {
  const presenceOf = (id: StreamId): WriterPresence => {
    if (sight === 'none') return 'unknown';
    if (disk.isWritten(id)) return 'open';
    return sight === 'all' ? 'none' : 'unknown';
  };
  return {
    look: (files) =>
      process.ask<Outcome<ReadonlyMap<StreamId, WriterPresence>>>((reply) => {
        if (random.chance(0.01))
          return reply({ ok: false, failure: failureOf('writer_check_unavailable', 'EMFILE: /proc') });
        const seen = new Map(files.map(({ streamId }) => [streamId, presenceOf(streamId)]));
        process.after(random.between(...WRITER_LOOK_MS), () => reply({ ok: true, value: seen }));
      }),
  };
}

export function simulatedWatcher({ disk, random, weather }: Machine, process: SimulatedProcess): Watcher {
  const inner = createScriptedWatcher(disk.files);
  disk.listeners.push((path) => {
    if (!process.isAlive || random.between(0, 999) < weather.lostHints) return;
    process.after(random.between(0, 20), () => inner.appear(path));
  });
  return {
    start: (listener) => process.ask((reply) => void inner.start(listener).then(reply)),
    async *sweep(signal) {
      for await (const found of inner.sweep(signal)) {
        await process.ask<void>((reply) => reply());
        yield found;
      }
    },
    close: () => inner.close(),
  };
}
