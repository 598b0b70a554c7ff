// What a stream knows. `memory` is what survives the process (see stream-record.ts) and is replaced, never changed, so that
// a save is due exactly when the state or the reference to `memory` differs. Everything else is of this run only.

import type { Failure } from './failure.ts';
import { type FileRef, type FileStat, type Freeze, freezeOf, lastChangeMs } from './file-identity.ts';
import type { StreamId } from './ids.ts';
import { NO_PARTS } from './part-ledger.ts';
import type { WriterPresence } from './stream.events.ts';
import { NO_WISHES, RECORD_SCHEMA_VERSION, type StreamMemory, type StreamRecord } from './stream-record.ts';
import type { StreamSettings } from './stream-settings.ts';

export interface StreamContext {
  readonly streamId: StreamId;
  readonly settings: StreamSettings;
  readonly memory: StreamMemory;
  /** State of the record that the stream was restored from: what is shown of it until there is an outcome. */
  readonly restoredState: string | null;
  /** State whose work the record that the stream was restored from owes; null for a new stream. */
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
  /** Part numbers that the verify pass wants to be sent (again). */
  readonly dirty: readonly number[];
  /** True after a whole verify pass in this run: the same freeze only needs its stat to be looked at again. */
  readonly verified: boolean;
  /** How often S3 refused this upload's parts, or did not list them as recorded. */
  readonly partRefusals: number;
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
  completeRefusal: null,
  completion: null,
  failure: null,
  wishes: NO_WISHES,
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
    restoredState: record?.state ?? null,
    cameFrom: record && owedBy(record),
    mustRecall: input.mustRecall,
    s3Known: !record?.memory.upload,
    mustAskS3: false,
    seen: record?.seen ?? (firstStat && freezeOf(firstStat)),
    allocatedBytes: Number.MAX_SAFE_INTEGER,
    lastActivityMs: record
      ? Math.min(record.lastActivityMs, input.atMs)
      : firstStat
        ? Math.min(input.atMs, lastChangeMs(firstStat))
        : input.atMs,
    writer: { presence: 'unasked', closedAtMs: null },
    dirty: [],
    verified: false,
    partRefusals: 0,
    attempt: 0,
    notBeforeMs: 0,
    lateArrivalUntilMs: record?.memory.upload ? input.atMs + input.settings.lateArrivalMs : 0,
    parkedAtMs: input.atMs,
  };
}

/**
 * The doubt is noted at once, so that it is still known when `recovering` parks the stream and the process dies again. It begins anew:
 * between two runs the wall clock may have been set, so that a stored moment may be far ahead, or past too soon.
 */
function memoryOf({ memory, state }: StreamRecord, { file, settings, atMs }: StreamInput): StreamMemory {
  const isInDoubt = mayHaveCompleted(state) || memory.completeDoubtUntilMs !== null;
  const doubtUntilMs = isInDoubt ? atMs + settings.completeDoubtMs : null;
  return { ...memory, folder: file.folder, path: file.path, completeDoubtUntilMs: doubtUntilMs };
}

/** A former process may have died with a Complete under way, or done. */
const mayHaveCompleted = (state: string): boolean =>
  state === 'finalizing.completing' || state === 'finalizing.probing' || state === 'finalizing.proving';

/** A stream that was parked or ended owes what failed, with all that may have come of it. */
export const owedBy = ({ state, memory }: StreamRecord): string =>
  state.startsWith('failed.') ? (memory.failure?.owed ?? memory.failure?.during ?? state) : state;

/** What failed first and was not done since: failures on the way back to it do not make it forgotten. */
export const owedIn = (failure: Failure | null): string | null =>
  failure?.owed ?? (failure?.during === 'recovering' ? null : (failure?.during ?? null));

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
export type Patch = Partial<StreamContext>;

/** Every change of `memory` replaces the object, which is what makes a save due. */
export const remember = (context: StreamContext, change: Partial<StreamMemory>): Patch => ({
  memory: { ...context.memory, ...change },
});
