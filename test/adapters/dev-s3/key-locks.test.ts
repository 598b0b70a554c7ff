import { expect, test } from 'vitest';
import { KeyLocks } from '../../../src/dev-s3/key-locks.ts';

test('turns of one key follow one another, also after one that failed; those of two keys run side by side', async () => {
  const locks = new KeyLocks();
  const events: string[] = [];
  const gate = Promise.withResolvers<void>();
  const turn =
    (name: string, wait: Promise<void> | null, fails = false) =>
    async () => {
      events.push(`${name} begins`);
      await wait;
      events.push(`${name} ends`);
      if (fails) throw new Error(name);
      return name;
    };
  const first = locks.run('a', turn('a1', gate.promise, true));
  const second = locks.run('a', turn('a2', null));
  expect(await locks.run('b', turn('b1', null))).toBe('b1');
  expect(locks.isBusy).toBe(true);
  gate.resolve();
  await expect(first).rejects.toThrow('a1');
  expect(await second).toBe('a2');
  expect(events).toEqual(['a1 begins', 'b1 begins', 'b1 ends', 'a1 ends', 'a2 begins', 'a2 ends']);
  expect(locks.isBusy).toBe(false);
});
