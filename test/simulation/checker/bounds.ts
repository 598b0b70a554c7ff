// I6, one writer. I7, bounded: memory, requests, bytes sent again. I8, it ends when faults stop. I9, the source is never harmed.

import { isFinal } from '../../../src/machines/stream-status.ts';
import type { Evidence, Fault, Logged, Violation } from './evidence.ts';
import { type History, isPart, short, storedAt } from './history.ts';

const MAX_TIMERS = 40;
/** Requests about one key within a second, parts apart: whoever asks more often does not wait between its tries. */
const MAX_REQUESTS_A_SECOND = 60;

const as =
  (invariant: Violation['invariant']) =>
  (sentence: string): Violation => ({ invariant, sentence });

/** Then the next lease counts from what the daemon remembers. */
const FORGETS_FENCES: readonly Fault[] = ['registry_emptied', 'registry_rolled_back'];

/** Who took a lease later rules alone: what others say under an older fence is not taken. */
export function usurpers({ events }: Evidence, history: History): Violation[] {
  const sentences: string[] = [];
  if (history.forgotAt >= 0) return [];
  let ruler = { daemon: '', fence: -1 };
  for (const [at, event] of events.entries()) {
    if (event.kind === 'lease' && event.fence > ruler.fence) ruler = event;
    if (event.kind === 'fault' && FORGETS_FENCES.includes(event.what)) ruler = { daemon: '', fence: -1 };
    if (event.kind === 'registry.saved' && event.daemon !== ruler.daemon && event.fence < ruler.fence)
      sentences.push(
        `Redis took a save of ${event.daemon} (fence ${event.fence}) after ${ruler.daemon} had taken the lease (fence ${ruler.fence}, event ${at})`,
      );
  }
  return sentences.map(as('I6'));
}

export function excesses(evidence: Evidence, history: History): Violation[] {
  const { ranWild, timers, records, journalRows, registry, unfinished } = evidence;
  const sentences = [...inFlight(evidence), ...tooOften(evidence), ...sentAgain(evidence, history)];
  if (ranWild) sentences.push('the daemon asked without end while no time passed');
  if (timers > MAX_TIMERS) sentences.push(`${timers} timers wait in a daemon at rest`);
  const finals = new Set(records.filter(({ state }) => isFinal(state)).map(({ streamId }) => streamId));
  for (const id of finals)
    if ((journalRows.get(id) ?? 0) > 0)
      sentences.push(`the journal keeps the ledger of stream ${short(id)}, which is over`);
  for (const { streamId, rows, hasSnapshot } of unfinished.size > 0 ? [] : (registry ?? []))
    if (finals.has(streamId) && (rows > 0 || hasSnapshot))
      sentences.push(`Redis keeps the ledger or snapshot of stream ${short(streamId)}, which is over`);
  return sentences.map(as('I7'));
}

function* inFlight({ events, limits }: Evidence): Iterable<string> {
  const open = new Map<number, { readonly daemon: string; readonly uploadId: string | null }>();
  for (const [at, event] of events.entries()) {
    if (event.kind === 's3.answered') open.delete(event.request);
    if (event.kind === 'daemon.ended')
      for (const [request, { daemon }] of open) if (daemon === event.daemon) open.delete(request);
    if (event.kind !== 's3.sent' || !isPart(event.operation)) continue;
    open.set(event.request, event);
    const all = [...open.values()].filter(({ daemon }) => daemon === event.daemon);
    if (all.length > limits.partsInFlight) yield `${event.daemon} has ${all.length} parts in flight (event ${at})`;
    const ofOne = all.filter(({ uploadId }) => uploadId === event.uploadId).length;
    if (ofOne > limits.partsInFlightPerUpload) yield `${event.uploadId} has ${ofOne} parts in flight (event ${at})`;
  }
}

function* tooOften({ events }: Evidence): Iterable<string> {
  const recent = new Map<string, number[]>();
  const told = new Set<string>();
  for (const event of events) {
    if (event.kind !== 's3.sent' || isPart(event.operation)) continue;
    const times = (recent.get(event.key) ?? []).filter((ms) => ms > event.atMs - 1_000);
    times.push(event.atMs);
    recent.set(event.key, times);
    if (times.length <= MAX_REQUESTS_A_SECOND || told.has(event.key)) continue;
    told.add(event.key);
    yield `${times.length} requests about ${event.key} within a second, the last one ${event.operation}`;
  }
}

