// What becomes of source files, on the file system in memory: as on a real one, nothing is put over another file.

import { asidePath } from '../../src/machines/aside-path.ts';
import { type Failure, failureOf } from '../../src/machines/failure.ts';
import { type FileRef, sameIdentity } from '../../src/machines/file-identity.ts';
import { keyVariant } from '../../src/machines/object-key.ts';
import type { Outcome } from '../../src/ports/outcome.ts';
import type { SourceDisposal } from '../../src/ports/source-disposal.ts';
import type { MemoryFiles } from './memory-file-source.ts';

export type DisposalStep = 'setAside' | 'putBack' | 'remove' | 'move';

export interface MemoryDisposal extends SourceDisposal {
  /** Called before each step; what it answers is the outcome instead. */
  fault: (step: DisposalStep, file: FileRef) => Failure | null;
}

export function createMemoryDisposal(files: MemoryFiles): MemoryDisposal {
  const isAt = (path: string, file: FileRef): boolean => {
    const there = files.fileAt(path);
    return there !== null && sameIdentity(there.identity, file.identity);
  };

  function give(path: string, file: FileRef): Outcome<string> {
    const aside = asidePath(file);
    if (!files.fileAt(aside)) return { ok: true, value: path };
    for (let n = 1; ; n += 1) {
      const name = keyVariant(path, n);
      if (files.fileAt(name)) continue;
      files.rename(aside, name);
      return { ok: true, value: name };
    }
  }

  function step<T>(name: DisposalStep, file: FileRef, work: () => Outcome<T>): Promise<Outcome<T>> {
    const failure = disposal.fault(name, file);
    return Promise.resolve(failure ? { ok: false, failure } : work());
  }

  const disposal: MemoryDisposal = {
    fault: () => null,
    find: (file) => {
      const place = isAt(asidePath(file), file) ? 'aside' : isAt(file.path, file) ? 'in_place' : 'gone';
      return Promise.resolve({ ok: true, value: place });
    },
    aside: (file) => ({ ...file, path: asidePath(file) }),
    setAside: (file) =>
      step('setAside', file, () => {
        if (!isAt(file.path, file)) return { ok: false, failure: failureOf('source_gone', 'another file is there') };
        files.rename(file.path, asidePath(file));
        return { ok: true, value: null };
      }),
    putBack: (file) => step('putBack', file, () => give(file.path, file)),
    remove: (file) =>
      step('remove', file, () => {
        if (isAt(asidePath(file), file)) files.unlink(asidePath(file));
        return { ok: true, value: null };
      }),
    move: (file, target) =>
      step('move', file, () => give(`${target}/${file.path.slice(file.folder.length + 1)}`, file)),
  };
  return disposal;
}
