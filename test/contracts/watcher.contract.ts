// What every watcher promises. `create` of a file says where; a scripted watcher's bed also gives the event, a real one's kernel does.

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Watcher } from '../../src/ports/watcher.ts';

export interface WatchBed {
  readonly folder: string;
  readonly watcher: Watcher;
  /** Makes a file, and the folders above it; `path` is relative. */
  readonly create: (path: string) => void;
  readonly remove: (path: string) => void;
  readonly makeOther: (path: string) => void;
  readonly end: () => Promise<void>;
}

export const BED_GLOBS = { include: ['**/*'], exclude: ['.*', '*.tmp', 'private/**'] };

const DEADLINE_MS = 10_000;
const LOOK_EVERY_MS = 5;

export async function until(holds: () => boolean, what: string): Promise<void> {
  const deadline = Date.now() + DEADLINE_MS;
  while (!holds()) {
    if (Date.now() > deadline) throw new Error(`never happened: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

export async function swept(watcher: Watcher, signal = new AbortController().signal): Promise<string[]> {
  const paths: string[] = [];
  for await (const finding of watcher.sweep(signal)) if ('path' in finding) paths.push(finding.path);
  return paths.sort();
}

export function watcherContract(name: string, createBed: () => Promise<WatchBed>): void {
  describe(`watcher: ${name}`, () => {
    let bed: WatchBed;
    let hints: string[];
    let failures: string[];
    const at = (path: string) => `${bed.folder}/${path}`;
    const start = () =>
      bed.watcher.start({
        appeared: (hint) => {
          expect(hint.folder).toBe(bed.folder);
          hints.push(hint.path);
        },
        failed: (detail) => failures.push(detail),
      });

    beforeEach(async () => {
      hints = [];
      failures = [];
      bed = await createBed();
    });

    afterEach(() => bed.end());

    test('what appears after the start gives a hint, in new folders too', async () => {
      expect(await start()).toEqual({ ok: true, value: null });
      bed.create('a.mp4');
      bed.create('day/hour/b.mp4');
      await until(() => hints.includes(at('a.mp4')), 'hint of a.mp4');
      await until(() => hints.includes(at('day/hour/b.mp4')), 'hint of b.mp4');
      expect(failures).toEqual([]);
    });

    test('a file that is made again at the same path gives a hint again', async () => {
      await start();
      bed.create('a.mp4');
      await until(() => hints.includes(at('a.mp4')), 'first hint');
      const before = hints.length;
      bed.remove('a.mp4');
      bed.create('a.mp4');
      await until(() => hints.length > before, 'second hint');
      expect(new Set(hints)).toEqual(new Set([at('a.mp4')]));
    });

    test('what the globs exclude gives no hint and is not swept', async () => {
      await start();
      for (const path of ['.hidden', 'x.tmp', '.dir/a', 'deep/.dir/a', 'private/a', 'deep/x.tmp']) bed.create(path);
      bed.create('last');
      await until(() => hints.includes(at('last')), 'hint of the last');
      expect(hints).toEqual([at('last')]);
      expect(await swept(bed.watcher)).toEqual([at('last')]);
    });

    test('a sweep finds every file, also those of before the start, and nothing that is no regular file', async () => {
      bed.create('before');
      bed.create('deep/er/file');
      bed.makeOther('deep/other');
      expect(await swept(bed.watcher)).toEqual([at('before'), at('deep/er/file')]);
      await start();
      bed.create('after');
      expect(await swept(bed.watcher)).toEqual([at('after'), at('before'), at('deep/er/file')]);
      bed.remove('before');
      expect(await swept(bed.watcher)).toEqual([at('after'), at('deep/er/file')]);
    });

    test('a sweep ends when its signal fires', async () => {
      for (let i = 0; i < 50; i++) bed.create(`f${i}`);
      const controller = new AbortController();
      let seen = 0;
      for await (const _ of bed.watcher.sweep(controller.signal)) if (++seen === 10) controller.abort();
      expect(seen).toBe(10);
      expect(await swept(bed.watcher, controller.signal)).toEqual([]);
    });

    test('after close nothing is told any more, and closing again is harmless', async () => {
      await start();
      await bed.watcher.close();
      bed.create('a.mp4');
      expect(await swept(bed.watcher)).toEqual([at('a.mp4')]);
      await bed.watcher.close();
      expect(hints).toEqual([]);
    });
  });
}
