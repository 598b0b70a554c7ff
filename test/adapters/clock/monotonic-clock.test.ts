import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createMonotonicClock } from '../../../src/adapters/monotonic-clock.ts';
import { clockContract } from '../../contracts/clock.contract.ts';
import { createHandClock } from '../../fakes/hand-clock.ts';

clockContract('monotonic', () => ({ clock: createMonotonicClock(), pass: (ms) => sleep(ms) }));

clockContract('by hand', () => {
  const clock = createHandClock();
  return { clock, pass: async (ms) => clock.advanceMs(ms) };
});

test('begins at the time of the wall', () => {
  const before = Date.now();
  const now = createMonotonicClock().nowMs();
  expect(now).toBeGreaterThanOrEqual(before);
  expect(now).toBeLessThanOrEqual(Date.now());
});

test('F70 a wall clock that is set back does not take our time with it', () => {
  const clock = createMonotonicClock();
  const wallNow = Date.now;
  const before = clock.nowMs();
  try {
    // The one thing that a test cannot do for real: the wall belongs to the whole machine.
    Date.now = () => wallNow() - 86_400_000;
    expect(clock.nowMs()).toBeGreaterThanOrEqual(before);
  } finally {
    Date.now = wallNow;
  }
});

test('a wait of two months is no timer beyond what timers can, spinning every millisecond', async () => {
  const warnings: string[] = [];
  const note = (warning: Error) => void warnings.push(warning.name);
  process.on('warning', note);
  const controller = new AbortController();
  const clock = createMonotonicClock();
  const waiting = clock.waitUntil(clock.nowMs() + 60 * 24 * 3600 * 1000, controller.signal);
  await sleep(20);
  controller.abort();
  await waiting;
  process.off('warning', note);
  expect(warnings).toEqual([]);
});

test('a wait keeps no process alive', async () => {
  const source = new URL('../../../src/adapters/monotonic-clock.ts', import.meta.url).href;
  const script = `import { createMonotonicClock } from ${JSON.stringify(source)};
    const clock = createMonotonicClock();
    void clock.waitUntil(clock.nowMs() + 3_600_000, new AbortController().signal);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'inherit' });
  const [code] = await once(child, 'exit', { signal: AbortSignal.timeout(20_000) });
  expect(code).toBe(0);
});

test('who waits wakes in order of the moments, and of the asking where they are equal', async () => {
  const clock = createHandClock(1_000);
  const { signal } = new AbortController();
  const order: string[] = [];
  const wait = (name: string, atMs: number) => clock.waitUntil(atMs, signal).then(() => order.push(name));
  const all = [wait('late', 3_000), wait('first', 2_000), wait('second', 2_000)];
  expect(clock.nextDueMs()).toBe(2_000);
  clock.advanceTo(5_000);
  await Promise.all(all);
  expect(order).toEqual(['first', 'second', 'late']);
  expect(clock.nowMs()).toBe(5_000);
  expect(clock.nextDueMs()).toBeNull();
});
