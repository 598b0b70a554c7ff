// Between two runs the wall clock may have been set: what a record says of times is compared with no clock that it does not come from.

import { expect, test } from 'vitest';
import { recordOf } from '../../src/machines/stream.context.ts';
import { isIdle } from '../../src/machines/stream-due.ts';
import { COMPLETING, FILE_STAT, reconciled, T, tell, UPLOADING } from './stream-facts.ts';
import { freshInput, restoredInput, SETTINGS } from './stream-input.ts';

const DAY_MS = 86_400_000;
const uploading = recordOf('active.waiting', tell(UPLOADING).context);
const completing = recordOf('finalizing.completing', tell(COMPLETING).context);

test('F70 a clock that was set back a day does not keep a stream waiting for a day', () => {
  const ahead = { ...uploading, lastActivityMs: T + DAY_MS };
  const { context } = tell([reconciled({ stat: FILE_STAT })], restoredInput(ahead, T));
  expect(isIdle(context, T + SETTINGS.streamTimeoutUnknownMs)).toBe(true);
});

test('nor one whose record had to be recalled', () => {
  const ahead = { ...uploading, lastActivityMs: T + DAY_MS };
  const recalling = { ...freshInput(), mustRecall: true, stat: null };
  const { context } = tell([reconciled({ stat: FILE_STAT, recalled: ahead })], recalling);
  expect(isIdle(context, T + SETTINGS.streamTimeoutUnknownMs)).toBe(true);
});

test.each([
  ['back', T + DAY_MS],
  ['ahead', T - DAY_MS],
])('a doubt about Complete lasts as long as ever after the clock was set %s', (_, untilMs) => {
  const record = { ...completing, memory: { ...completing.memory, completeDoubtUntilMs: untilMs } };
  const restored = tell([], restoredInput(record, T)).context;
  expect(restored.memory.completeDoubtUntilMs).toBe(T + SETTINGS.completeDoubtMs);
  const { state, context } = tell([reconciled({ upload: 'listed' })], restoredInput(record, T));
  expect(state).toBe('finalizing.probing');
  expect(context.memory.completeDoubtUntilMs).toBe(T + SETTINGS.completeDoubtMs);
});
