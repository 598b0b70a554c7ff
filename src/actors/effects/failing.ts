// The outcome that every effect may have.

import type { Failure } from '../../machines/failure.ts';
import type { StreamEventOf } from '../../machines/stream.events.ts';

export const failed = (failure: Failure, atMs: number): StreamEventOf<'effect.failed'> => ({
  type: 'effect.failed',
  failure,
  atMs,
});
