// When a stream counts as idle: rows of what is known of the file and its writer.

import { describe, expect, test } from 'vitest';
import { seeWriter } from '../../src/machines/stream.changes.ts';
import { initialContext, type StreamContext } from '../../src/machines/stream.context.ts';
import { dueAtMs, idleFromMs, isIdle } from '../../src/machines/stream-due.ts';
import type { Completion } from '../../src/machines/stream-record.ts';
import { DAY_MS, freshInput, SETTINGS, START_MS } from './stream-input.ts';

const QUIET_SINCE_MS = START_MS + 1_000;

interface Known {
  readonly presence: StreamContext['writer']['presence'];
  /** ms after the last activity at which the last writer was seen to be gone. */
  readonly closedAfterMs?: number;
  readonly reopenings?: number;
  readonly generation?: number;
  /** The last generation that became an object; default: the one before. */
  readonly completed?: number;
  readonly graceMs?: number;
}

function contextOf(known: Known): StreamContext {
  const context = initialContext(freshInput());
  const { closedAfterMs, reopenings = 0, generation = 1, graceMs = SETTINGS.writerCloseGraceMs } = known;
  const completed = known.completed ?? generation - 1;
  const completion = completed > 0 ? ({ generation: completed } as Completion) : null;
  return {
    ...context,
    settings: { ...SETTINGS, writerCloseGraceMs: graceMs },
    lastActivityMs: QUIET_SINCE_MS,
    writer: {
      presence: known.presence,
      closedAtMs: closedAfterMs === undefined ? null : QUIET_SINCE_MS + closedAfterMs,
    },
    memory: { ...context.memory, reopenings, generation, completion },
  };
}

/** Timeout 30 s, unknown 120 s, grace 3 s. */
describe('a stream is idle', () => {
  test.each<[string, Known, number | null]>([
    ['never while a writer is known to hold the file open', { presence: 'open' }, null],
    ['never, even if one closed it before', { presence: 'open', closedAfterMs: 10 }, null],
    ['after the timeout when nobody was asked yet', { presence: 'unasked' }, 30_000],
    ['after the timeout when nobody writes and nobody was seen to close it', { presence: 'none' }, 30_000],
    ['after the long timeout when it cannot be known', { presence: 'unknown' }, 120_000],
    ['after the grace once the writer closed it', { presence: 'none', closedAfterMs: 0 }, 3_000],
    ['the grace counts from the closing', { presence: 'none', closedAfterMs: 5_000 }, 8_000],
    ['but not beyond the timeout', { presence: 'none', closedAfterMs: 29_000 }, 30_000],
    ['bytes after the closing begin the grace anew', { presence: 'none', closedAfterMs: -500 }, 3_000],
    ['seen to close, then unknown: the closing counts', { presence: 'unknown', closedAfterMs: 0 }, 3_000],
    ['a grace of 0: only the timeout counts', { presence: 'none', closedAfterMs: 0, graceMs: 0 }, 30_000],
    ['reopened: no grace', { presence: 'none', closedAfterMs: 0, reopenings: 1 }, 30_000],
    ['reopened: twice the patience in generation 2', { presence: 'none', reopenings: 1, generation: 2 }, 60_000],
    ['reopened: four times in generation 3', { presence: 'none', reopenings: 1, generation: 3 }, 120_000],
    [
      'reopened: uploads lost or rolled over cost no patience',
      { presence: 'none', reopenings: 1, generation: 9, completed: 1 },
      60_000,
    ],
    ['reopened: up to an hour', { presence: 'none', reopenings: 9, generation: 30 }, 3_600_000],
    ['reopened and unknown', { presence: 'unknown', reopenings: 1, generation: 2 }, 240_000],
    ['a later generation alone changes nothing', { presence: 'none', generation: 5 }, 30_000],
  ])('%s', (_, known, afterMs) => {
    const context = contextOf(known);
    expect(idleFromMs(context)).toBe(afterMs === null ? null : QUIET_SINCE_MS + afterMs);
    expect(isIdle(context, QUIET_SINCE_MS + (afterMs ?? 365 * DAY_MS))).toBe(afterMs !== null);
    if (afterMs !== null) expect(isIdle(context, QUIET_SINCE_MS + afterMs - 1)).toBe(false);
  });

  test('a timeout of more than an hour is not shortened by patience', () => {
    const context = contextOf({ presence: 'none', reopenings: 1, generation: 4 });
    const settings = { ...context.settings, streamTimeoutMs: 7_200_000 };
    expect(idleFromMs({ ...context, settings })).toBe(QUIET_SINCE_MS + 7_200_000);
  });
});

describe('the stale scan is told to look', () => {
  const context = contextOf({ presence: 'none' });
  test.each([
    ['active.waiting', QUIET_SINCE_MS + 30_000],
    ['failed.parked', context.parkedAtMs + 60_000],
    ['failed.ended', null],
    ['active.uploading', null],
    ['pending_completion', null],
    ['finalizing.probing', null],
    ['s3_completed.done', null],
    ['recovering', null],
  ])('%s', (state, atMs) => {
    expect(dueAtMs(state, context)).toBe(atMs);
  });
});

describe('what is seen of the writer', () => {
  const seen = (...looks: readonly (readonly ['open' | 'none' | 'unknown', number])[]): StreamContext => {
    let context = initialContext(freshInput());
    for (const [presence, atMs] of looks) context = { ...context, ...seeWriter(context, presence, atMs) };
    return context;
  };

  test.each([
    ['never open: nobody closed it', seen(['none', 1], ['unknown', 2], ['none', 3]), null, 0],
    ['open, then none: closed then', seen(['open', 1], ['none', 5]), 5, 0],
    ['open, then unknown: closed then too', seen(['open', 1], ['unknown', 5]), 5, 0],
    ['looking again changes nothing', seen(['open', 1], ['none', 5], ['none', 9]), 5, 0],
    ['open again: one reopening, and not closed', seen(['open', 1], ['none', 5], ['open', 6]), null, 1],
    ['again and again', seen(['open', 1], ['none', 2], ['open', 3], ['none', 4], ['open', 5], ['none', 6]), 6, 2],
    ['open twice in a row is no reopening', seen(['open', 1], ['open', 2]), null, 0],
  ])('%s', (_, context, closedAtMs, reopenings) => {
    expect(context.writer.closedAtMs).toBe(closedAtMs);
    expect(context.memory.reopenings).toBe(reopenings);
  });
});
