// Permits: a bounded number of things at once, first come first served.

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Permits } from '../../src/actors/permits.ts';
import { settle } from './stage.ts';

const never = new AbortController().signal;

/** Takes and remembers whether it was granted. */
function taking(permits: Permits, count: number, signal = never) {
  const state: { give: (() => void) | null; outcome: 'waiting' | 'granted' | 'gave up' } = {
    give: null,
    outcome: 'waiting',
  };
  void permits.take(count, signal).then((give) => {
    state.give = give;
    state.outcome = give ? 'granted' : 'gave up';
  });
  return state;
}

it('serves in the order of asking, also when a smaller wish would fit before', async () => {
  const permits = new Permits(3);
  const [first, large, small] = [taking(permits, 2), taking(permits, 3), taking(permits, 1)];
  await settle();
  expect([first, large, small].map((each) => each.outcome)).toEqual(['granted', 'waiting', 'waiting']);
  first.give?.();
  await settle();
  expect([large, small].map((each) => each.outcome)).toEqual(['granted', 'waiting']);
  large.give?.();
  await settle();
  expect(small.outcome).toBe('granted');
});

it('a wish that is given up takes no permit with it, and those behind it are served', async () => {
  const permits = new Permits(2);
  const stop = new AbortController();
  const [held, large, small] = [taking(permits, 1), taking(permits, 2, stop.signal), taking(permits, 1)];
  await settle();
  stop.abort();
  await settle();
  expect([held, large, small].map((each) => each.outcome)).toEqual(['granted', 'gave up', 'granted']);
});

it('who comes with a signal that has fired gets nothing', async () => {
  const permits = new Permits(1);
  expect(await permits.take(1, AbortSignal.abort())).toBeNull();
  expect(taking(permits, 1).outcome).toBe('waiting');
  await settle();
});

it('permits given back twice count once', async () => {
  const permits = new Permits(1);
  const give = await permits.take(1, never);
  give?.();
  give?.();
  const [one, two] = [taking(permits, 1), taking(permits, 1)];
  await settle();
  expect([one.outcome, two.outcome]).toEqual(['granted', 'waiting']);
});

it('never more are out than there are, and all who stay are served, whatever the order of events', async () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('take' as const), count: fc.integer({ min: 1, max: 4 }) }),
    fc.record({ kind: fc.constant('give' as const), at: fc.nat(20) }),
    fc.record({ kind: fc.constant('give up' as const), at: fc.nat(20) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const permits = new Permits(4);
      const all: { count: number; stop: AbortController; state: ReturnType<typeof taking>; gaveBack: boolean }[] = [];
      const out = () =>
        all
          .filter(({ state, gaveBack }) => state.outcome === 'granted' && !gaveBack)
          .reduce((sum, { count }) => sum + count, 0);
      for (const each of steps) {
        if (each.kind === 'take') {
          const stop = new AbortController();
          all.push({ count: each.count, stop, state: taking(permits, each.count, stop.signal), gaveBack: false });
        } else {
          const chosen = all[each.at % Math.max(all.length, 1)];
          if (each.kind === 'give up') chosen?.stop.abort();
          else if (chosen?.state.give) {
            chosen.gaveBack = true;
            chosen.state.give();
          }
        }
        await settle();
        expect(out()).toBeLessThanOrEqual(4);
      }
      for (let round = 0; round <= all.length; round += 1) {
        for (const each of all) {
          if (!each.state.give || each.gaveBack) continue;
          each.gaveBack = true;
          each.state.give();
        }
        await settle();
      }
      expect(all.filter(({ state }) => state.outcome === 'waiting')).toEqual([]);
    }),
    { numRuns: 100, seed: 20_261_122 },
  );
});
