// What every disposal of source files promises: nothing is put over another file, and what lies aside is found again.

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { FileRef } from '../../src/machines/file-identity.ts';
import type { FileSource } from '../../src/ports/file-source.ts';
import type { SourceDisposal } from '../../src/ports/source-disposal.ts';
import { codeOf, type Disk, found, refOf } from './file-source.contract.ts';

export interface DisposalUnderTest {
  readonly disk: Disk & { readonly paths: () => readonly string[]; readonly textOf: (path: string) => string | null };
  readonly source: FileSource;
  readonly disposal: SourceDisposal;
  /** On the same file system, outside of the watched folder. */
  readonly target: string;
  readonly end: () => void;
}

export function sourceDisposalContract(name: string, create: () => DisposalUnderTest): void {
  describe(`source disposal: ${name}`, () => {
    let bed: DisposalUnderTest;
    let file: FileRef;
    const at = (path: string) => `${bed.disk.folder}/${path}`;
    const place = async () => {
      const answer = await bed.disposal.find(file);
      return answer.ok ? answer.value : answer.failure.code;
    };

    beforeEach(async () => {
      bed = create();
      bed.disk.write(at('take.mp4'), 'a recording');
      file = refOf(await found(bed.source, bed.disk, at('take.mp4')));
    });
    afterEach(async () => {
      await bed.source.close();
      bed.end();
    });

    test('a file is in place, then aside under a hidden name that tells its own, then gone', async () => {
      expect(await place()).toBe('in_place');
      expect(codeOf(await bed.disposal.setAside(file))).toBe('ok');
      expect(await place()).toBe('aside');
      const aside = bed.disposal.aside(file).path;
      expect(bed.disk.paths()).toEqual([aside]);
      expect(aside).toMatch(/\/\.tailrace-aside-.*take\.mp4$/);
      expect(codeOf(await bed.disposal.remove(file))).toBe('ok');
      expect(await place()).toBe('gone');
      expect(bed.disk.paths()).toEqual([]);
    });

    test('what lies aside is the file that its stream reads', async () => {
      await bed.disposal.setAside(file);
      const stat = await bed.source.stat(bed.disposal.aside(file));
      expect(stat.ok && stat.value.identity).toEqual(file.identity);
    });

    test('it is put back under its own name', async () => {
      await bed.disposal.setAside(file);
      expect(await bed.disposal.putBack(file)).toEqual({ ok: true, value: at('take.mp4') });
      expect(await place()).toBe('in_place');
      expect(bed.disk.paths()).toEqual([at('take.mp4')]);
      expect(codeOf(await bed.disposal.putBack(file)), 'again').toBe('ok');
    });

    test('it is put back beside a file that has its name by now, never over it', async () => {
      await bed.disposal.setAside(file);
      bed.disk.write(at('take.mp4'), 'another recording');
      expect(await bed.disposal.putBack(file)).toEqual({ ok: true, value: at('take~2.mp4') });
      expect(bed.disk.textOf(at('take.mp4'))).toBe('another recording');
      expect(bed.disk.textOf(at('take~2.mp4'))).toBe('a recording');
    });

    test('another file at its path is not touched', async () => {
      bed.disk.write(at('new'), 'another recording');
      bed.disk.rename(at('new'), at('take.mp4'));
      expect(await place()).toBe('gone');
      expect(codeOf(await bed.disposal.setAside(file))).toBe('source_gone');
      expect(codeOf(await bed.disposal.remove(file))).toBe('ok');
      expect(bed.disk.textOf(at('take.mp4'))).toBe('another recording');
    });

    test('it is moved to its place below the target, never over another file', async () => {
      await bed.disposal.setAside(file);
      expect(await bed.disposal.move(file, bed.target)).toEqual({ ok: true, value: `${bed.target}/take.mp4` });
      expect(bed.disk.textOf(`${bed.target}/take.mp4`)).toBe('a recording');
      bed.disk.write(at('take.mp4'), 'the next');
      const next = refOf(await found(bed.source, bed.disk, at('take.mp4')));
      await bed.disposal.setAside(next);
      expect(await bed.disposal.move(next, bed.target)).toEqual({ ok: true, value: `${bed.target}/take~2.mp4` });
      expect(bed.disk.textOf(`${bed.target}/take.mp4`)).toBe('a recording');
    });
  });
}
