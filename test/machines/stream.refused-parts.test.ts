// Parts that S3 holds and does not put together, or never lists: how often it is believed, and what becomes of the stream then.

import { describe, expect, test } from 'vitest';
import { failureOf } from '../../src/machines/failure.ts';
import { growingPlan } from '../../src/machines/part-plan.ts';
import { recordOf } from '../../src/machines/stream.context.ts';
import type { StreamEvent } from '../../src/machines/stream.events.ts';
import { COMPLETING, FILE_STAT, reconciled, settled, T, tell, uploaded, verified } from './stream-facts.ts';
import { MIB, PART_BYTES, restoredInput, SETTINGS, statOf } from './stream-input.ts';

describe('parts that S3 refuses to put together', () => {
  const refused: StreamEvent = {
    type: 'upload.completion_failed',
    failure: failureOf('part_invalid', 'All non-trailing parts must have the same length.'),
    atMs: T,
  };
  const clean: StreamEvent = { type: 'parts.checked', wrong: [], excess: [], atMs: T };
  const wrong: StreamEvent = { type: 'parts.checked', wrong: [1], excess: [], atMs: T };
  const refusedTimes = (times: number): readonly StreamEvent[] =>
    Array.from({ length: times }, () => [refused, clean]).flat();

  test('F19 F20 are listed and compared four times; then a person is asked, with the words of S3, and nothing is thrown away', () => {
    expect(tell([...COMPLETING, ...refusedTimes(4)]).state).toBe('finalizing.completing');
    const { state, context } = tell([...COMPLETING, ...refusedTimes(4), refused]);
    expect(state).toBe('failed.parked');
    expect(context.memory.failure).toMatchObject({
      code: 'parts_refused',
      detail: 'All non-trailing parts must have the same length.',
    });
    expect(context.memory.upload?.uploadId).toBe('u1');
    expect(context.memory.parts.contiguous).toBe(3);
  });

  test('F43 by a plan that is not the operator’s any more: they go again in parts of the one that is', () => {
    const record = recordOf('finalizing.completing', tell(COMPLETING).context);
    const settings = { ...SETTINGS, plan: growingPlan(PART_BYTES) };
    const late = T + SETTINGS.completeDoubtMs;
    const back: StreamEvent[] = [
      reconciled({ upload: 'listed', parts: record.memory.parts, sentEndBytes: 20 * MIB }),
      { type: 'object.probed', object: 'absent', upload: 'listed', atMs: late },
      { type: 'operator.finalize', atMs: late },
      { type: 'writer.checked', stat: FILE_STAT, presence: 'none', atMs: late },
      verified([]),
      clean,
    ];
    const input = restoredInput(record, T, settings);
    expect(tell(back, input).state).toBe('finalizing.completing');
    const { context } = tell([...back, ...refusedTimes(4), refused], input);
    expect(context.memory).toMatchObject({ generation: 2, upload: null, failure: null });
    expect(context.memory.leftUploads).toMatchObject([{ uploadId: 'u1', why: 'rolled_over' }]);
  });

  test('F23 a list that never tells what was acknowledged is believed four times, and does not have parts sent for ever', () => {
    const again: StreamEvent[] = [wrong, uploaded(1), settled(), verified([])];
    const four = Array.from({ length: 4 }, () => again).flat();
    const checking = [...COMPLETING.slice(0, -1), ...four];
    expect(tell(checking).state).toBe('finalizing.checking');
    expect(tell([...checking, wrong]).state).toBe('failed.parked');
    expect(tell([...checking, clean]).state).toBe('finalizing.completing');
  });

  test('begin to be counted anew when the file has changed', () => {
    const changed: StreamEvent = { type: 'source.changed', stat: statOf(21 * MIB, T), atMs: T };
    expect(tell([...COMPLETING, ...refusedTimes(4), changed]).context.partRefusals).toBe(0);
  });
});
