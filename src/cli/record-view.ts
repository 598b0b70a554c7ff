// A stored record as the view that a running daemon would show, as far as the journal tells. What only a daemon can know (does a
// writer hold the file? how large is it now?) is as of the last save.

import { failureRow, kindOf } from '../machines/failure.ts';
import { countHeld } from '../machines/part-ledger.ts';
import { bytesOfParts, rangeWithin } from '../machines/part-plan.ts';
import type { StoredRecord, StreamMemory } from '../machines/stream-record.ts';
import { statusOf } from '../machines/stream-status.ts';
import type { FailureView, StreamView } from '../ports/stream-view.ts';

export function viewOfRecord({ record }: StoredRecord): StreamView {
  const { memory } = record;
  const sizeBytes = record.seen?.sizeBytes ?? memory.freeze?.sizeBytes ?? memory.completion?.sizeBytes ?? 0;
  const sentBytes = sentBytesOf(memory, sizeBytes);
  const status = statusOf(record.state, memory.failure);
  const safe = ['s3_completed', 'completed', 'aborted_no_parts'].includes(status);
  return {
    id: record.streamId,
    state: record.state,
    status,
    path: memory.path,
    folder: memory.folder,
    bucket: memory.target?.bucket ?? null,
    key: memory.target?.key ?? null,
    uploadId: memory.upload?.uploadId ?? null,
    generation: memory.generation,
    sizeBytes,
    sentBytes,
    atRiskBytes: safe ? 0 : Math.max(0, sizeBytes - sentBytes),
    partsHeld: countHeld(memory.parts),
    startedAtMs: memory.startedAtMs,
    lastActivityMs: record.lastActivityMs,
    writer: 'unasked',
    attempt: 0,
    notBeforeMs: 0,
    failure: failureViewOf(memory),
    finalizeReason: memory.finalizeReason,
    completion: memory.completion,
    leftUploads: memory.leftUploads,
  };
}

function sentBytesOf({ upload, parts, completion }: StreamMemory, sizeBytes: number): number {
  if (upload === null) return completion?.sizeBytes ?? 0;
  const contiguous = Math.min(bytesOfParts(upload.plan, parts.contiguous), sizeBytes);
  return parts.ahead.reduce((sum, n) => sum + rangeWithin(upload.plan, n, sizeBytes).sizeBytes, contiguous);
}

function failureViewOf({ failure }: StreamMemory): FailureView | null {
  if (failure === null) return null;
  const { hint, cure } = failureRow(failure.code);
  return { code: failure.code, kind: kindOf(failure), detail: failure.detail, hint, cure };
}
