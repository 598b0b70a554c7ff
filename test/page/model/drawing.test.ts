// What is drawn of much: rows of a long list, pixels of many parts, lights of a chart.

import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { PartState, PartView } from '../../../src/ports/stream-view.ts';
import { lineOf, withAncestors } from '../../../src/web/model/chart-paths.ts';
import { ChartPlayback } from '../../../src/web/model/chart-playback.ts';
import { countByState, partAt, stripLines, stripRuns } from '../../../src/web/model/part-strip.ts';
import { MAX_DRAWN_ROWS, rowWindow } from '../../../src/web/model/row-window.ts';

const part = (partNumber: number, offset: number, sizeBytes: number, state: PartState): PartView => ({
  ...{ partNumber, offset, sizeBytes, state },
  ...{ etag: null, crc32: null, uploadedAt: null },
});

describe('the rows that are drawn', () => {
  test('are those in sight and a few around them', () => {
    expect(rowWindow(2_000, 48, 0, 800)).toEqual({ first: 0, end: 25 });
    expect(rowWindow(2_000, 48, 48_000, 800)).toEqual({ first: 992, end: 1_025 });
    expect(rowWindow(2_000, 48, -300, 800)).toEqual({ first: 0, end: 19 });
  });

  test('are never more than the limit, whatever the screen says', () => {
    const { first, end } = rowWindow(10_000, 48, 10_000, 1_000_000);
    expect(end - first).toBe(MAX_DRAWN_ROWS);
  });

  test('are none where the list ends, and none of an empty list', () => {
    expect(rowWindow(3, 48, 100_000, 800)).toEqual({ first: 3, end: 3 });
    expect(rowWindow(0, 48, 0, 800)).toEqual({ first: 0, end: 0 });
  });
});

describe('the strip of parts', () => {
  test('is parts and, behind them, what no part holds yet', () => {
    const parts = [part(1, 0, 50, 'sent'), part(2, 50, 25, 'in_flight')];
    expect(stripRuns(parts, 100, 200)).toEqual([
      { fromPx: 0, toPx: 100, state: 'sent' },
      { fromPx: 100, toPx: 150, state: 'in_flight' },
      { fromPx: 150, toPx: 200, state: 'unsent' },
    ]);
    expect(stripLines(parts, 100, 200)).toEqual([100, 150]);
  });

  test('of ten thousand parts shows the one that is dirty', () => {
    const parts = Array.from({ length: 10_000 }, (_, n) => part(n + 1, n * 10, 10, n === 6_543 ? 'dirty' : 'verified'));
    const runs = stripRuns(parts, 100_000, 900);
    expect(runs.map(({ state }) => state)).toEqual(['verified', 'dirty', 'verified']);
    expect(runs[1]!.toPx - runs[1]!.fromPx).toBe(1);
    expect(stripLines(parts, 100_000, 900)).toEqual([]);
    expect(countByState(parts)).toEqual({ verified: 9_999, sent: 0, in_flight: 0, dirty: 1 });
  });

  test('covers its width without gaps, whatever the parts', () => {
    for (const width of [1, 7, 333, 1_000]) {
      const parts = Array.from({ length: 37 }, (_, n) => part(n + 1, n * 11, 11, n % 3 === 0 ? 'sent' : 'verified'));
      const runs = stripRuns(parts, 500, width);
      expect(runs[0]?.fromPx).toBe(0);
      expect(runs.at(-1)?.toPx).toBe(width);
      for (const [index, run] of runs.entries()) if (index > 0) expect(run.fromPx).toBe(runs[index - 1]?.toPx);
    }
  });

  test('reaches beyond a file that was cut off, and is nothing of nothing', () => {
    expect(stripRuns([part(1, 0, 100, 'sent')], 10, 100)).toEqual([{ fromPx: 0, toPx: 100, state: 'sent' }]);
    expect(stripRuns([], 0, 100)).toEqual([]);
  });

  test('tells the part at a pixel', () => {
    const parts = [part(1, 0, 50, 'sent'), part(2, 50, 50, 'sent')];
    expect(partAt(parts, 200, 400, 150)?.partNumber).toBe(2);
    expect(partAt(parts, 200, 400, 399)).toBeNull();
  });
});

describe('the chart', () => {
  const svg = readFileSync('docs/statecharts/stream.svg', 'utf8');
  const lines = [...svg.matchAll(/data-from="([^"]+)" data-to="([^"]+)"/g)].map(([, from = '', to = '']) => ({
    from,
    to,
  }));
  const taken = (from: string, to: string) => lines[lineOf(lines, from, to)];

  test('lights a state and those around it', () => {
    expect(withAncestors('active.waiting')).toEqual(['active.waiting', 'active']);
  });

  test('shows a way by the line between the nearest states that have one', () => {
    expect(taken('active.waiting', 'active.uploading')).toEqual({ from: 'active.waiting', to: 'active.uploading' });
    expect(taken('active.waiting', 'pending_completion')).toEqual({ from: 'active', to: 'pending_completion' });
    expect(taken('finalizing.proving', 's3_completed.publishing')).toEqual({ from: 'finalizing', to: 's3_completed' });
    expect(taken('recovering', 'active.waiting')).toEqual({ from: 'recovering', to: 'active' });
  });

  test('has no line for a way to failed, and takes no other one for it', () => {
    expect(taken('active.uploading', 'failed.parked')).toBeUndefined();
  });

  test('has a group for each state that the words know', () => {
    for (const state of ['recovering', 'active.waiting', 'finalizing.verifying', 's3_completed.done', 'failed.parked'])
      expect(svg).toContain(`data-state="${state}"`);
  });

  test('plays every state it was given, in order, and the faster the more wait', () => {
    const playback = new ChartPlayback();
    playback.enter(['active.waiting']);
    expect([playback.state, playback.nextStepMs]).toEqual(['active.waiting', null]);
    playback.enter(['pending_completion', 'finalizing.verifying']);
    const calmMs = playback.nextStepMs ?? 0;
    playback.enter(['finalizing.checking', 'finalizing.completing', 'finalizing.proving']);
    expect(playback.nextStepMs).toBeLessThan(calmMs);
    const seen = [];
    while (playback.nextStepMs !== null) seen.push(playback.step());
    expect(seen.map((step) => step?.to)).toEqual([
      ...['pending_completion', 'finalizing.verifying', 'finalizing.checking'],
      ...['finalizing.completing', 'finalizing.proving'],
    ]);
    expect(playback.newest).toBe('finalizing.proving');
  });
});
