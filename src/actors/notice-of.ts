// What is told outside of a stream that came to a state. Pure.

import { failureRow } from '../machines/failure.ts';
import type { StreamContext } from '../machines/stream.context.ts';
import { type StreamStatus, statusOf } from '../machines/stream-status.ts';
import type { Notice } from '../ports/notifier.ts';

/** null: nothing is told of it. */
export function noticeOf(state: string, { streamId, memory, seen }: StreamContext, atMs: number): Notice | null {
  const status = statusOf(state, memory.failure);
  if (status !== 'completed' && !state.startsWith('failed.')) return null;
  const completion = status === 'completed' ? memory.completion : null;
  const failure = status === 'completed' ? null : memory.failure;
  const target = completion?.target ?? memory.target;
  return {
    id: idOf(`${streamId}-${memory.generation}-${status}`, status, atMs),
    status,
    stream_id: streamId,
    generation: memory.generation,
    path: memory.path,
    bucket: target?.bucket ?? null,
    key: target?.key ?? null,
    size: completion?.sizeBytes ?? seen?.sizeBytes ?? 0,
    etag: completion?.etag ?? null,
    crc32: completion?.crc32 ?? null,
    failure: failure && { code: failure.code, detail: failure.detail, hint: failureRow(failure.code).hint },
    will_retry: state === 'failed.parked',
    at: new Date(atMs).toISOString(),
  };
}

/** A generation is completed once; it may fail several times. */
const idOf = (what: string, status: StreamStatus, atMs: number): string =>
  status === 'completed' ? what : `${what}-${atMs}`;
