// What every lock promises. `daemon` gives a process of the same host; `dead` one that took the lock and was killed.

import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { HeldLock, Lock } from '../../src/ports/lock.ts';

export interface LockHost {
  readonly daemon: () => Lock;
  /** A process that acquires the lock and is killed while it holds it. */
  readonly dead: (name: string) => Promise<void>;
  readonly end: () => Promise<void>;
}

export function lockContract(name: string, createHost: () => Promise<LockHost>): void {
  describe(`lock: ${name}`, () => {
    let host: LockHost;
    let what: string;
    let taken: HeldLock[];

    beforeEach(async () => {
      host = await createHost();
      what = randomUUID().replaceAll('-', '');
      taken = [];
    });

    afterEach(async () => {
      for (const lock of taken) await lock.release();
      await host.end();
    });

    async function acquire(of: Lock, holder: string, lockName = what): Promise<HeldLock | string> {
      const outcome = await of.acquire(lockName, holder);
      if (!outcome.ok) throw new Error(outcome.failure.detail);
      if (!outcome.value.held) return outcome.value.holder;
      taken.push(outcome.value.lock);
      return outcome.value.lock;
    }

    test('one holds it, and whoever is refused is told who', async () => {
      expect(typeof (await acquire(host.daemon(), 'pid 1 since noon'))).toBe('object');
      expect(await acquire(host.daemon(), 'pid 2')).toBe('pid 1 since noon');
    });

    test('the same process cannot take it twice', async () => {
      const daemon = host.daemon();
      await acquire(daemon, 'first');
      expect(await acquire(daemon, 'second')).toBe('first');
    });

    test('locks of other names are other locks', async () => {
      await acquire(host.daemon(), 'one');
      expect(typeof (await acquire(host.daemon(), 'two', `${what}x`.slice(1)))).toBe('object');
    });

    test('released it is free, and releasing again does not take it from the next', async () => {
      const first = (await acquire(host.daemon(), 'first')) as HeldLock;
      await first.release();
      expect(typeof (await acquire(host.daemon(), 'second'))).toBe('object');
      await first.release();
      expect(await acquire(host.daemon(), 'third')).toBe('second');
    });

    test('a process that was killed holds nothing any more', async () => {
      await host.dead(what);
      expect(typeof (await acquire(host.daemon(), 'next'))).toBe('object');
      expect(await acquire(host.daemon(), 'third')).toBe('next');
    });

    test('of many who ask at once one gets it, and the others are told its name', async () => {
      const answers = await Promise.all(Array.from({ length: 8 }, (_, i) => acquire(host.daemon(), `daemon ${i}`)));
      const refused = answers.filter((answer) => typeof answer === 'string');
      expect(refused).toHaveLength(7);
      expect(new Set(refused).size).toBe(1);
    });
  });
}
