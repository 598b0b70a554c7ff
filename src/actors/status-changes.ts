// The changes of status that others are to be told of (`streams:events`): noted when they happen, so that saves which were merged
// on their way skip none of them. Pure.

import type { StreamRecord } from '../machines/stream-record.ts';
import { statusOf } from '../machines/stream-status.ts';
import type { StatusChange } from '../ports/registry.ts';

/**
 * Per stream, while Redis is away: beyond it the oldest are dropped. A life has five or six; a writer that pauses makes two each
 * time, so this is a quarter of an hour of the busiest, and with 2,000 streams at most 20 MB.
 */
export const MAX_CHANGES_KEPT = 60;

export const joinedChanges = (
  older: readonly StatusChange[],
  newer: readonly StatusChange[],
): readonly StatusChange[] => (older.length === 0 ? newer : [...older, ...newer].slice(-MAX_CHANGES_KEPT));

export function statusChange(record: StreamRecord, seq: number, atMs: number): StatusChange {
  const { completion, failure, target: goal } = record.memory;
  const status = statusOf(record.state, failure);
  const target = goal ?? completion?.target;
  const isComplete = status === 's3_completed' || status === 'completed';
  const sizeBytes = (isComplete ? completion?.sizeBytes : undefined) ?? record.seen?.sizeBytes ?? 0;
  return { seq, status, bucket: target?.bucket ?? '', key: target?.key ?? '', sizeBytes, atMs };
}
