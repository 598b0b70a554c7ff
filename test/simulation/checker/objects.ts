// I4, one object: each generation of a stream becomes one object, nothing is doubled, nobody else's object is overwritten. I5, no leaked
// upload: what is open at the end is listed by somebody.

import type { Evidence, Violation } from './evidence.ts';
import { generationIn, type History, type Request, short, streamIn } from './history.ts';

export function doubles(evidence: Evidence, history: History): Violation[] {
  const made = [...history.requests.values()]
    .filter(({ sent, executed }) => sent.operation === 'completeUpload' && executed?.digest)
    .sort((a, b) => (a.executedAt ?? 0) - (b.executedAt ?? 0));
  return [...sameGeneration(made, history), ...sameBytes(made, evidence, history), ...overwritten(made, evidence)].map(
    (sentence) => ({ invariant: 'I4', sentence }),
  );
}

function* sameGeneration(made: readonly Request[], history: History): Iterable<string> {
  const seen = new Map<string, Request>();
  for (const request of made) {
    const { metadata } = request.executed as NonNullable<Request['executed']>;
    const name = `${streamIn(metadata)}/${generationIn(metadata)}`;
    const before = seen.get(name);
    seen.set(name, request);
    // A daemon that lost its memory counts from the objects that it finds, under the name that the file has now.
    const isElsewhere = before?.sent.key !== request.sent.key && history.forgotAt >= 0;
    if (!before || isElsewhere || history.forgotAt > before.at) continue;
    yield `generation ${generationIn(metadata)} of stream ${short(streamIn(metadata) ?? '?')} became two objects: ${before.sent.key} and ${request.sent.key} (event ${request.executedAt})`;
  }
}

/** Sent a second time though the object was there and the file had not changed. */
function* sameBytes(made: readonly Request[], { events }: Evidence, history: History): Iterable<string> {
  for (const [index, request] of made.entries()) {
    const executed = request.executed as NonNullable<Request['executed']>;
    const id = streamIn(executed.metadata);
    const former = made.slice(0, index).findLast((each) => streamIn(each.executed?.metadata ?? null) === id);
    if (!id || former?.executed?.digest !== executed.digest) continue;
    const [from, to] = [former.executedAt ?? 0, request.executedAt ?? 0];
    const changed = (history.versions.get(id) ?? []).some(
      ({ at, file }) => at > former.at && at < to && file.digest !== executed.digest,
    );
    const isGone = events.some(
      (event, at) =>
        at > from &&
        at < to &&
        event.kind === 'fault' &&
        (event.what === 'foreign_put' || event.what === 'object_deleted') &&
        event.detail === former.sent.key,
    );
    // Under another name and with nothing remembered, or only what Redis knew before, nobody can know of the first.
    const isForgotten = former.sent.key !== request.sent.key && history.forgotAt >= 0;
    if (!changed && !isGone && !isForgotten)
      yield `stream ${short(id)} was sent twice: the object ${former.sent.key} (event ${from}) already was the file, as ${request.sent.key} is again (event ${to})`;
  }
}

function* overwritten(made: readonly Request[], { events }: Evidence): Iterable<string> {
  const puts = events.flatMap((event, at) =>
    event.kind === 'fault' && event.what === 'foreign_put' ? [{ at, key: event.detail }] : [],
  );
  for (const { sent, executed, executedAt } of made) {
    const mine = streamIn(executed?.metadata ?? null);
    const before = made.findLast((each) => each.sent.key === sent.key && (each.executedAt ?? 0) < (executedAt ?? 0));
    const theirs = streamIn(before?.executed?.metadata ?? null);
    if (theirs && theirs !== mine)
      yield `the object ${sent.key} of stream ${short(theirs)} was overwritten by stream ${short(mine ?? '?')} (event ${executedAt})`;
    if (puts.some(({ at, key }) => key === sent.key && at < (executedAt ?? 0) && at > (before?.executedAt ?? -1)))
      yield `somebody else's object ${sent.key} was overwritten (event ${executedAt})`;
  }
}

export function leaks(evidence: Evidence, history: History): Violation[] {
  const listed = new Set<string>();
  for (const { state, memory } of evidence.records)
    if (state.startsWith('failed.') && memory.upload) listed.add(memory.upload.uploadId);
  for (const moves of history.moves.values())
    for (const { event } of moves) for (const left of event.left) listed.add(left.uploadId);
  for (const record of evidence.records) for (const left of record.memory.leftUploads) listed.add(left.uploadId);
  const openedBy = new Map([...history.requests.values()].map((request) => [request.executed?.uploadId, request]));
  const lastDaemon = evidence.events.findLast((event) => event.kind === 'daemon.started')?.daemon;
  /** Of what a daemon had opened and not recorded when it died, only a list of uploads can tell. */
  const canBeFound = (uploadId: string): boolean =>
    evidence.listsUploads ||
    [...history.moves.values()].some((moves) =>
      moves.some(({ event }) => event.uploadId === uploadId && event.daemon === lastDaemon),
    );
  return evidence.uploads
    .filter(({ uploadId }) => !listed.has(uploadId) && canBeFound(uploadId))
    .filter(({ uploadId }) => (openedBy.get(uploadId)?.at ?? -1) > history.forgotAt)
    .filter(({ metadata }) => !evidence.unfinished.has(streamIn(metadata) ?? ('' as never)))
    .map(({ uploadId, key, parts }) => ({
      invariant: 'I5',
      sentence: `upload ${uploadId} of ${key} (${parts} parts) is open at the end, and nobody lists it`,
    }));
}
