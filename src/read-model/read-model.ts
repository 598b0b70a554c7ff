// What status, metrics, API and page show: the newest view of each stream, and sums over all. Fed by the actors; a copy to look
// at, lost with the process; the journal is what remembers.
//
// R1. A change costs the same for one stream and for ten thousand: one atom per stream, and a store for the sums.
//     Who watches is told which stream changed, not how: it looks when it wants to. Nobody watching costs nothing.
// R2. Bounded: streams that need nothing more are shown as long as they are among the newest MAX_FINISHED; living and failed
//     ones, and those that left an upload behind, are always shown: `gc` aborts what no stream shows.

import { type Atom, createAtom, createStore } from '@xstate/store';
import type { StreamId } from '../machines/ids.ts';
import type { StreamStatus } from '../machines/stream-status.ts';
import type { StreamView } from '../ports/stream-view.ts';
import type { DaemonView, Views } from '../ports/views.ts';
import { troublesOf } from './troubles.ts';
import { UnsentAge } from './unsent-age.ts';

/** About 1 MB of views; what is older is in the journal and beside the objects. */
export const MAX_FINISHED = 1_000;
/** A page of 1,000 views is about 1 MB of JSON. */
export const MAX_PAGE = 1_000;

const FINISHED: ReadonlySet<StreamStatus> = new Set(['completed', 'aborted_no_parts', 'aborted_by_operator']);

export interface PageRequest {
  /** 1 to MAX_PAGE. */
  readonly limit: number;
  /** Id after which the page begins. The stream itself need not exist any more. */
  readonly after?: string;
  /** A dotted state or the beginning of one: `active`, `finalizing.verifying`. */
  readonly state?: string;
}

/** A view, and what only the succession of views tells. */
export interface ShownStream extends StreamView {
  /** When the oldest byte at risk was seen first, epoch ms; null: everything is safe. */
  readonly unsentSinceMs: number | null;
}

export interface Page {
  readonly streams: readonly ShownStream[];
  /** `after` of the next page; null: this was the last. */
  readonly next: StreamId | null;
}

export interface Totals {
  readonly streams: number;
  /** By the first word of the state. */
  readonly byState: Readonly<Record<string, number>>;
  readonly byStatus: Readonly<Record<string, number>>;
  readonly atRiskBytes: number;
  readonly sizeBytes: number;
  readonly sentBytes: number;
}

export interface Readiness {
  readonly ready: boolean;
  readonly reasons: readonly string[];
}

/** Told in the turn in which something changed: note it and return. */
export interface Watching {
  streamChanged(id: StreamId): void;
  /** Also of a finished stream that made room for a newer one. */
  streamForgotten(id: StreamId): void;
  daemonChanged(): void;
}

export interface ReadModel extends Views {
  /** Until the returned function is called. */
  watch(watching: Watching): () => void;
  /** In the order of ids, so that pages neither repeat nor skip a stream that exists throughout. */
  list(request: PageRequest): Page;
  /** The whole id, or the beginning of exactly one. */
  one(id: string): ShownStream | null;
  totals(): Totals;
  daemon(): DaemonView;
  readiness(): Readiness;
  /** The largest number of bytes that one stream alone has at risk. */
  largestAtRiskBytes(): number;
  /** 0 when everything is safe. */
  oldestUnsentAgeMs(nowMs: number): number;
}

interface Shown {
  readonly atom: Atom<StreamView>;
  readonly age: UnsentAge;
}

const UNBORN: DaemonView = {
  phase: 'booting',
  reasons: [],
  instance: '',
  folders: [],
  startedAtMs: 0,
  runningSinceMs: null,
  objectStoreReachable: null,
  registryReachable: null,
  journalWritable: true,
  troubles: [],
  lastTickAtMs: null,
  lastStaleScanAtMs: null,
  lastSweepAtMs: null,
  partsInFlight: 0,
  heldBytes: 0,
};

const NOTHING: Totals = { streams: 0, byState: {}, byStatus: {}, atRiskBytes: 0, sizeBytes: 0, sentBytes: 0 };

