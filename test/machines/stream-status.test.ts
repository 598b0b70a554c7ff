// The contract's table of states, statuses and sets, row by row.

import { describe, expect, test } from 'vitest';
import { FAILURE_CODES, type FailureCode, failureOf } from '../../src/machines/failure.ts';
import { streamMachine } from '../../src/machines/stream.machine.ts';
import { isFinal, LEAVING_STATES, STATUS_SETS, setOf, statusOf } from '../../src/machines/stream-status.ts';
import { chartOf } from '../../tools/charts/chart-model.ts';

const ROWS = `
recovering                   | active              | streams:active
active.waiting               | active              | streams:active
active.opening               | active              | streams:active
active.uploading             | active              | streams:active
pending_completion           | pending_completion  | streams:pending_completion
finalizing.verifying         | finalizing          | streams:pending_completion
finalizing.opening           | finalizing          | streams:pending_completion
finalizing.resending         | finalizing          | streams:pending_completion
finalizing.checking          | finalizing          | streams:pending_completion
finalizing.completing        | finalizing          | streams:pending_completion
finalizing.probing           | finalizing          | streams:pending_completion
finalizing.proving           | finalizing          | streams:pending_completion
finalizing.aborting          | finalizing          | streams:pending_completion
s3_completed.publishing      | s3_completed        | streams:pending_metadata
s3_completed.clearing        | s3_completed        | streams:pending_metadata
s3_completed.disposing       | s3_completed        | streams:pending_metadata
s3_completed.done            | completed           | streams:completed
aborted_no_parts.done        | aborted_no_parts    | streams:aborted
aborted_no_parts.by_operator | aborted_by_operator | streams:aborted
failed.parked                | failed_finalization | streams:failed
failed.ended                 | failed_finalization | streams:failed
`
  .trim()
  .split('\n')
  .map((line) => line.split('|').map((cell) => cell.trim()) as [string, string, string]);

const leaves = chartOf(streamMachine)
  .states.filter((state) => state.kind === 'atomic' || state.kind === 'final')
  .map((state) => state.path);

test('every state of the chart has a row, and no other', () => {
  expect(ROWS.map(([state]) => state).sort()).toEqual([...leaves].sort());
});

test.each(ROWS)('%s is %s in %s', (state, status, set) => {
  expect(statusOf(state, null)).toBe(status);
  expect(setOf(statusOf(state, null))).toBe(set);
  expect(STATUS_SETS).toContain(set);
});

test('the states that leave are the final ones', () => {
  const finals = chartOf(streamMachine).states.filter((state) => state.kind === 'final');
  expect([...LEAVING_STATES].sort()).toEqual(finals.map((state) => state.path).sort());
  expect(leaves.filter(isFinal).sort()).toEqual([...LEAVING_STATES].sort());
});

describe('why a stream failed', () => {
  test.each<[FailureCode, string, string]>([
    ['source_gone', 'recovering', 'failed_source'],
    ['source_permission_denied', 'active.uploading', 'failed_source'],
    ['source_read_error', 'finalizing.completing', 'failed_source'],
    ['s3_access_denied', 'finalizing.completing', 'failed_s3_complete'],
    ['s3_request_refused', 'finalizing.completing', 'failed_s3_complete'],
    ['s3_access_denied', 'active.uploading', 'failed_finalization'],
    ['bug', 'finalizing.verifying', 'failed_finalization'],
    ['foreign_object', 'finalizing.completing', 'failed_conflict'],
    ['foreign_object', 'active.opening', 'failed_conflict'],
    ['file_too_large', 'finalizing.verifying', 'failed_finalization'],
  ])('%s during %s: %s', (code, during, status) => {
    const failure = failureOf(code, 'seen', { during });
    expect(statusOf('failed.ended', failure)).toBe(status);
    expect(statusOf('failed.parked', failure)).toBe(status);
  });

  test('every code is in the set of failed streams', () => {
    for (const code of FAILURE_CODES)
      expect(setOf(statusOf('failed.ended', failureOf(code, 'seen')))).toBe('streams:failed');
  });
});
