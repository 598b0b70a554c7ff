// The operator's side of the living streams: looks at one, gives it a wish, drops it.
//
// V1. A wish is given only where the chart hears it: what would be ignored is refused, with the reason.
// V2. Forgetting stops the stream first, so that nothing of it is saved again; killed in between, the rest is found at the next
//     start, and forgetting can be repeated. S3 is not touched: what stays there is named.

import type { StreamId } from '../machines/ids.ts';
import { countHeld } from '../machines/part-ledger.ts';
import { type GroupEvent, groupIdOf } from '../machines/stream-group.machine.ts';
import type { LeftUpload, StreamMemory } from '../machines/stream-record.ts';
import { isFinal } from '../machines/stream-status.ts';
import type { Forgotten, Operator, Refusal, Wish, Wished } from '../ports/operator.ts';
import type { Outcome } from '../ports/outcome.ts';
import type { HistoryEntry, PartsView } from '../ports/stream-view.ts';
import type { RegistryMirror } from './registry-mirror.ts';
import { partsOf } from './stream-parts.ts';
import type { Supervisor } from './supervise.ts';
import type { World } from './world.ts';

/** A save takes milliseconds; a journal that cannot be written is tried again for ever. */
const SAVE_PATIENCE_MS = 5_000;

const refused = (reason: string) => ({ accepted: false, why: 'refused', reason }) as const;
const unavailable = (reason: string) => ({ accepted: false, why: 'unavailable', reason }) as const;
type Refused = { readonly accepted: false } & Refusal;

const NOT_RUNNING = unavailable('The daemon is starting or ending: its streams hear nothing now.');

export class StreamOperator implements Operator {
  readonly #world: World;
  readonly #supervisor: Supervisor;
  readonly #mirror: RegistryMirror | null;

  constructor(world: World, supervisor: Supervisor, mirror: RegistryMirror | null) {
    this.#world = world;
    this.#supervisor = supervisor;
    this.#mirror = mirror;
  }

  async parts(id: StreamId): Promise<Outcome<PartsView>> {
    const { journal, streams } = this.#world;
    const before = streams.get(id)?.context.memory;
    const rows = before?.upload ? await journal.rows(id, before.upload.uploadId) : { ok: true as const, value: [] };
    if (!rows.ok) return rows;
    // As it is by now: a part that came meanwhile lacks its row for a moment.
    const live = streams.get(id);
    const isSame = live?.context.memory.upload?.uploadId === before?.upload?.uploadId;
    const parts = live?.context.memory.upload ? partsOf(live.state, live.context, isSame ? rows.value : []) : [];
    const generation = live?.context.memory.generation ?? before?.generation ?? 1;
    return { ok: true, value: { streamId: id, generation, parts } };
  }

  history(id: StreamId): readonly HistoryEntry[] {
    return this.#world.history.entries(id);
  }

