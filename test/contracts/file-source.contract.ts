// What every file source promises. The suite changes files through `Disk`, so that a disk in memory and a real one are asked alike.

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { FileRef } from '../../src/machines/file-identity.ts';
import type { FileSource, FoundFile } from '../../src/ports/file-source.ts';

export interface Disk {
  readonly folder: string;
  write(path: string, text: string, offset?: number): void;
  append(path: string, text: string): void;
  truncate(path: string, sizeBytes: number): void;
  rename(from: string, to: string): void;
  link(from: string, to: string): void;
  unlink(path: string): void;
  /** A name that leads to no regular file. */
  makeOther(path: string): void;
}

export interface FileSourceUnderTest {
  readonly disk: Disk;
  /** A daemon's view of the disk; called again for a restarted daemon. */
  readonly source: (options?: { readonly maxHeldDescriptors: number }) => FileSource;
  readonly end: () => void;
}

export const refOf = (found: FoundFile, path = found.path): FileRef => ({
  streamId: found.streamId,
  folder: found.folder,
  path,
  identity: found.stat.identity,
});

export async function found(source: FileSource, disk: { folder: string }, path: string): Promise<FoundFile> {
  const outcome = await source.identify(disk.folder, path);
  if (!outcome.ok || !outcome.value) throw new Error(`no file at ${path}: ${JSON.stringify(outcome)}`);
  return outcome.value;
}

export async function textOf(source: FileSource, file: FileRef, offset = 0, sizeBytes = 100): Promise<string> {
  const into = new Uint8Array(sizeBytes);
  const outcome = await source.read(file, offset, into);
  if (!outcome.ok) return outcome.failure.code;
  return Buffer.from(into.subarray(0, outcome.value)).toString();
}

export const codeOf = (outcome: { ok: boolean; failure?: { code: string } }): string =>
  outcome.ok ? 'ok' : (outcome.failure?.code ?? '');

