// A stream as people see it, made from its snapshot.

import { failureRow } from '../machines/failure.ts';
import { countHeld } from '../machines/part-ledger.ts';
import { bytesOfParts } from '../machines/part-plan.ts';
import { type StreamContext, sizeOf } from '../machines/stream.context.ts';
import { supersededIn } from '../machines/stream.generations.ts';
import { planOf } from '../machines/stream.guards.ts';
import { statusOf } from '../machines/stream-status.ts';
import type { FailureView, StreamView } from '../ports/stream-view.ts';

/** Bytes that S3 acknowledged and that the file still begins with; parts beyond a gap do not count. */
export function sentBytesOf(context: StreamContext): number {
  const { completion, generation, parts } = context.memory;
  if (completion?.generation === generation) return completion.sizeBytes;
  return Math.min(bytesOfParts(planOf(context), parts.contiguous), context.memory.sentEndBytes);
}

/** While a stream goes on into another upload, the former one still holds what it held. */
const heldBytesOf = (context: StreamContext): number =>
  Math.max(sentBytesOf(context), ...supersededIn(context).map((left) => left.sentEndBytes));

/** `settled`: the last state that was an outcome. While a stream recovers its status is still that one's. */
export function viewOf(state: string, context: StreamContext, settled = state): StreamView {
  const { memory } = context;
  const sizeBytes = sizeOf(context);
  const sentBytes = sentBytesOf(context);
  return {
    id: context.streamId,
    state,
    status: statusOf(settled, memory.failure),
    path: memory.path,
    folder: memory.folder,
    bucket: memory.target?.bucket ?? null,
    key: memory.target?.key ?? null,
    uploadId: memory.upload?.uploadId ?? null,
    generation: memory.generation,
    sizeBytes,
    sentBytes,
    atRiskBytes: Math.max(0, sizeBytes - heldBytesOf(context)),
    partsHeld: countHeld(memory.parts),
    startedAtMs: memory.startedAtMs,
    lastActivityMs: context.lastActivityMs,
    writer: context.writer.presence,
    attempt: context.attempt,
    notBeforeMs: context.notBeforeMs,
    failure: failureViewOf(context),
    finalizeReason: memory.finalizeReason,
    completion: memory.completion,
    leftUploads: memory.leftUploads,
  };
}

function failureViewOf({ memory }: StreamContext): FailureView | null {
  if (!memory.failure) return null;
  const { code, detail } = memory.failure;
  return { code, detail, ...failureRow(code) };
}
