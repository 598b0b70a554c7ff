// Retention: the records of finished streams stay while their file exists, and RETAIN_FINAL_SECONDS longer; then journal,
// registry, groups and views forget them. Without this, all of them would grow for ever.
//
// Only final records are looked at; `failed` leaves by cure or by the operator's word alone.

import type { StreamId } from '../machines/ids.ts';
import type { StreamRecord } from '../machines/stream-record.ts';
import { isFinal } from '../machines/stream-status.ts';
import type { World } from './world.ts';

/** A pass reads the whole journal: rare enough to cost nothing, often enough for any retention time. */
const PASS_EVERY_MS = 600_000;

export class Retention {
  readonly #world: World;
  /** When the file was first found missing, in this run (epoch ms). */
  readonly #goneSinceMs = new Map<StreamId, number>();
  #notBeforeMs = 0;

  constructor(world: World) {
    this.#world = world;
  }

  /** After a whole sweep; `isThere` says whether it saw the stream's file. */
  async afterSweep(isThere: (id: StreamId) => boolean): Promise<void> {
    const nowMs = this.#world.clock.nowMs();
    if (nowMs < this.#notBeforeMs) return;
    this.#notBeforeMs = nowMs + PASS_EVERY_MS;
    const stored = await this.#world.journal.load();
    if (!stored.ok) return;
    const finals = stored.value.records.map((each) => each.record).filter((record) => isFinal(record.state));
    const known = new Set(finals.map((record) => record.streamId));
    for (const id of this.#goneSinceMs.keys()) if (!known.has(id)) this.#goneSinceMs.delete(id);
    for (const record of finals) {
      if (isThere(record.streamId)) this.#goneSinceMs.delete(record.streamId);
      else await this.#noteGone(record, nowMs);
    }
  }

  async #noteGone(record: StreamRecord, nowMs: number): Promise<void> {
    const id = record.streamId;
    const sinceMs = this.#goneSinceMs.get(id) ?? nowMs;
    this.#goneSinceMs.set(id, sinceMs);
    if (nowMs - sinceMs < this.#world.options.retainFinalMs || this.#world.streams.get(id)) return;
    const forgotten = await this.#world.journal.forget(id);
    if (!forgotten.ok) return;
    this.#goneSinceMs.delete(id);
    this.#world.writeAhead.forget(id);
    this.#world.views.streamForgotten(id);
    this.#world.tellSupervisor({ type: 'stream.forgotten', streamId: id });
    const folder = this.#world.options.folders.find((each) => each.path === record.memory.folder);
    const lease = folder && this.#world.leases.get(folder.id);
    if (lease) await this.#world.registry?.forget(id, lease);
  }
}
