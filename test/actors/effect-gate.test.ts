// The gate of effects: closed, nothing new begins; what runs may end.

import { expect, it } from 'vitest';
import { EffectGate } from '../../src/actors/effect-gate.ts';
import { settle } from './stage.ts';

it('is idle only when everything that passes has ended, also by an error', async () => {
  const gate = new EffectGate();
  const ends: (() => void)[] = [];
  const work = () => new Promise<void>((resolve) => ends.push(resolve));
  const running = [gate.pass(work), gate.pass(work)];
  const broken = gate.pass(() => Promise.reject(new Error('a bug'))).catch(() => {});
  let isIdle = false;
  const idle = gate.idle().then(() => {
    isIdle = true;
  });
  await broken;
  ends[0]?.();
  await settle();
  expect(isIdle).toBe(false);
  ends[1]?.();
  await Promise.all([...running, idle]);
  expect(isIdle).toBe(true);
});

it('is idle at once when nothing runs', async () => {
  await new EffectGate().idle();
});

it('tells those who asked once that it closes, those who come later at once, and not those who took it back', () => {
  const gate = new EffectGate();
  const told: string[] = [];
  gate.whenClosed(() => told.push('early'));
  const takeBack = gate.whenClosed(() => told.push('gone'));
  takeBack();
  expect(gate.isClosed).toBe(false);
  gate.close();
  gate.close();
  gate.whenClosed(() => told.push('late'));
  expect(told).toEqual(['early', 'late']);
  expect(gate.isClosed).toBe(true);
});
