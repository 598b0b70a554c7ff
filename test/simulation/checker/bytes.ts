// I1, no byte lost, and I2, no corruption: what was carried is the file at the instant that is claimed for it, and whatever can still
// be read has been carried in the end.

import { ASIDE_PREFIX } from '../../../src/machines/aside-path.ts';
import type { StreamRecord } from '../../../src/machines/stream-record.ts';
import type { Evidence, FileState, S3Operation, Violation } from './evidence.ts';
import { type History, isPart, short, storedAt, streamIn, versionWith } from './history.ts';

const END = Number.MAX_SAFE_INTEGER;
/** A file that is there may stay without an object for these causes only: somebody has to decide. */
const EXCUSED: readonly string[] = ['foreign_object', 'file_too_large', 'key_too_long'];

export function lostBytes(evidence: Evidence, history: History): Violation[] {
  const records = new Map(evidence.records.map((record) => [record.streamId, record]));
  const sentences = [
    ...evidence.files.map((file) => notCarried(file, records.get(file.streamId), evidence, history)),
    ...[...history.unlinked.keys()].map((id) => {
      const last = history.versions.get(id)?.at(-1)?.file;
      const isThere = evidence.files.some((file) => file.streamId === id);
      if (!last || isThere || !wasHeldToTheEnd(evidence, history, id)) return null;
      return notCarried(last, records.get(id), evidence, history);
    }),
    ...[...history.requests.values()].map((request) => abortedWithParts(request, evidence, history)),
  ];
  return sentences.filter((sentence) => sentence !== null).map((sentence) => ({ invariant: 'I1', sentence }));
}

function notCarried(
  file: FileState,
  record: StreamRecord | undefined,
  evidence: Evidence,
  history: History,
): string | null {
  const who = `${file.path} (stream ${short(file.streamId)}, ${file.sizeBytes} bytes)`;
  if (evidence.unfinished.has(file.streamId) || history.givenUp.has(file.streamId)) return null;
  // It lies aside because its object was proven: what was remembered of that was lost since then.
  if (file.path.includes(ASIDE_PREFIX) && history.forgotAt >= 0) return null;
  if (!record) return file.sizeBytes === 0 ? null : `${who} is not known to the journal`;
  if (record.state === 'failed.ended') {
    const code = record.memory.failure?.code ?? 'no reason';
    return EXCUSED.includes(code) ? null : `${who} can be read, but its stream gave up: ${code}`;
  }
  if (record.state === 'aborted_no_parts.done')
    return file.sizeBytes === 0 ? null : `${who} has bytes, but its stream ended as aborted_no_parts`;
  const { completion } = record.memory;
  if (record.state !== 's3_completed.done' || !completion) return `${who} ended as ${record.state} without an object`;
  const object = evidence.objects.find(({ key }) => key === completion.target.key);
  if (!object) return `${who} is called completed, but there is no object ${completion.target.key}`;
  if (object.digest === file.digest) return null;
  return `${who} is called completed, but the object ${object.key} (${object.sizeBytes} bytes) has other bytes`;
}

/** Some daemon had the stream under way when the last name went, and that daemon lived on: it holds the descriptor. */
function wasHeldToTheEnd(evidence: Evidence, history: History, id: FileState['streamId']): boolean {
  const unlinkedAt = history.unlinked.get(id) ?? END;
  const before = history.moves.get(id)?.findLast(({ at }) => at < unlinkedAt);
  // A stream that had left let go of the file.
  if (!before || before.event.state === 'recovering' || before.event.state.endsWith('.done')) return false;
  if (before.event.state.startsWith('failed.')) return false;
  if (!evidence.seesWriters) return false;
  return !evidence.events.some(
    (event, at) => at > before.at && event.kind === 'daemon.ended' && event.daemon === before.event.daemon,
  );
}

function abortedWithParts(
  { sent, executed, at }: NonNullable<ReturnType<History['requests']['get']>>,
  _evidence: Evidence,
  history: History,
): string | null {
  if (sent.operation !== 'abortUpload' || executed?.outcome !== 'ok' || executed.held === 0) return null;
  const owner = [...history.moves].find(([, moves]) =>
    moves.some(({ event }) => event.uploadId === sent.uploadId),
  )?.[0];
  if (owner && history.givenUp.has(owner)) return null;
  if (wasOutlived(sent.uploadId, at, history)) return null;
  return `${sent.daemon} aborted upload ${sent.uploadId} of ${sent.key}, which held ${executed.held} parts (event ${at})`;
}

/** The stream had gone on in another upload, and that one's object was proven before. */
const wasOutlived = (uploadId: string | null, before: number, history: History): boolean =>
  [...history.moves.values()].some((moves) =>
    moves.some(
      ({ at, event: { state, left } }) =>
        at < before &&
        state === 's3_completed.clearing' &&
        left.some((each) => each.uploadId === uploadId && each.why === 'rolled_over'),
    ),
  );

export function corruption(evidence: Evidence, history: History): Violation[] {
  return [
    ...provenWrongly(history),
    ...madeOfNothing(history),
    ...completedBeside(evidence, history),
    ...completedUnderAWriter(evidence),
  ].map((sentence) => ({ invariant: 'I2', sentence }));
}

