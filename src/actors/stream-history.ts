// What happened to each stream lately: facts, states, effects and what came of them, for people who look at one. Decides nothing.
//
// Y1. Bounded: MAX_ENTRIES of a stream, MAX_ENTRIES_IN_ALL together; the stream of which nothing was heard the longest goes first.
// Y2. What repeats is one entry that says how often: a file that grows costs no memory.
// Y3. No bytes, no secrets: only what events name, which are ids, numbers and failures.

import type { StreamId } from '../machines/ids.ts';
import type { HistoryEntry } from '../ports/stream-view.ts';

/** A recording of an hour with a part a minute, from beginning to end. */
export const MAX_ENTRIES = 200;
/** About 10 MB. */
export const MAX_ENTRIES_IN_ALL = 50_000;

interface Kept {
  atMs: number;
  readonly kind: HistoryEntry['kind'];
  readonly name: string;
  detail: string;
  times: number;
}

export class StreamHistory {
  readonly #mostEntries: number;
  readonly #mostInAll: number;
  /** The one heard of last is the last. */
  readonly #byId = new Map<StreamId, Kept[]>();
  #inAll = 0;

  constructor(mostEntries = MAX_ENTRIES, mostInAll = MAX_ENTRIES_IN_ALL) {
    this.#mostEntries = mostEntries;
    this.#mostInAll = mostInAll;
  }

  note(id: StreamId, kind: HistoryEntry['kind'], name: string, detail: string, atMs: number): void {
    const entries = this.#byId.get(id);
    const last = entries?.at(-1);
    if (last?.name === name && last.kind === kind && kind !== 'state') {
      last.atMs = atMs;
      last.detail = detail;
      last.times += 1;
      return;
    }
    const kept = entries ?? [];
    kept.push({ atMs, kind, name, detail, times: 1 });
    this.#inAll += 1;
    if (kept.length > this.#mostEntries) this.#dropOldest(kept);
    this.#byId.delete(id);
    this.#byId.set(id, kept);
    while (this.#inAll > this.#mostInAll) this.#forgetQuietest();
  }

  entries(id: StreamId): readonly HistoryEntry[] {
    return (this.#byId.get(id) ?? []).map(({ times, detail, ...entry }) => ({
      ...entry,
      detail: times > 1 ? `${detail} (${times} times)`.trimStart() : detail,
    }));
  }

  forget(id: StreamId): void {
    this.#inAll -= this.#byId.get(id)?.length ?? 0;
    this.#byId.delete(id);
  }

  #dropOldest(entries: Kept[]): void {
    entries.shift();
    this.#inAll -= 1;
  }

  #forgetQuietest(): void {
    const [quietest] = this.#byId;
    if (!quietest) return;
    const [id, entries] = quietest;
    this.#dropOldest(entries);
    if (entries.length === 0) this.#byId.delete(id);
  }
}