export function createReadModel(): ReadModel {
  const shown = new Map<string, Shown>();
  /** Ids in the order in which they finished. */
  const finished = new Set<StreamId>();
  let sortedIds: readonly string[] | null = null;
  const watchers = new Set<Watching>();
  const daemon = createAtom(UNBORN);
  const totals = createStore({
    context: NOTHING,
    on: {
      counted: (context, { before, after }: { before: StreamView | null; after: StreamView | null }) =>
        counted(context, before, after),
    },
  });

  function drop(id: StreamId): void {
    const entry = shown.get(id);
    if (!entry) return;
    totals.trigger.counted({ before: entry.atom.get(), after: null });
    shown.delete(id);
    finished.delete(id);
    sortedIds = null;
    for (const watcher of watchers) watcher.streamForgotten(id);
  }

  function noteEnd(view: StreamView): void {
    finished.delete(view.id);
    if (!FINISHED.has(view.status) || view.leftUploads.length > 0) return;
    finished.add(view.id);
    const [oldest] = finished;
    if (finished.size > MAX_FINISHED && oldest !== undefined) drop(oldest);
  }

  return {
    streamChanged(view) {
      const entry = shown.get(view.id);
      totals.trigger.counted({ before: entry?.atom.get() ?? null, after: view });
      if (entry) entry.atom.set(view);
      else sortedIds = null;
      const current = entry ?? { atom: createAtom(view), age: new UnsentAge() };
      shown.set(view.id, current);
      current.age.note(view.sizeBytes, FINISHED.has(view.status) ? 0 : view.atRiskBytes, view.lastActivityMs);
      for (const watcher of watchers) watcher.streamChanged(view.id);
      noteEnd(view);
    },
    streamForgotten: drop,
    daemonChanged(change) {
      const changed = { ...daemon.get(), ...change };
      daemon.set({ ...changed, troubles: troublesOf(changed) });
      for (const watcher of watchers) watcher.daemonChanged();
    },
    watch(watching) {
      watchers.add(watching);
      return () => watchers.delete(watching);
    },

    list(request) {
      sortedIds ??= [...shown.keys()].sort();
      return pageOf(sortedIds, request, (id) => shownStream(shown.get(id)));
    },
    one(id) {
      const exact = shownStream(shown.get(id));
      if (exact) return exact;
      const found = [...shown.keys()].filter((known) => known.startsWith(id)).slice(0, 2);
      return found.length === 1 && id !== '' ? shownStream(shown.get(found[0] ?? '')) : null;
    },
    totals: () => totals.getSnapshot().context,
    daemon: () => daemon.get(),
    readiness: () => readinessOf(daemon.get()),
    largestAtRiskBytes: () => [...shown.values()].reduce((most, { atom }) => Math.max(most, atom.get().atRiskBytes), 0),
    oldestUnsentAgeMs(nowMs) {
      let sinceMs = nowMs;
      for (const { age } of shown.values()) sinceMs = Math.min(sinceMs, age.sinceMs() ?? nowMs);
      return nowMs - sinceMs;
    },
  };
}

const shownStream = (entry: Shown | undefined): ShownStream | null =>
  entry ? { ...entry.atom.get(), unsentSinceMs: entry.age.sinceMs() } : null;

function readinessOf({ phase, reasons }: DaemonView): Readiness {
  if (phase === 'running') return { ready: reasons.length === 0, reasons };
  if (phase === 'standby') return { ready: false, reasons: reasons.map((reason) => `standby: ${reason}`) };
  return { ready: false, reasons: [phase, ...reasons] };
}

function pageOf(sortedIds: readonly string[], request: PageRequest, view: (id: string) => ShownStream | null): Page {
  const streams: ShownStream[] = [];
  const first = request.after === undefined ? 0 : firstAbove(sortedIds, request.after);
  for (const id of sortedIds.slice(first)) {
    const found = view(id);
    if (!found || !stateMatches(found.state, request.state)) continue;
    if (streams.length === request.limit) return { streams, next: streams.at(-1)?.id ?? null };
    streams.push(found);
  }
  return { streams, next: null };
}

const stateMatches = (state: string, wanted: string | undefined): boolean =>
  wanted === undefined || state === wanted || state.startsWith(`${wanted}.`);

function firstAbove(sorted: readonly string[], id: string): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] ?? '') > id) high = middle;
    else low = middle + 1;
  }
  return low;
}

function counted(totals: Totals, before: StreamView | null, after: StreamView | null): Totals {
  const change = (field: 'atRiskBytes' | 'sizeBytes' | 'sentBytes'): number =>
    totals[field] + (after?.[field] ?? 0) - (before?.[field] ?? 0);
  return {
    streams: totals.streams + (after ? 1 : 0) - (before ? 1 : 0),
    byState: moved(totals.byState, before ? topState(before) : null, after ? topState(after) : null),
    byStatus: moved(totals.byStatus, before?.status ?? null, after?.status ?? null),
    atRiskBytes: change('atRiskBytes'),
    sizeBytes: change('sizeBytes'),
    sentBytes: change('sentBytes'),
  };
}

const topState = (view: StreamView): string => view.state.split('.')[0] ?? view.state;

function moved(counts: Totals['byState'], from: string | null, to: string | null): Totals['byState'] {
  if (from === to) return counts;
  const next: Record<string, number> = { ...counts };
  if (from !== null) next[from] = (next[from] ?? 0) - 1;
  if (to !== null) next[to] = (next[to] ?? 0) + 1;
  return next;
}
