// What every writer check promises where all processes can be seen.

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { FileRef } from '../../src/machines/file-identity.ts';
import type { WriterCheck, WriterPresence } from '../../src/ports/writer-check.ts';

export interface WriterBed {
  readonly check: WriterCheck;
  /** A file that nobody writes. */
  readonly file: (name: string) => Promise<FileRef>;
  /** Begins to write the file; resolves once the writer has it open, to what ends it. */
  readonly write: (file: FileRef) => Promise<() => Promise<void>>;
  readonly read: (file: FileRef) => Promise<() => Promise<void>>;
  readonly end: () => Promise<void>;
}

export function writerCheckContract(name: string, createBed: () => Promise<WriterBed>): void {
  describe(`writer check: ${name}`, () => {
    let bed: WriterBed;

    beforeEach(async () => {
      bed = await createBed();
    });

    afterEach(() => bed.end());

    async function look(...files: FileRef[]): Promise<(WriterPresence | undefined)[]> {
      const outcome = await bed.check.look(files);
      if (!outcome.ok) throw new Error(outcome.failure.detail);
      expect(outcome.value.size).toBe(new Set(files.map(({ streamId }) => streamId)).size);
      return files.map(({ streamId }) => outcome.value.get(streamId));
    }

    test('a file is open while a writer holds it, and not after', async () => {
      const [a, b] = [await bed.file('a'), await bed.file('b')];
      expect(await look(a, b)).toEqual(['none', 'none']);
      const end = await bed.write(a);
      expect(await look(a, b)).toEqual(['open', 'none']);
      await end();
      expect(await look(a, b)).toEqual(['none', 'none']);
    });

    test('with two writers the last one counts', async () => {
      const a = await bed.file('a');
      const [first, second] = [await bed.write(a), await bed.write(a)];
      await first();
      expect(await look(a)).toEqual(['open']);
      await second();
      expect(await look(a)).toEqual(['none']);
    });

    test('readers are no writers', async () => {
      const a = await bed.file('a');
      const end = await bed.read(a);
      expect(await look(a)).toEqual(['none']);
      await end();
    });

    test('nothing asked, nothing answered; the same asked twice is answered once', async () => {
      expect(await look()).toEqual([]);
      const a = await bed.file('a');
      expect(await look(a, a)).toEqual(['none', 'none']);
    });

    test('many may ask at once, and each gets its own answer', async () => {
      const [a, b] = [await bed.file('a'), await bed.file('b')];
      const end = await bed.write(a);
      const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => look(i % 2 === 0 ? a : b)));
      expect(answers).toEqual(Array.from({ length: 20 }, (_, i) => [i % 2 === 0 ? 'open' : 'none']));
      await end();
    });
  });
}