/**
 * The very same bytes under the same number again: only for what was not answered, or was under way at a death. An old record may name
 * the file where it is not any more: then what S3 lists can be compared with nothing.
 */
function sentAgain({ events }: Evidence, history: History): string[] {
  if (history.forgotAt >= 0) return [];
  const renamed = renamedUploads(history);
  const ended = new Map<string, number>();
  for (const [at, event] of events.entries()) if (event.kind === 'daemon.ended') ended.set(event.daemon, at);
  let again = 0;
  let excused = 0;
  for (const { sent, executed, answered, at } of history.requests.values()) {
    if (!isPart(sent.operation) || renamed.has(sent.uploadId)) continue;
    again += executed?.held ?? 0;
    if (answered?.answered === false || (!answered && (ended.get(sent.daemon) ?? -1) > at)) excused += 1;
  }
  return again > excused ? [`${again} parts were sent again with the same bytes, ${excused} were in doubt`] : [];
}

/** Uploads of streams whose file was renamed: the newest record may not know it. */
function renamedUploads({ versions, moves }: History): ReadonlySet<string | null> {
  const renamed = new Set<string | null>();
  for (const [id, of] of versions)
    if (new Set(of.map(({ file }) => file.path)).size > 1)
      for (const { event } of moves.get(id) ?? []) renamed.add(event.uploadId);
  return renamed;
}

export function endless({ unfinished, pendingRequests, events }: Evidence): Violation[] {
  const atMs = (phase: string): number =>
    events.find((event): event is Extract<Logged, { kind: 'phase' }> => event.kind === 'phase' && event.phase === phase)
      ?.atMs ?? 0;
  const seconds = Math.round((atMs('over') - atMs('calm')) / 1_000);
  const sentences = [...unfinished].map(
    ([id, state]) => `stream ${short(id)} is still ${state}, ${seconds} s after the last fault`,
  );
  if (pendingRequests > 0) sentences.push(`${pendingRequests} requests are still under way`);
  return sentences.map(as('I8'));
}

export function harm(evidence: Evidence, history: History): Violation[] {
  const sentences = [
    ...evidence.files
      .filter(({ streamId, digest }) => history.versions.get(streamId)?.at(-1)?.file.digest !== digest)
      .map(({ path }) => `${path} is not as its writer left it`),
    ...disposedTooSoon(evidence, history),
  ];
  return sentences.map(as('I9'));
}

/** A source goes only when its very bytes are in its object, and nobody who can be seen writes it. */
function* disposedTooSoon({ events, seesWriters }: Evidence, history: History): Iterable<string> {
  const openSinceMs = new Map<string, number>();
  const completed = new Map<string, string>();
  const pausedUntilMs = new Map<string, number>();
  for (const [at, event] of events.entries()) {
    if (event.kind === 'paused') pausedUntilMs.set('', event.atMs + event.ms);
    if (event.kind === 'stream' && event.completion) completed.set(event.streamId, event.completion.target.key);
    if (event.kind === 'writer' && !event.isOpen) openSinceMs.delete(event.streamId);
    else if (event.kind === 'writer' && !openSinceMs.has(event.streamId)) openSinceMs.set(event.streamId, event.atMs);
    if (event.kind !== 'file.disposed') continue;
    const { streamId, path, digest, sizeBytes } = event.file;
    const made = storedAt(history, completed.get(streamId) ?? '', at);
    // What a writer does whom nobody can see, between the last look and the removal, nobody can know.
    const isUnseen = !seesWriters && openSinceMs.has(streamId);
    if (made.at(-1)?.executed?.digest !== digest && !isUnseen)
      yield `${path} (${sizeBytes} bytes) was ${event.how}, but its object is not the same (event ${at})`;
    const sinceMs = Math.max(openSinceMs.get(streamId) ?? event.atMs, pausedUntilMs.get('') ?? 0);
    if (seesWriters && event.atMs - sinceMs > WRITER_UNSEEN_MS)
      yield `${path} was ${event.how} while a writer had held it open for ${event.atMs - sinceMs} ms (event ${at})`;
  }
}

/** Two looks at the writers, and what else comes before a file goes, take less than this. */
const WRITER_UNSEEN_MS = 1_500;
