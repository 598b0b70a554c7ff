// How fast things move: per stream from its views, and over all streams second by second.

import { describe, expect, test } from 'vitest';
import { AT_REST, RateMeter, WINDOW_MS } from '../../../src/web/model/rates.ts';
import { MOST_SLOTS, scaleOf, Throughput } from '../../../src/web/model/throughput.ts';

const NOW = 1_000_000_000;

describe('the rate of a stream', () => {
  test('is what came within the window, by the seconds of the window', () => {
    const meter = new RateMeter();
    for (let second = 0; second <= 20; second += 1) meter.note(NOW + second * 1_000, second * 500, second * 300);
    expect(meter.at(NOW + 20_000)).toEqual({ written: 500, sent: 300 });
  });

  test('sinks to nothing when no view comes any more', () => {
    const meter = new RateMeter();
    meter.note(NOW, 0, 0);
    meter.note(NOW + 1_000, 1_000, 0);
    expect(meter.at(NOW + 1_000).written).toBe(1_000);
    expect(meter.at(NOW + 5_000).written).toBe(200);
    expect(meter.at(NOW + 1_000 + WINDOW_MS)).toEqual(AT_REST);
  });

  test('is nothing of one view alone: what a file held before is no growth', () => {
    const meter = new RateMeter();
    meter.note(NOW, 5_000_000, 0);
    expect(meter.at(NOW + 100)).toEqual(AT_REST);
  });

  test('is never negative: a file that was cut off begins anew', () => {
    const meter = new RateMeter();
    meter.note(NOW, 9_000, 9_000);
    meter.note(NOW + 1_000, 100, 0);
    meter.note(NOW + 2_000, 300, 0);
    expect(meter.at(NOW + 2_000)).toEqual({ written: 200, sent: 0 });
  });

  test('is as good from four views a second as from one', () => {
    const meter = new RateMeter();
    for (let view = 0; view <= 400; view += 1) meter.note(NOW + view * 250, view * 25, 0);
    expect(meter.at(NOW + 100_000).written).toBeCloseTo(100, 0);
  });
});

describe('the trace', () => {
  test('spreads a lump over the seconds after it, and loses nothing of it', () => {
    const trace = new Throughput();
    trace.add(NOW, 0, 0);
    trace.add(NOW + 5_000, 0, 8_000);
    const slots = trace.slots(NOW + 20_000);
    expect(slots.filter(({ sent }) => sent > 0)).toEqual(Array(4).fill({ written: 0, sent: 2_000 }));
  });

  test('begins with what is known, and is bounded', () => {
    const trace = new Throughput();
    trace.add(NOW, 1, 1);
    expect(trace.slots(NOW + 10_000)).toHaveLength(10);
    expect(trace.slots(NOW + 1_000_000)).toHaveLength(MOST_SLOTS);
  });

  test('forgets what is older than it is wide', () => {
    const trace = new Throughput();
    trace.add(NOW, 1_000, 1_000);
    expect(trace.slots(NOW + 300_000).every(({ written, sent }) => written === 0 && sent === 0)).toBe(true);
  });

  test('has a scale that holds the highest point', () => {
    for (const value of [0, 1, 1_024, 5_000, 999_999, 20 * 2 ** 20, 3 * 2 ** 40]) {
      expect(scaleOf([{ written: value, sent: 0 }])).toBeGreaterThanOrEqual(value);
    }
    expect(scaleOf([{ written: 0, sent: 15 * 2 ** 20 }])).toBe(20 * 2 ** 20);
  });
});