/** Two looks at the writers, and what else comes before Complete, take less than this. */
const WRITER_UNSEEN_MS = 1_500;

/** While a writer is known to hold the file open, no idle time finalizes it (P8). */
function* completedUnderAWriter({ events, seesWriters }: Evidence): Iterable<string> {
  if (!seesWriters) return;
  const openSinceMs = new Map<string, number>();
  const wished = new Set<string>();
  const pausedUntilMs = new Map<string, number>();
  const streamOf = new Map<string | null, string>();
  for (const [at, event] of events.entries()) {
    if (event.kind === 'stream') streamOf.set(event.uploadId, event.streamId);
    if (event.kind === 'paused') pausedUntilMs.set(event.daemon, event.atMs + event.ms);
    if (event.kind === 'wish' && event.wish === 'finalize') wished.add(event.streamId);
    if (event.kind === 'writer') {
      const since = openSinceMs.get(event.streamId);
      if (event.isOpen && since === undefined) openSinceMs.set(event.streamId, event.atMs);
      if (!event.isOpen) openSinceMs.delete(event.streamId);
    }
    if (event.kind !== 's3.sent' || event.operation !== 'completeUpload') continue;
    const id = streamOf.get(event.uploadId) ?? '';
    // Who stands still sees nothing: what was looked at before counts from then on.
    const sinceMs = laterOf(openSinceMs.get(id), pausedUntilMs.get(event.daemon));
    if (sinceMs !== undefined && event.atMs - sinceMs > WRITER_UNSEEN_MS && !wished.has(id))
      yield `Complete of ${event.uploadId} was sent while a writer had held the file open for ${event.atMs - sinceMs} ms (event ${at})`;
  }
}

const laterOf = (since: number | undefined, paused = 0): number | undefined =>
  since === undefined ? undefined : Math.max(since, paused);

/** Whatever is called completed is the file as the freeze saw it. */
function* provenWrongly(history: History): Iterable<string> {
  for (const [id, moves] of history.moves)
    for (const { at, event } of moves) {
      const { completion, state } = event;
      if (!completion || !state.startsWith('s3_completed.')) continue;
      const { key } = completion.target;
      const file = versionWith(history, id, completion.freeze, at);
      const stored = storedAt(history, key, at);
      const object = stored.at(-1)?.executed;
      // An old record that was put back says what was true then.
      const isOld = history.forgotAt >= 0 && stored.some(({ executed }) => executed?.digest === file?.digest);
      if (!file) yield `stream ${short(id)} was completed for a freeze that its file never had (event ${at})`;
      else if (!object) yield `stream ${short(id)} was called completed, but nothing was ever stored at ${key}`;
      else if (object.digest !== file.digest && !isOld)
        yield `the object ${key} was called completed for stream ${short(id)}, but is not the file as the freeze saw it (${file.sizeBytes} bytes, event ${at})`;
    }
}

/** Whatever Complete made was the whole file at some instant. */
function* madeOfNothing(history: History): Iterable<string> {
  for (const { sent, executed, executedAt } of history.requests.values()) {
    if (sent.operation !== 'completeUpload' || !executed?.digest) continue;
    const id = streamIn(executed.metadata);
    const versions = (id && history.versions.get(id)) ?? [];
    if (versions.some(({ at, file }) => at < (executedAt ?? 0) && file.digest === executed.digest)) continue;
    yield `Complete of ${sent.uploadId} made an object at ${sent.key} that its file never was (event ${executedAt})`;
  }
}

/** Complete is alone: no part of its upload and no other Complete is under way when it is sent or executed. */
function* completedBeside({ events }: Evidence, { faults }: History): Iterable<string> {
  // Put back within the time in which a request may still arrive, an old STATE_DIR cannot know of it.
  const rolledBackAt = Math.max(faults.get('state_dir_rolled_back') ?? -1, faults.get('record_damaged') ?? -1);
  const under = new Map<
    number,
    { readonly at: number; readonly uploadId: string; readonly operation: S3Operation; readonly n: number | null }
  >();
  for (const [at, event] of events.entries()) {
    if (event.kind === 's3.lost') under.delete(event.request);
    const isSent = event.kind === 's3.sent' && event.operation === 'completeUpload';
    const executed = event.kind === 's3.executed' ? under.get(event.request) : undefined;
    if (event.kind === 's3.executed') under.delete(event.request);
    const uploadId = isSent ? event.uploadId : executed?.operation === 'completeUpload' ? executed.uploadId : null;
    const beside = uploadId && [...under.values()].find((other) => other.uploadId === uploadId);
    if (beside && beside.at > rolledBackAt)
      yield `Complete of ${uploadId} was ${isSent ? 'sent' : 'executed'} while ${
        isPart(beside.operation) ? `part ${beside.n}` : 'another Complete'
      } of it was under way (event ${at})`;
    if (event.kind !== 's3.sent' || event.uploadId === null) continue;
    if (isPart(event.operation) || event.operation === 'completeUpload')
      under.set(event.request, { at, uploadId: event.uploadId, operation: event.operation, n: event.partNumber });
  }
}
