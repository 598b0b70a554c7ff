// A writer check that answers what its scenario says: per stream, else the default; or a failure once.

import type { Failure } from '../../src/machines/failure.ts';
import type { StreamId } from '../../src/machines/ids.ts';
import type { WriterCheck, WriterPresence } from '../../src/ports/writer-check.ts';

export interface ScriptedWriterCheck extends WriterCheck {
  set(id: StreamId, presence: WriterPresence): void;
  /** For streams without a word of their own. */
  otherwise: WriterPresence;
  /** The outcome of the next look, instead. */
  failNext: Failure | null;
  readonly looks: () => number;
}

export function createScriptedWriterCheck(otherwise: WriterPresence = 'none'): ScriptedWriterCheck {
  const presences = new Map<StreamId, WriterPresence>();
  let looks = 0;
  const check: ScriptedWriterCheck = {
    otherwise,
    failNext: null,
    looks: () => looks,
    set: (id, presence) => void presences.set(id, presence),
    async look(files) {
      looks += 1;
      const failure = check.failNext;
      check.failNext = null;
      if (failure) return { ok: false, failure };
      const found = files.map(({ streamId }) => [streamId, presences.get(streamId) ?? check.otherwise] as const);
      return { ok: true, value: new Map(found) };
    },
  };
  return check;
}
