// watch: what appears and changes in the folders, as facts for the supervisor. Owed by `running`.
//
// A1. Watch first, then sweep. Events are hints; the sweep is what makes it correct.
// A2. A file is told of when it is new or its stat differs from the last one told; every few sweeps all are told again whose stream
//     does not know what the sweep saw, which heals whatever crossed on its way.
// A3. What is remembered here is bounded by the files that the last sweep saw.
// A4. What a sweep saw may be older than what the scan saw since, so it is never told: where it differs, the file is looked at again, by
//     the scan where that looks anyway, here where it does not. Ten thousand silent files cost a comparison each.

import { fromCallback } from 'xstate';
import { type FileStat, lastChangeMs, sameIdentity, sameStat } from '../machines/file-identity.ts';
import type { StreamId } from '../machines/ids.ts';
import type { SupervisorEvent } from '../machines/supervisor.machine.ts';
import type { FoundFile } from '../ports/file-source.ts';
import type { PathHint, SweptPath } from '../ports/watcher.ts';
import { isWatched } from './live-streams.ts';
import { Retention } from './retention.ts';
import type { World } from './world.ts';

/** Every sixth sweep tells all files again. */
const TELL_ALL_EVERY = 6;

interface Told {
  readonly streamId: StreamId;
  stat: FileStat;
  sweep: number;
}

export const watchLogic = (world: World) =>
  fromCallback<SupervisorEvent, Record<string, never>, SupervisorEvent>(({ sendBack }) => {
    const stop = new AbortController();
    void new Watching(world, sendBack, stop.signal).run();
    return () => {
      stop.abort();
      void world.watcher.close();
    };
  });

class Watching {
  readonly #world: World;
  readonly #send: (event: SupervisorEvent) => void;
  readonly #signal: AbortSignal;
  /** By path: two names of one file do not take turns as news. */
  readonly #told = new Map<string, Told>();
  readonly #unreadable = new Set<string>();
  readonly #retention: Retention;
  #sweeps = 0;

  constructor(world: World, send: (event: SupervisorEvent) => void, signal: AbortSignal) {
    this.#world = world;
    this.#send = send;
    this.#signal = signal;
    this.#retention = new Retention(world);
  }

  async run(): Promise<void> {
    const { clock, telemetry, options, watcher } = this.#world;
    const failed = (detail: string) => telemetry.warn('the watcher failed; files are found by sweeping', { detail });
    const started = await watcher.start({ appeared: (hint) => void this.#look(hint), failed });
    if (!started.ok) failed(started.failure.detail);
    while (!this.#signal.aborted) {
      const startedMs = clock.nowMs();
      await this.#sweep();
      // From start to start; a slow file system is not swept more than half of the time.
      const endedMs = clock.nowMs();
      const pauseMs = Math.max(options.sweepIntervalMs - (endedMs - startedMs), endedMs - startedMs);
      await clock.waitUntil(endedMs + Math.min(pauseMs, options.sweepIntervalMs), this.#signal);
    }
  }

  async #sweep(): Promise<void> {
    const { clock, telemetry, views, watcher } = this.#world;
    const startedMs = clock.nowMs();
    this.#sweeps += 1;
    const totals = { files: 0, bytes: 0 };
    for await (const found of watcher.sweep(this.#signal)) {
      if ('unreadable' in found) this.#noteUnreadable(found.unreadable, found.detail);
      else {
        const sizeBytes = this.#passBy(found) ?? (await this.#look(found, this.#sweeps === 1))?.stat.sizeBytes;
        if (sizeBytes === undefined) continue;
        totals.files += 1;
        totals.bytes += sizeBytes;
      }
    }
    if (this.#signal.aborted) return;
    for (const [path, told] of this.#told) if (told.sweep < this.#sweeps) this.#told.delete(path);
    if (this.#sweeps === 1)
      telemetry.info('first sweep', {
        files: totals.files,
        totalBytes: totals.bytes,
        skipped: this.#world.options.existing === 'skip',
      });
    telemetry.observe('sweep', clock.nowMs() - startedMs);
    views.daemonChanged({ lastSweepAtMs: clock.nowMs() });
    let there: ReadonlySet<StreamId> | null = null;
    await this.#retention.afterSweep((id) => {
      there ??= new Set([...this.#told.values()].map(({ streamId }) => streamId));
      return there.has(id);
    });
    this.#send({ type: 'sweep.finished', ...totals, atMs: clock.nowMs() });
  }

  /** A4. The size, when nothing has to be told of what the sweep saw. */
  #passBy({ path, stat }: SweptPath): number | null {
    const told = this.#told.get(path);
    // Without a birth time another file may have the inode by now.
    if (!stat || !told || stat.identity.birthNs === '0' || !sameIdentity(stat.identity, told.stat.identity))
      return null;
    const { streams } = this.#world;
    const live = streams.get(told.streamId);
    const isCared = live !== undefined && live.context.memory.path === path && isWatched(live);
    if (!isCared && (!sameStat(stat, told.stat) || this.#tellsAll())) return null;
    if (isCared && !(live.context.seen && sameStat(stat, live.context.seen))) streams.lookSoon(live.id);
    else {
      told.stat = stat;
      // The first look is the scan's: from then on the file is held open.
      const bySweep = { atMs: this.#world.clock.nowMs(), bySweep: true };
      if (isCared && streams.lookAt(live.id)) streams.noteLook(live.id, bySweep);
    }
    told.sweep = this.#sweeps;
    return stat.sizeBytes;
  }

  #tellsAll(): boolean {
    return this.#sweeps % TELL_ALL_EVERY === 0;
  }

  async #look(hint: PathHint, foundAtStart = false): Promise<FoundFile | null> {
    const seen = await this.#world.files.identify(hint.folder, hint.path);
    if (!seen.ok) {
      this.#noteUnreadable(hint.path, seen.failure.detail);
      return null;
    }
    const file = seen.value;
    if (!file || this.#signal.aborted) return null;
    const { streamId, path, stat } = file;
    const before = this.#told.get(path);
    const isNews = before?.streamId !== streamId || !sameStat(before.stat, stat) || this.#tellsAll();
    this.#told.set(path, { streamId, stat, sweep: this.#sweeps });
    if (isNews) this.#tell(file, foundAtStart && this.#isLeftAlone(file));
    return file;
  }

  /** A file that appears or grows while the first sweep is on its way is none that was there before. */
  #isLeftAlone({ stat }: FoundFile): boolean {
    const { existing, startedAtMs } = this.#world.options;
    return existing === 'skip' && lastChangeMs(stat) < startedAtMs;
  }

  #tell({ streamId, folder, path, stat }: FoundFile, skipped: boolean): void {
    const file = { streamId, folder, path, identity: stat.identity };
    this.#send({ type: skipped ? 'file.skipped' : 'file.seen', file, stat, atMs: this.#world.clock.nowMs() });
  }

  /** Told once per path, not at every sweep. */
  #noteUnreadable(path: string, detail: string): void {
    if (this.#unreadable.has(path) || this.#unreadable.size >= MAX_UNREADABLE_TOLD) return;
    this.#unreadable.add(path);
    this.#world.telemetry.warn('cannot be read; its files are not carried', { path, detail });
  }
}

/** A tree full of unreadable folders must not fill the log or the memory. */
const MAX_UNREADABLE_TOLD = 1000;
