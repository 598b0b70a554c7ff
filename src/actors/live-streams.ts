// The live streams as they are now: an index over the actors' newest snapshots, for the stale scan, the operator and the views.
// Fed by the observer of the actor system; decides nothing.
//
// Growth facts go from the scan straight to their stream: through supervisor and group each would be three sends, 5,000 files
// growing ten times a second half a core (docs/decisions/0003).

import type { StreamId } from '../machines/ids.ts';
import type { StreamContext } from '../machines/stream.context.ts';
import type { StreamEvent } from '../machines/stream.events.ts';
import { dueAtMs } from '../machines/stream-due.ts';

export interface LiveStream {
  readonly id: StreamId;
  /** Dotted. */
  readonly state: string;
  readonly context: StreamContext;
  readonly tell: (event: StreamEvent) => void;
}

/** Whether the scan looks at the stream's file. */
export const isWatched = ({ state }: LiveStream): boolean => !state.startsWith('failed.') && state !== 'recovering';

/** When a file was last looked at (epoch ms), and whether that was the sweep, which comes by again. */
export interface FileLook {
  readonly atMs: number;
  readonly bySweep: boolean;
}

export class LiveStreams {
  readonly #byId = new Map<StreamId, LiveStream>();
  readonly #looks = new Map<StreamId, FileLook>();

  set(stream: LiveStream): void {
    this.#byId.set(stream.id, stream);
  }

  drop(id: StreamId): void {
    this.#byId.delete(id);
    this.#looks.delete(id);
  }

  /** Undefined: look at it as soon as you can. */
  lookAt(id: StreamId): FileLook | undefined {
    return this.#looks.get(id);
  }

  noteLook(id: StreamId, look: FileLook): void {
    if (this.#byId.has(id)) this.#looks.set(id, look);
  }

  /** Somebody saw that the file changed: the next pass of the scan is to see it too. */
  lookSoon(id: StreamId): void {
    this.#looks.delete(id);
  }

  get(id: StreamId): LiveStream | undefined {
    return this.#byId.get(id);
  }

  get size(): number {
    return this.#byId.size;
  }

  all(): IterableIterator<LiveStream> {
    return this.#byId.values();
  }

  /** Those whose moment has come. A pass over all costs 0.2 ms at 10,000 streams: cheaper than keeping an order. */
  due(atMs: number): readonly LiveStream[] {
    const due: LiveStream[] = [];
    for (const stream of this.#byId.values()) {
      const moment = dueAtMs(stream.state, stream.context);
      if (moment !== null && moment <= atMs) due.push(stream);
    }
    return due;
  }

  /** True when no stream is on its way: each waits for a person, or there is none. */
  allSettled(): boolean {
    for (const stream of this.#byId.values()) if (!stream.state.startsWith('failed.')) return false;
    return true;
  }
}
