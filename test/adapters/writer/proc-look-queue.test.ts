import { expect, test } from 'vitest';
import { createLookQueue } from '../../../src/adapters/proc-look-queue.ts';

test('those who ask during a look are answered by one later look together, never by the one under way', async () => {
  const passes: string[][] = [];
  const ends: (() => void)[] = [];
  const queue = createLookQueue(async (questions: readonly string[]) => {
    passes.push([...questions]);
    await new Promise<void>((resolve) => ends.push(resolve));
    return passes.length;
  });
  const first = queue.ask('a');
  const later = [queue.ask('b'), queue.ask('c')];
  ends.shift()?.();
  expect(await first).toBe(1);
  await Promise.resolve();
  ends.shift()?.();
  expect(await Promise.all(later)).toEqual([2, 2]);
  expect(passes).toEqual([['a'], ['b', 'c']]);
});

test('while a look hangs in the kernel, all are told so, and no other begins before it is over', async () => {
  let passes = 0;
  let end: () => void = () => undefined;
  const queue = createLookQueue(async () => {
    passes += 1;
    await new Promise<void>((resolve) => {
      end = resolve;
    });
    return 'answer';
  }, 20);
  const asked = [queue.ask('a'), queue.ask('b')];
  expect(await Promise.all(asked)).toEqual([null, null]);
  expect(await queue.ask('c')).toBeNull();
  expect(passes).toBe(1);
  end();
  await new Promise((resolve) => setImmediate(resolve));
  const again = queue.ask('d');
  end();
  expect(await again).toBe('answer');
});
