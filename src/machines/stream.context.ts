// What a stream knows. `memory` is what survives the process (see stream-record.ts) and is replaced, never changed, so that
// a save is due exactly when the state or the reference to `memory` differs. Everything else is of this run only.

import { type FileRef, type FileStat, type Freeze, freezeOf, lastChangeMs } from './file-identity.ts';
import type { StreamId } from './ids.ts';
import { NO_PARTS } from './part-ledger.ts';
import type { WriterPresence } from './stream.events.ts';
import { RECORD_SCHEMA_VERSION, type StreamMemory, type StreamRecord } from './stream-record.ts';
import type { StreamSettings } from './stream-settings.ts';

export interface StreamContext {
  readonly streamId: StreamId;
  readonly settings: StreamSettings;
  readonly memory: StreamMemory;
  /** State of the record that the stream was restored from, or that it came to `recovering` from; null for a new stream. */
  readonly cameFrom: string | null;
  /** The record is in the journal, not in `memory`: `reconcile` fetches it. */
  readonly mustRecall: boolean;
  /** True once what S3 lists was compared with the ledger in this run (or there is nothing to compare). */
  readonly s3Known: boolean;
  /** `reconcile` has to ask S3, whatever was owed. */
  readonly mustAskS3: boolean;
  readonly seen: Freeze | null;
  /** Less than the size while a preallocated or sparse file is being filled. */
  readonly allocatedBytes: number;
  readonly lastActivityMs: number;
  readonly writer: { readonly presence: WriterPresence | 'unasked'; readonly closedAtMs: number | null };
  readonly wishes: { readonly finalize: boolean; readonly abort: boolean };
  /** Part numbers that the verify pass wants to be sent (again). */
  readonly dirty: readonly number[];
  /** True after a whole verify pass in this run: the same freeze only needs its stat to be looked at again. */
  readonly verified: boolean;
  readonly attempt: number;
  readonly notBeforeMs: number;
  /**
   * Until then an attempt without an answer may still arrive. A former process may have died with parts in flight in any state,
   * because sending does not wait for the journal.
   */
  readonly lateArrivalUntilMs: number;
  readonly parkedAtMs: number;
}

export interface StreamInput {
  readonly file: FileRef;
  readonly settings: StreamSettings;
  /** The stored record; null for a file that nothing is remembered of, or that must be recalled. */
  readonly record: StreamRecord | null;
  readonly mustRecall: boolean;
  /** What whoever admitted the stream saw at the path. */
  readonly stat: FileStat | null;
  readonly atMs: number;
}

export const freshMemory = (file: FileRef, atMs: number): StreamMemory => ({
  folder: file.folder,
  path: file.path,
  identity: file.identity,
  startedAtMs: atMs,
  generation: 1,
  freshKey: false,
  target: null,
  upload: null,
  parts: NO_PARTS,
  sentEndBytes: 0,
  freeze: null,
  finalizeReason: null,
  completeDoubtUntilMs: null,
  completion: null,
  failure: null,
  reopenings: 0,
  leftUploads: [],
});

export function initialContext(input: StreamInput): StreamContext {
  const record = input.record;
  const firstStat = record || input.mustRecall ? null : input.stat;
  return {
    streamId: input.file.streamId,
    settings: input.settings,
    memory: record ? memoryOf(record, input) : freshMemory(input.file, input.atMs),
    cameFrom: record && owedIn(record),
    mustRecall: input.mustRecall,
    s3Known: !record?.memory.upload,
    mustAskS3: false,
    seen: record?.seen ?? (firstStat && freezeOf(firstStat)),
    allocatedBytes: Number.MAX_SAFE_INTEGER,
    lastActivityMs: record?.lastActivityMs ?? (firstStat ? Math.min(input.atMs, lastChangeMs(firstStat)) : input.atMs),
    writer: { presence: 'unasked', closedAtMs: null },
    wishes: { finalize: false, abort: false },
    dirty: [],
    verified: false,
    attempt: 0,
    notBeforeMs: 0,
    lateArrivalUntilMs: record?.memory.upload ? input.atMs + input.settings.lateArrivalMs : 0,
    parkedAtMs: input.atMs,
  };
}

/** The doubt is noted at once, so that it is still known when `recovering` parks the stream and the process dies again. */
function memoryOf({ memory, state }: StreamRecord, { file, settings, atMs }: StreamInput): StreamMemory {
  const doubtUntilMs = mayHaveCompleted(state)
    ? Math.max(memory.completeDoubtUntilMs ?? 0, atMs + settings.completeDoubtMs)
    : memory.completeDoubtUntilMs;
  return { ...memory, folder: file.folder, path: file.path, completeDoubtUntilMs: doubtUntilMs };
}

/** A former process may have died with a Complete under way, or done. */
const mayHaveCompleted = (state: string): boolean =>
  state === 'finalizing.completing' || state === 'finalizing.probing' || state === 'finalizing.proving';

/** A stream that was parked or ended owes what failed, with all that may have come of it. */
const owedIn = ({ state, memory }: StreamRecord): string =>
  state.startsWith('failed.') ? (memory.failure?.during ?? state) : state;

export const fileOf = (context: StreamContext): FileRef => ({
  streamId: context.streamId,
  folder: context.memory.folder,
  path: context.memory.path,
  identity: context.memory.identity,
});

export const recordOf = (state: string, context: StreamContext): StreamRecord => ({
  schemaVersion: RECORD_SCHEMA_VERSION,
  streamId: context.streamId,
  state,
  memory: context.memory,
  seen: context.seen,
  lastActivityMs: context.lastActivityMs,
});

export const sizeOf = (context: StreamContext): number => context.seen?.sizeBytes ?? 0;

export type SeenPatch = Pick<StreamContext, 'seen' | 'allocatedBytes' | 'lastActivityMs'>;
