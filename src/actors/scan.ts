// scan: one pass of the stale scan: what grew, who writes, whose time has come. Owed by the stale scan's `scanning`.
//
// C1. Growth is learned by stat. A file that was quiet is looked at after a tenth of its pause. The sweep looks at each file that has a
//     name, in a thread and for a tenth of what it costs here: a file that was silent for long is left to it, unless it does not come.
// C2. Writers are asked for once while a file grows (to have seen who will close it) and whenever it is quiet, all in one look;
//     a look that is expensive (many processes) is repeated less often, yet every few seconds. A look that failed tells nothing.
// C3. A stream is told what was seen, never what to do.

import { fromCallback } from 'xstate';
import { sameStat } from '../machines/file-identity.ts';
import type { StreamId } from '../machines/ids.ts';
import type { ScanInput, StaleScanEvent } from '../machines/stale-scan.machine.ts';
import { fileOf } from '../machines/stream.context.ts';
import type { WriterPresence } from '../ports/writer-check.ts';
import { HeldFiles } from './held-files.ts';
import { type FileLook, isWatched, type LiveStream } from './live-streams.ts';
import type { World } from './world.ts';

/** Stats at once: enough to keep the thread pool busy. */
const STATS_AT_ONCE = 16;
/** Of a pause: 30 s of quiet, and growth is noticed within 3 s; judging a stream idle looks at its file anyway. */
const LATENESS_SHARE = 1 / 10;
/** As often as the folders are swept: later it would never be the first to see growth. */
const MAX_LATENESS_MS = 10_000;
/** A sweep that took this much longer than the one before hangs, or the file lost its name: then it is looked at here. */
const SWEEP_GRACE_MS = 3_000;
const QUIET_MS = 1000;
/** A look may cost a twentieth of a core ... */
const LOOK_COST_FACTOR = 20;
/** ... but on a busy machine it takes long without costing much, and who closed the file is to be seen soon all the same. */
const MAX_LOOK_PAUSE_MS = 5_000;

export const scanLogic = (world: World) => {
  const writers = new WriterWatch(world);
  const growth = new GrowthWatch(world);
  return fromCallback<StaleScanEvent, ScanInput, StaleScanEvent>(({ sendBack }) => {
    void scan(world, growth, writers).then((due) =>
      sendBack({ type: 'scan.finished', due, atMs: world.clock.nowMs() }),
    );
  });
};

async function scan(world: World, growth: GrowthWatch, writers: WriterWatch): Promise<number> {
  const startedMs = world.clock.nowMs();
  try {
    await growth.look();
    await writers.look();
  } catch (error) {
    world.telemetry.error('bug: the stale scan threw', {
      detail: error instanceof Error ? (error.stack ?? error.message) : String(error),
    });
  }
  const atMs = world.clock.nowMs();
  const due = world.streams.due(atMs);
  for (const stream of due) stream.tell({ type: 'stream.due', atMs });
  if (world.options.once && world.streams.allSettled()) world.tellSupervisor({ type: 'streams.settled', atMs });
  world.telemetry.observe('stale_scan', atMs - startedMs);
  world.views.daemonChanged({
    lastStaleScanAtMs: atMs,
    partsInFlight: world.slots.inFlight,
    heldBytes: growth.heldBytes(),
  });
  return due.length;
}

class GrowthWatch {
  readonly #world: World;
  readonly #held: HeldFiles;

  constructor(world: World) {
    this.#world = world;
    this.#held = new HeldFiles(world);
  }

  async look(): Promise<void> {
    const { clock, streams } = this.#world;
    const startedMs = clock.nowMs();
    const due: LiveStream[] = [];
    for (const stream of streams.all()) {
      if (!isLookedAt(stream, streams.lookAt(stream.id), startedMs)) continue;
      due.push(stream);
      streams.noteLook(stream.id, { atMs: startedMs, bySweep: false });
    }
    const lane = async () => {
      for (let stream = due.pop(); stream; stream = due.pop()) await this.#lookAt(stream);
    };
    await Promise.all(Array.from({ length: Math.min(STATS_AT_ONCE, due.length) }, lane));
    await this.#held.keepWithinLimit();
  }

  async #lookAt(stream: LiveStream): Promise<void> {
    const { clock, files, streams } = this.#world;
    const file = fileOf(stream.context);
    const stat = await files.stat(file);
    if (stat.ok) this.#held.note(stream.id, stat.value);
    const seen = streams.get(stream.id)?.context.seen;
    if (!stat.ok || (seen && sameStat(seen, stat.value))) return;
    stream.tell({ type: 'file.observed', stat: stat.value, path: file.path, atMs: clock.nowMs() });
  }

  heldBytes(): number {
    return this.#held.bytes();
  }
}

/** A file that grows is looked at in every pass. */
function isLookedAt(stream: LiveStream, last: FileLook | undefined, atMs: number): boolean {
  if (last === undefined) return isWatched(stream);
  const latenessMs = Math.min(MAX_LATENESS_MS, (atMs - stream.context.lastActivityMs) * LATENESS_SHARE);
  const graceMs = last.bySweep && latenessMs === MAX_LATENESS_MS ? SWEEP_GRACE_MS : 0;
  return atMs - last.atMs >= latenessMs + graceMs && isWatched(stream);
}

function isAskedFor({ state, context }: LiveStream, atMs: number): boolean {
  if (!state.startsWith('active.')) return false;
  return (
    context.writer.presence === 'unasked' || (state === 'active.waiting' && atMs - context.lastActivityMs >= QUIET_MS)
  );
}

class WriterWatch {
  readonly #world: World;
  /** What the last look found, for streams that were quiet then: "none" counts when seen twice. */
  #before: ReadonlyMap<StreamId, WriterPresence> = new Map();
  #notBeforeMs = 0;

  constructor(world: World) {
    this.#world = world;
  }

  async look(): Promise<void> {
    const { clock, streams, telemetry, writers } = this.#world;
    const startedMs = clock.nowMs();
    if (startedMs < this.#notBeforeMs) return;
    const asked = [...streams.all()].filter((each) => isAskedFor(each, startedMs));
    if (asked.length === 0) return;
    const looked = await writers.look(asked.map((each) => fileOf(each.context)));
    const endedMs = clock.nowMs();
    this.#notBeforeMs = endedMs + Math.min((endedMs - startedMs) * LOOK_COST_FACTOR, MAX_LOOK_PAUSE_MS);
    telemetry.observe('writer_look', endedMs - startedMs);
    for (const stream of asked) {
      const presence = looked.ok ? looked.value.get(stream.id) : undefined;
      if (presence === undefined) continue;
      if (presence === 'none' && this.#before.get(stream.id) !== 'none') continue;
      if (presence !== stream.context.writer.presence)
        stream.tell({ type: 'writer.observed', presence, atMs: endedMs });
    }
    this.#before = looked.ok ? looked.value : new Map();
  }
}