  wish(id: StreamId, wish: Wish): Wished {
    if (!this.#isRunning()) return NOT_RUNNING;
    const live = this.#world.streams.get(id);
    const refusal = live ? refusalOf(wish, live.state) : NOT_ALIVE;
    if (refusal) return refusal;
    live?.tell({ type: `operator.${wish}`, atMs: this.#world.clock.nowMs() });
    return { accepted: true };
  }

  async forget(id: StreamId): Promise<Forgotten> {
    if (!this.#isRunning()) return NOT_RUNNING;
    const { history, journal, streams, views, writeAhead } = this.#world;
    const stored = await journal.record(id);
    if (!stored.ok) return unavailable(`The journal cannot be asked: ${stored.failure.detail}`);
    const live = streams.get(id);
    const state = live?.state ?? stored.value?.record.state ?? null;
    if (state !== null && !isFinal(state) && !state.startsWith('failed.'))
      return refused(`It is ${state}: only what is final or failed can be forgotten. Abort it first.`);
    const memories = [stored.value?.record.memory, live?.context.memory].filter((memory) => memory !== undefined);
    const lease = this.#leaseOf(memories);
    if (this.#mirror && !lease) return unavailable('Redis does not answer: it would bring the stream back. Try again.');
    if (live) this.#stop(id);
    // What is on its way to the journal goes on to Redis from there: it must not come after the forgetting.
    if (!(await this.#isSaved(id))) return unavailable('The journal cannot be written now. Try again.');
    writeAhead.forget(id);
    const gone = this.#mirror && lease ? await this.#mirror.forget(id, lease) : null;
    if (gone && !gone.ok) return unavailable(`Redis cannot forget it: ${gone.failure.detail}. Try again.`);
    const dropped = await journal.forget(id);
    if (!dropped.ok) return unavailable(`The journal cannot forget it: ${dropped.failure.detail}. Try again.`);
    this.#world.tellSupervisor({ type: 'stream.forgotten', streamId: id });
    history.forget(id);
    views.streamForgotten(id);
    this.#world.telemetry.info('stream forgotten on the word of the operator', {
      streamId: id,
      path: memories[0]?.path,
    });
    return { accepted: true, leftUploads: uploadsIn(memories) };
  }

  #isRunning(): boolean {
    return this.#supervisor.getSnapshot().value === 'running';
  }

  async #isSaved(id: StreamId): Promise<boolean> {
    const { clock, writeAhead } = this.#world;
    const waiting = new AbortController();
    const saved = writeAhead.settled(id).then(() => true);
    const tooLate = clock.waitUntil(clock.nowMs() + SAVE_PATIENCE_MS, waiting.signal).then(() => false);
    const outcome = await Promise.race([saved, tooLate]);
    waiting.abort();
    return outcome;
  }

  #leaseOf(memories: readonly StreamMemory[]) {
    const { leases, options } = this.#world;
    const folder = options.folders.find((each) => each.path === memories[0]?.folder) ?? options.folders[0];
    return folder && leases.get(folder.id);
  }

  /** As if it had left by itself: its group stops it, and knows no file for it that it would have to be compared with. */
  #stop(id: StreamId): void {
    const group = this.#supervisor.getSnapshot().children[groupIdOf(id)];
    (group as { send(event: GroupEvent): void } | undefined)?.send({ type: 'stream.left', streamId: id, seen: null });
  }
}

const NOT_ALIVE = refused('Nothing is owed for it: it has ended, or its file has to be seen again first.');

/** V1. By the chart: src/machines/stream.machine.ts and what it is made of. */
function refusalOf(wish: Wish, state: string): Refused | null {
  if (wish === 'retry') return state.startsWith('failed.') ? null : refused(`It is ${state}: it has not failed.`);
  if (state.startsWith('s3_completed.')) return refused('Its object is complete and proven.');
  if (wish === 'abort')
    return FROM_COMPLETING_ON.includes(state) ? refused(`It is ${state}: its object may exist already.`) : null;
  if (state.startsWith('failed.')) return refused(`It is ${state}: retry it first.`);
  return state === 'finalizing.aborting' ? refused('Its upload is being aborted.') : null;
}

const FROM_COMPLETING_ON = ['finalizing.completing', 'finalizing.probing', 'finalizing.proving'];

/** What holds parts in S3 as far as anybody here knows. */
function uploadsIn(memories: readonly StreamMemory[]): readonly Pick<LeftUpload, 'target' | 'uploadId' | 'parts'>[] {
  const found = new Map<string, Pick<LeftUpload, 'target' | 'uploadId' | 'parts'>>();
  for (const { target, upload, parts, leftUploads } of memories) {
    for (const { target, uploadId, parts } of leftUploads) found.set(uploadId, { target, uploadId, parts });
    if (target && upload) found.set(upload.uploadId, { target, uploadId: upload.uploadId, parts: countHeld(parts) });
  }
  return [...found.values()];
}
