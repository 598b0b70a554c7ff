// Retention: the records of finished streams stay while their file exists, and RETAIN_FINAL_SECONDS longer; then journal,
// registry, groups and views forget them. Without this, all of them would grow for ever.
//
// Only final records are looked at; `failed` leaves by cure or by the operator's word alone. What the registry shows as over and the
// journal does not know (it was forgotten while Redis was away) goes the same way, at a later pass.

import type { StreamId } from '../machines/ids.ts';
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
    const records = stored.value.records.map((each) => each.record);
    const finals = records.filter((record) => isFinal(record.state));
    const strays = await this.#strays(new Set(records.map((record) => record.streamId)));
    const over = new Map([...finals.map((each) => [each.streamId, each.memory.folder] as const), ...strays]);
    for (const id of this.#goneSinceMs.keys()) if (!over.has(id)) this.#goneSinceMs.delete(id);
    for (const [id, folder] of over) {
      if (isThere(id)) this.#goneSinceMs.delete(id);
      else await this.#noteGone(id, folder, nowMs);
    }
  }

  async #strays(known: ReadonlySet<StreamId>): Promise<readonly (readonly [StreamId, string])[]> {
    const found: (readonly [StreamId, string])[] = [];
    for (const { path } of this.#world.options.folders) {
      const ids = await this.#world.registry?.strays(path, (id) => known.has(id));
      if (ids?.ok) found.push(...ids.value.map((id) => [id, path] as const));
    }
    return found;
  }

  async #noteGone(id: StreamId, folderPath: string, nowMs: number): Promise<void> {
    const sinceMs = this.#goneSinceMs.get(id) ?? nowMs;
    this.#goneSinceMs.set(id, sinceMs);
    if (nowMs - sinceMs < this.#world.options.retainFinalMs || this.#world.streams.get(id)) return;
    const forgotten = await this.#world.journal.forget(id);
    if (!forgotten.ok) return;
    this.#world.writeAhead.forget(id);
    this.#world.views.streamForgotten(id);
    this.#world.tellSupervisor({ type: 'stream.forgotten', streamId: id });
    if (await this.#isGoneFromRegistry(id, folderPath)) this.#goneSinceMs.delete(id);
  }

  /** False: it is a stray at the next pass. */
  async #isGoneFromRegistry(id: StreamId, folderPath: string): Promise<boolean> {
    const { leases, options, registry } = this.#world;
    const folder = options.folders.find((each) => each.path === folderPath);
    const lease = folder && leases.get(folder.id);
    if (!registry || !lease) return registry === null;
    return (await registry.forget(id, lease)).ok;
  }
}