export function fileSourceContract(name: string, create: () => FileSourceUnderTest): void {
  describe(`file source: ${name}`, () => {
    let bed: FileSourceUnderTest;
    let disk: Disk;
    let source: FileSource;
    const at = (file: string) => `${disk.folder}/${file}`;

    beforeEach(() => {
      bed = create();
      disk = bed.disk;
      source = bed.source();
    });

    afterEach(async () => {
      await source.close();
      bed.end();
    });

    test('tells what is at a path: its stream, its size, its times', async () => {
      disk.write(at('a.mp4'), 'hello');
      const file = await found(source, disk, at('a.mp4'));
      expect(file.streamId).toMatch(/^[0-9a-f]{32}$/);
      expect(file).toMatchObject({ folder: disk.folder, path: at('a.mp4') });
      expect(file.stat).toMatchObject({ sizeBytes: 5, linkCount: 1 });
      expect(file.stat.identity.inode).toMatch(/^[1-9]\d*$/);
      expect(file.stat.mtimeNs).toMatch(/^\d{19}$/);
      expect(file.stat.ctimeNs).toMatch(/^\d{19}$/);
    });

    test('nothing, and what is no regular file, is null and no failure', async () => {
      disk.makeOther(at('other'));
      expect(await source.identify(disk.folder, at('other'))).toEqual({ ok: true, value: null });
      expect(await source.identify(disk.folder, at('absent'))).toEqual({ ok: true, value: null });
    });

    test('reads from any offset; fewer bytes only at the end', async () => {
      disk.write(at('a'), 'hello world');
      const file = refOf(await found(source, disk, at('a')));
      expect(await textOf(source, file)).toBe('hello world');
      expect(await textOf(source, file, 6, 3)).toBe('wor');
      expect(await textOf(source, file, 6, 50)).toBe('world');
      expect(await textOf(source, file, 11)).toBe('');
      expect(await textOf(source, file, 500)).toBe('');
    });

    test('growth, truncation and edits show in the stat and in the bytes', async () => {
      disk.write(at('a'), 'one');
      const first = await found(source, disk, at('a'));
      const file = refOf(first);
      disk.append(at('a'), ' two');
      expect(await source.stat(file)).toMatchObject({ ok: true, value: { sizeBytes: 7, identity: file.identity } });
      disk.write(at('a'), 'ONE');
      expect(await textOf(source, file)).toBe('ONE two');
      disk.truncate(at('a'), 2);
      const now = await source.stat(file);
      expect(now).toMatchObject({ ok: true, value: { sizeBytes: 2 } });
      expect(now.ok && BigInt(now.value.ctimeNs) > BigInt(first.stat.ctimeNs)).toBe(true);
      expect(await textOf(source, file)).toBe('ON');
    });

    test('F61 a file that is renamed is the same stream, by its new path and by its descriptor', async () => {
      disk.write(at('a'), 'bytes');
      const before = await found(source, disk, at('a'));
      expect(await textOf(source, refOf(before))).toBe('bytes');
      disk.rename(at('a'), at('b'));
      const after = await found(source, disk, at('b'));
      expect(after.streamId).toBe(before.streamId);
      expect(await textOf(source, refOf(after))).toBe('bytes');
      expect(await textOf(source, refOf(before))).toBe('bytes');
    });

    test('tells how large the file system of a folder is', async () => {
      const capacity = await source.capacityBytes(disk.folder);
      expect(capacity.ok && capacity.value).toBeGreaterThan(2 ** 20);
    });

    test('a second name of a file is no second stream', async () => {
      disk.write(at('a'), 'bytes');
      disk.link(at('a'), at('b'));
      const [one, two] = [await found(source, disk, at('a')), await found(source, disk, at('b'))];
      expect(two.streamId).toBe(one.streamId);
      expect(two.stat.linkCount).toBe(2);
    });

    test('F62 a file unlinked after the first look can still be read to its end', async () => {
      disk.write(at('a'), 'bytes');
      const file = refOf(await found(source, disk, at('a')));
      expect((await source.stat(file)).ok).toBe(true);
      disk.unlink(at('a'));
      expect(await source.stat(file)).toMatchObject({ ok: true, value: { linkCount: 0, sizeBytes: 5 } });
      expect(await textOf(source, file)).toBe('bytes');
    });

    test('a file unlinked before the first look, after a release, or after a restart, is gone', async () => {
      for (const name of ['never looked at', 'released', 'restarted']) {
        disk.write(at(name), 'bytes');
        const file = refOf(await found(source, disk, at(name)));
        if (name !== 'never looked at') await source.stat(file);
        disk.unlink(at(name));
        if (name === 'released') await source.release(file.streamId);
        const asked = name === 'restarted' ? bed.source() : source;
        expect(codeOf(await asked.stat(file))).toBe('source_gone');
        expect(await textOf(asked, file)).toBe('source_gone');
        if (asked !== source) await asked.close();
      }
    });

    test('F63 another file at the path is never read in place of the stream’s own', async () => {
      disk.write(at('a'), 'mine');
      const mine = await found(source, disk, at('a'));
      await source.stat(refOf(mine));
      disk.write(at('new'), 'theirs');
      disk.rename(at('new'), at('a'));
      const theirs = await found(source, disk, at('a'));
      expect(theirs.streamId).not.toBe(mine.streamId);
      expect(await textOf(source, refOf(mine))).toBe('mine');
      expect(await textOf(source, refOf(theirs))).toBe('theirs');
      await source.release(mine.streamId);
      expect(await textOf(source, refOf(mine))).toBe('source_gone');
      expect(codeOf(await source.stat(refOf(mine)))).toBe('source_gone');
    });

    test('a file is known again after a restart, also by another name', async () => {
      disk.write(at('a'), 'bytes');
      const before = await found(source, disk, at('a'));
      const again = bed.source();
      expect((await found(again, disk, at('a'))).streamId).toBe(before.streamId);
      expect(await textOf(again, refOf(before))).toBe('bytes');
      await again.close();
    });

    test('F62 more streams than descriptors: all can be read, and those unlinked are the last to be let go', async () => {
      const few = bed.source({ maxHeldDescriptors: 2 });
      disk.write(at('unlinked'), 'unlinked');
      const unlinked = refOf(await found(few, disk, at('unlinked')));
      await few.stat(unlinked);
      disk.unlink(at('unlinked'));
      const files: FileRef[] = [];
      for (let i = 0; i < 5; i++) {
        disk.write(at(`f${i}`), `text ${i}`);
        files.push(refOf(await found(few, disk, at(`f${i}`))));
      }
      for (let round = 0; round < 2; round++) {
        for (const [i, file] of files.entries()) expect(await textOf(few, file)).toBe(`text ${i}`);
        const texts = await Promise.all(files.map((file) => textOf(few, file)));
        expect(texts).toEqual(files.map((_, i) => `text ${i}`));
        const stats = await Promise.all(files.map((file) => few.stat(file)));
        expect(stats.map(codeOf)).toEqual(files.map(() => 'ok'));
      }
      expect(await textOf(few, unlinked)).toBe('unlinked');
      await few.close();
    });

    test('release can be repeated, and of a stream never seen', async () => {
      disk.write(at('a'), 'bytes');
      const file = refOf(await found(source, disk, at('a')));
      await source.release(file.streamId);
      await source.stat(file);
      await source.release(file.streamId);
      await source.release(file.streamId);
      expect(await textOf(source, file)).toBe('bytes');
    });
  });
}
