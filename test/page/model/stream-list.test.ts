// The list as the page keeps it from what the daemon tells.

import { describe, expect, test } from 'vitest';
import type { StreamView } from '../../../src/ports/stream-view.ts';
import type { ShownStream } from '../../../src/read-model/read-model.ts';
import { type Filter, StreamList } from '../../../src/web/model/stream-list.ts';
import { idOf, viewOf } from '../../fixtures/stream-views.ts';

const NOW = 1_000_000_000;
const ALL: Filter = { state: null, text: '' };
const shown = (
  n: number,
  change: Partial<StreamView> & { readonly unsentSinceMs?: number | null } = {},
): ShownStream => ({
  ...viewOf(n, { lastActivityMs: NOW - 3_600_000, ...change }),
  unsentSinceMs: change.unsentSinceMs ?? null,
});
const listOf = (...views: readonly ShownStream[]): StreamList => {
  const list = new StreamList();
  list.replaceAll(views, NOW);
  return list;
};

describe('the order', () => {
  test('begins with the newest activity', () => {
    const list = listOf(
      shown(1, { lastActivityMs: NOW - 500_000 }),
      shown(2, { lastActivityMs: NOW - 100_000 }),
      shown(3, { lastActivityMs: NOW - 300_000 }),
    );
    expect(list.ids(ALL, NOW)).toEqual([2, 3, 1].map(idOf));
  });

  test('does not flicker while many streams move at once', () => {
    const list = listOf(...[1, 2, 3, 4].map((n) => shown(n, { lastActivityMs: NOW - n, startedAtMs: n })));
    const before = list.ids(ALL, NOW);
    for (let turn = 1; turn < 40; turn += 1) {
      const nowMs = NOW + turn * 250;
      list.apply(
        [shown(1 + (turn % 4), { lastActivityMs: nowMs, sizeBytes: turn, startedAtMs: 1 + (turn % 4) })],
        nowMs,
      );
      expect(list.ids(ALL, nowMs)).toEqual(before);
    }
  });

  test('has what is done below what still moves, also when it ended just now', () => {
    const list = listOf(
      shown(1, { state: 's3_completed.done', status: 'completed', lastActivityMs: NOW - 100 }),
      shown(2, { lastActivityMs: NOW - 20_000 }),
    );
    expect(list.ids(ALL, NOW)).toEqual([idOf(2), idOf(1)]);
  });

  test('shows a new stream at once, at the top', () => {
    const list = listOf(shown(1), shown(2));
    list.ids(ALL, NOW);
    list.apply([shown(3, { lastActivityMs: NOW })], NOW + 10);
    expect(list.ids(ALL, NOW + 10)[0]).toBe(idOf(3));
  });
});

describe('the filter', () => {
  const list = listOf(
    shown(1, { path: '/recordings/Hall/take.mp4', key: 'hall/take.mp4' }),
    shown(2, { path: '/recordings/yard/a.wav', key: 'yard/a.wav', state: 'failed.parked' }),
    shown(3, { path: '/recordings/yard/b.wav', key: 'elsewhere', state: 'finalizing.verifying' }),
  );
  const found = (filter: Partial<Filter>) => new Set(list.ids({ ...ALL, ...filter }, NOW));

  test('finds by state, by part of the path or key in any case, and by the beginning of the id', () => {
    expect(found({ state: 'failed' })).toEqual(new Set([idOf(2)]));
    expect(found({ text: 'HALL' })).toEqual(new Set([idOf(1)]));
    expect(found({ text: 'elsewhere' })).toEqual(new Set([idOf(3)]));
    expect(found({ text: idOf(2).slice(0, 8) })).toEqual(new Set([idOf(2)]));
    expect(found({ state: 'finalizing', text: 'yard' })).toEqual(new Set([idOf(3)]));
    expect(found({ text: 'nowhere' })).toEqual(new Set());
  });
});

describe('what is told', () => {
  test('after a break replaces what was known: what is not in it is gone', () => {
    const list = listOf(shown(1), shown(2));
    list.replaceAll([shown(2, { sizeBytes: 7 }), shown(3)], NOW + 1);
    expect(list.one(idOf(1))).toBeNull();
    expect(list.one(idOf(2))?.sizeBytes).toBe(7);
    expect(new Set(list.ids(ALL, NOW + 1))).toEqual(new Set([idOf(2), idOf(3)]));
  });

  test('as forgotten is gone at once', () => {
    const list = listOf(shown(1), shown(2));
    list.forget([idOf(1)]);
    expect(list.ids(ALL, NOW)).toEqual([idOf(2)]);
    expect(list.size).toBe(1);
  });

  test('of growth counts what came, also of a new stream, and never backwards', () => {
    const list = listOf(shown(1, { sizeBytes: 100, sentBytes: 60 }));
    expect(
      list.apply([shown(1, { sizeBytes: 150, sentBytes: 80 }), shown(2, { sizeBytes: 5, sentBytes: 0 })], NOW),
    ).toEqual({ writtenBytes: 55, sentBytes: 20 });
    expect(list.apply([shown(1, { sizeBytes: 1, sentBytes: 0 })], NOW)).toEqual({ writtenBytes: 0, sentBytes: 0 });
  });

  test('names the stream whose oldest byte waits longest', () => {
    const list = listOf(shown(1, { unsentSinceMs: 700 }), shown(2, { unsentSinceMs: 300 }), shown(3));
    expect(list.longestUnsent()?.id).toBe(idOf(2));
    expect(listOf(shown(3)).longestUnsent()).toBeNull();
  });
});

describe('what happened lately', () => {
  test('is each change of a state since the page was opened, the newest first', () => {
    const list = listOf(shown(1));
    expect(list.lately).toEqual([]);
    list.apply([shown(1, { state: 'pending_completion' })], NOW + 1);
    list.apply([shown(1, { state: 'finalizing.verifying' }), shown(2)], NOW + 2);
    expect(list.lately.map(({ from, to }) => [from, to])).toEqual([
      [null, 'active.waiting'],
      ['pending_completion', 'finalizing.verifying'],
      ['active.waiting', 'pending_completion'],
    ]);
  });

  test('is not that a growing stream waits and sends by turns', () => {
    const list = listOf(shown(1));
    for (const state of ['active.uploading', 'active.waiting', 'active.uploading'])
      list.apply([shown(1, { state })], NOW);
    expect(list.lately).toEqual([]);
  });

  test('is bounded', () => {
    const list = listOf(shown(1));
    for (let turn = 0; turn < 1_000; turn += 1)
      list.apply([shown(1, { state: turn % 2 ? 'recovering' : 'failed.parked' })], NOW + turn);
    expect(list.lately).toHaveLength(200);
    expect(list.lately[0]?.atMs).toBe(NOW + 999);
  });
});
