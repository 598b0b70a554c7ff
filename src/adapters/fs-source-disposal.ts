// Setting a source file aside, and removing, moving or putting it back from there: by link(2) and unlink(2), so that no step can
// put a file over another one. Killed between the two, the file has both names: `find` sees the one aside, and the step is done again.
//
// It touches only what is the stream's own file by identity, looked at right before.

import { link, lstat, mkdir, rename, unlink } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { asidePath } from '../machines/aside-path.ts';
import { failureOf } from '../machines/failure.ts';
import { type FileRef, sameIdentity } from '../machines/file-identity.ts';
import { keyVariant, MAX_KEY_VARIANTS } from '../machines/object-key.ts';
import type { Outcome } from '../ports/outcome.ts';
import type { SourceDisposal, SourcePlace } from '../ports/source-disposal.ts';
import { errnoOf, fsFailed, isAbsent, sourceGone } from './fs-failure.ts';
import { identityOf } from './fs-identity.ts';
import { printablePath, toFsPath } from './fs-path.ts';

export function createFsSourceDisposal(): SourceDisposal {
  return {
    async find(file) {
      const aside = await isAt(asidePath(file), file);
      if (!aside.ok || aside.value) return place(aside, 'aside', 'gone');
      return place(await isAt(file.path, file), 'in_place', 'gone');
    },
    aside: (file) => ({ ...file, path: asidePath(file) }),
    async setAside(file) {
      const there = await isAt(file.path, file);
      if (!there.ok) return there;
      if (!there.value) return sourceGone(file.path, 'another file is there');
      try {
        await rename(toFsPath(file.path), toFsPath(asidePath(file)));
      } catch (error) {
        return refused('rename', file.path, error);
      }
      const moved = await isAt(asidePath(file), file);
      if (moved.ok && moved.value) return { ok: true, value: null };
      // It was renamed over in between: what lies aside is another's.
      const back = await give(file.path, file, 'any');
      return back.ok ? sourceGone(file.path, 'another file is there') : back;
    },
    async putBack(file) {
      const aside = await isAt(asidePath(file), file);
      if (!aside.ok) return aside;
      return aside.value ? await give(file.path, file) : { ok: true, value: file.path };
    },
    async remove(file) {
      const there = await isAt(asidePath(file), file);
      if (!there.ok) return there;
      if (!there.value) return { ok: true, value: null };
      return await dropAside(file);
    },
    async move(file, target) {
      const path = join(target, relative(file.folder, file.path));
      try {
        await mkdir(toFsPath(dirname(path)), { recursive: true });
      } catch (error) {
        return refused('mkdir', dirname(path), error);
      }
      return await give(path, file);
    },
  };
}

async function isAt(path: string, file: FileRef): Promise<Outcome<boolean>> {
  try {
    const stats = await lstat(toFsPath(path), { bigint: true });
    return { ok: true, value: stats.isFile() && sameIdentity(identityOf(stats), file.identity) };
  } catch (error) {
    return isAbsent(error) ? { ok: true, value: false } : fsFailed('lstat', path, error);
  }
}

const place = (found: Outcome<boolean>, yes: SourcePlace, no: SourcePlace): Outcome<SourcePlace> =>
  found.ok ? { ok: true, value: found.value ? yes : no } : found;

/** Gives what lies aside the first free name, and takes its aside name away. `any`: also when it is not the stream's own file. */
async function give(path: string, file: FileRef, whose: 'own' | 'any' = 'own'): Promise<Outcome<string>> {
  for (let n = 1; n <= MAX_KEY_VARIANTS; n += 1) {
    const name = keyVariant(path, n);
    try {
      await link(toFsPath(asidePath(file)), toFsPath(name));
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') return refused('link', name, error);
      // A former process may have died between link and unlink.
      const own = whose === 'own' ? await isAt(name, file) : null;
      if (!own?.ok || !own.value) continue;
    }
    const dropped = await dropAside(file);
    return dropped.ok ? { ok: true, value: name } : dropped;
  }
  return refused('link', path, new Error(`${MAX_KEY_VARIANTS} names are taken`));
}

async function dropAside(file: FileRef): Promise<Outcome<null>> {
  try {
    await unlink(toFsPath(asidePath(file)));
    return { ok: true, value: null };
  } catch (error) {
    return isAbsent(error) ? { ok: true, value: null } : refused('unlink', asidePath(file), error);
  }
}

function refused(operation: string, path: string, error: unknown): Outcome<never> {
  const why = errnoOf(error) ?? (error instanceof Error ? error.message : String(error));
  return { ok: false, failure: failureOf('source_disposal_refused', `${operation} ${printablePath(path)}: ${why}`) };
}
