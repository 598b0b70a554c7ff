// The streams as the page knows them: the newest view of each, how fast it moves, and what changed its state lately. Fed by the
// list and by events; a copy of a copy, thrown away and read anew after each break.
//
// L1. The order does not flicker: streams that all move stay where they are, and the whole is put in order once a second.
// L2. Bounded: as many streams as the daemon shows, MAX_LATELY transitions.

import type { ShownStream } from '../../read-model/read-model.ts';
import { AT_REST, type Rate, RateMeter } from './rates.ts';
import { isAtRest, topOf } from './state-words.ts';
import { shown } from './words.ts';

export interface Transition {
  readonly serial: number;
  readonly atMs: number;
  readonly id: string;
  readonly path: string;
  readonly folder: string;
  /** null: the stream is new. */
  readonly from: string | null;
  readonly to: string;
}

export interface Filter {
  /** Top state; null: all. */
  readonly state: string | null;
  /** Part of the path, the key, or beginning of the id. */
  readonly text: string;
}

/** More than anybody reads. */
const MAX_LATELY = 200;
const ORDER_EVERY_MS = 1_000;
/** Who moved within this time counts as moving now: they keep their order among themselves. */
const MOVING_MS = 60_000;

interface Entry {
  view: ShownStream;
  readonly meter: RateMeter;
  /** What the text filter looks through. */
  words: string;
}

export interface Growth {
  readonly writtenBytes: number;
  readonly sentBytes: number;
}

export class StreamList {
  readonly #entries = new Map<string, Entry>();
  #order: readonly string[] = [];
  #orderedAtMs = Number.NEGATIVE_INFINITY;
  #orderIsStale = false;
  #lately: readonly Transition[] = [];
  #serial = 0;

  get size(): number {
    return this.#entries.size;
  }

  /** Newest first. */
  get lately(): readonly Transition[] {
    return this.#lately;
  }

  one(id: string): ShownStream | null {
    return this.#entries.get(id)?.view ?? null;
  }

  /** The whole id, or the beginning of exactly one. */
  find(beginning: string): ShownStream | null {
    const exact = this.one(beginning);
    if (exact) return exact;
    const found = [...this.#entries.keys()].filter((id) => id.startsWith(beginning)).slice(0, 2);
    return found.length === 1 ? this.one(found[0] ?? '') : null;
  }

  rate(id: string, nowMs: number): Rate {
    return this.#entries.get(id)?.meter.at(nowMs) ?? AT_REST;
  }

  /** The stream whose oldest byte waits longest; null: all is safe. */
  longestUnsent(): ShownStream | null {
    let longest: ShownStream | null = null;
    for (const { view } of this.#entries.values()) {
      if (view.unsentSinceMs === null) continue;
      if (view.unsentSinceMs < (longest?.unsentSinceMs ?? Number.POSITIVE_INFINITY)) longest = view;
    }
    return longest;
  }

  /** The whole list, read after a (re)connect. What is not in it is gone. Streams are not told as new: they were before. */
  replaceAll(views: readonly ShownStream[], nowMs: number): void {
    const ids = new Set<string>(views.map(({ id }) => id));
    for (const id of this.#entries.keys()) if (!ids.has(id)) this.#entries.delete(id);
    for (const view of views) this.#take(view, nowMs, false);
    this.#orderedAtMs = Number.NEGATIVE_INFINITY;
    this.#orderIsStale = true;
  }

  /** By how much all of them grew. */
  apply(views: readonly ShownStream[], nowMs: number): Growth {
    let writtenBytes = 0;
    let sentBytes = 0;
    for (const view of views) {
      const before = this.#take(view, nowMs, true);
      writtenBytes += Math.max(0, view.sizeBytes - (before?.sizeBytes ?? 0));
      sentBytes += Math.max(0, view.sentBytes - (before?.sentBytes ?? 0));
    }
    this.#orderIsStale = true;
    return { writtenBytes, sentBytes };
  }

  forget(ids: readonly string[]): void {
    for (const id of ids) this.#entries.delete(id);
    this.#order = this.#order.filter((id) => this.#entries.has(id));
  }

  /** Ids in the order of the page: what moves first, then by the time of the last byte. */
  ids(filter: Filter, nowMs: number): readonly string[] {
    if (this.#orderIsStale && nowMs - this.#orderedAtMs >= ORDER_EVERY_MS) this.#putInOrder(nowMs);
    if (filter.state === null && filter.text === '') return this.#order;
    const text = filter.text.toLowerCase();
    return this.#order.filter((id) => {
      const entry = this.#entries.get(id);
      if (!entry || (filter.state !== null && topOf(entry.view.state) !== filter.state)) return false;
      return text === '' || entry.words.includes(text) || id.startsWith(text);
    });
  }

  #take(view: ShownStream, nowMs: number, tell: boolean): ShownStream | null {
    const entry = this.#entries.get(view.id);
    const before = entry?.view ?? null;
    if (entry) entry.view = view;
    const current = entry ?? { view, meter: new RateMeter(), words: '' };
    if (!before || before.path !== view.path || before.key !== view.key)
      current.words = shown(`${view.path}\n${view.key ?? ''}`).toLowerCase();
    if (!entry) {
      this.#entries.set(view.id, current);
      // At the top until the next ordering: a new stream is seen at once.
      this.#order = [view.id, ...this.#order];
    }
    current.meter.note(nowMs, view.sizeBytes, view.sentBytes);
    if (before?.state !== view.state && (tell || before)) this.#tell(before, view, nowMs);
    return before;
  }

  #tell(before: ShownStream | null, { id, path, folder, state }: ShownStream, atMs: number): void {
    if (!isNews(before?.state ?? null, state)) return;
    this.#serial += 1;
    const transition = { serial: this.#serial, atMs, id, path, folder, from: before?.state ?? null, to: state };
    this.#lately = [transition, ...this.#lately.slice(0, MAX_LATELY - 1)];
  }

  #putInOrder(nowMs: number): void {
    const keys = [...this.#entries.values()].map(({ view }) => ({ view, moved: movedAtMs(view, nowMs) }));
    keys.sort(
      (a, b) => b.moved - a.moved || b.view.startedAtMs - a.view.startedAtMs || (a.view.id < b.view.id ? -1 : 1),
    );
    this.#order = keys.map(({ view }) => view.id);
    this.#orderedAtMs = nowMs;
    this.#orderIsStale = false;
  }
}

/** All that move now are equal. */
const movedAtMs = ({ state, lastActivityMs }: ShownStream, nowMs: number): number =>
  !isAtRest(state) && lastActivityMs > nowMs - MOVING_MS ? Number.POSITIVE_INFINITY : lastActivityMs;

/** A stream that grows waits for a part, sends it, waits: that is no news. */
const isNews = (from: string | null, to: string): boolean =>
  from === null || !(topOf(from) === 'active' && topOf(to) === 'active');
