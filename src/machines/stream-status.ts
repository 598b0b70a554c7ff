// The words that Redis, the API and the logs use for a state: derived from the state alone (and, for `failed`, from its failure),
// so that a status can never disagree with it. The table is part of the contract.

import { type Failure, kindOf } from './failure.ts';

export type StreamStatus =
  | 'active'
  | 'pending_completion'
  | 'finalizing'
  | 's3_completed'
  | 'completed'
  | 'aborted_no_parts'
  | 'aborted_by_operator'
  | 'failed_source'
  | 'failed_s3_complete'
  | 'failed_conflict'
  | 'failed_finalization';

export const STATUS_SETS = [
  'streams:active',
  'streams:pending_completion',
  'streams:pending_metadata',
  'streams:completed',
  'streams:failed',
  'streams:aborted',
] as const;
export type StatusSet = (typeof STATUS_SETS)[number];

const SET_OF_STATUS: Record<StreamStatus, StatusSet> = {
  active: 'streams:active',
  pending_completion: 'streams:pending_completion',
  finalizing: 'streams:pending_completion',
  s3_completed: 'streams:pending_metadata',
  completed: 'streams:completed',
  aborted_no_parts: 'streams:aborted',
  aborted_by_operator: 'streams:aborted',
  failed_source: 'streams:failed',
  failed_s3_complete: 'streams:failed',
  failed_conflict: 'streams:failed',
  failed_finalization: 'streams:failed',
};

export const setOf = (status: StreamStatus): StatusSet => SET_OF_STATUS[status];

/** Of a status as somebody else wrote it; null: there is no such status. */
export const setOfText = (status: string): StatusSet | null =>
  Object.hasOwn(SET_OF_STATUS, status) ? SET_OF_STATUS[status as StreamStatus] : null;

/** States in which nothing is owed any more and the actor leaves the supervisor. */
export const LEAVING_STATES: readonly string[] = [
  's3_completed.done',
  'aborted_no_parts.done',
  'aborted_no_parts.by_operator',
];

export const isFinal = (state: string): boolean => LEAVING_STATES.includes(state);

/** `state` is dotted, as in a record. The failure's `during` tells whether it came from Complete itself. */
export function statusOf(state: string, failure: Failure | null): StreamStatus {
  const [top = '', sub = ''] = state.split('.');
  switch (top) {
    case 'pending_completion':
      return 'pending_completion';
    case 'finalizing':
      return 'finalizing';
    case 's3_completed':
      return sub === 'done' ? 'completed' : 's3_completed';
    case 'aborted_no_parts':
      return sub === 'by_operator' ? 'aborted_by_operator' : 'aborted_no_parts';
    case 'failed':
      return failedStatus(failure);
    default:
      return 'active';
  }
}

function failedStatus(failure: Failure | null): StreamStatus {
  if (!failure) return 'failed_finalization';
  if (kindOf(failure) === 'conflict') return 'failed_conflict';
  if (failure.code.startsWith('source_')) return 'failed_source';
  if (failure.during === 'finalizing.completing') return 'failed_s3_complete';
  return 'failed_finalization';
}
