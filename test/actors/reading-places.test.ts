import { describe, expect, test } from 'vitest';
import { PIECE_BYTES } from '../../src/actors/range-reading.ts';
import { ReadingPlaces } from '../../src/actors/reading-places.ts';

const never = new AbortController().signal;

describe('places for whole-file reads', () => {
  test('as many read at once as there are places, each in memory of its own', async () => {
    const places = new ReadingPlaces(2);
    const ends: (() => void)[] = [];
    const lent: Uint8Array[] = [];
    const readers = [1, 2, 3].map(() =>
      places.through(never, async (scratch) => {
        lent.push(scratch);
        await new Promise<void>((end) => ends.push(end));
      }),
    );
    await expect.poll(() => lent.length).toBe(2);
    expect(lent[0]).not.toBe(lent[1]);
    ends[0]?.();
    await expect.poll(() => lent.length).toBe(3);
    for (const end of ends) end();
    await Promise.all(readers);
  });

  test('a hundred reads one after another use the memory of one, also when some fail', async () => {
    const places = new ReadingPlaces(2);
    const lent = new Set<Uint8Array>();
    for (let n = 0; n < 100; n += 1) {
      const reading = places.through(never, async (scratch) => {
        lent.add(scratch);
        if (n % 3 === 0) throw new Error('the file is gone');
        return n;
      });
      if (n % 3 === 0) await expect(reading).rejects.toThrow('the file is gone');
      else expect(await reading).toBe(n);
    }
    expect(lent.size).toBe(1);
    expect([...lent][0]).toHaveLength(PIECE_BYTES);
  });

  test('who was told to stop before its turn takes no place and no memory with it', async () => {
    const places = new ReadingPlaces(1);
    let end = () => {};
    const first = places.through(never, () => new Promise<void>((resolve) => (end = resolve)));
    const stop = new AbortController();
    const stopped = places.through(stop.signal, async (scratch) => scratch.length);
    stop.abort();
    expect(await stopped).toBe(PIECE_BYTES);
    end();
    await first;
    expect(await places.through(never, async () => 'read')).toBe('read');
  });
});
