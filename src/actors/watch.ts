// watch: what appears and changes in the folders, as facts for the supervisor. Owed by `running`.
//
// A1. Watch first, then sweep. Events are hints; the sweep is what makes it correct.
// A2. A file is told of when it is new or its stat differs from the last one told; every few sweeps all are told again, which
//     heals whatever crossed on its way.
// A3. What is remembered here is bounded by the files that the last sweep saw.

import { fromCallback } from 'xstate';
import { type FileStat, lastChangeMs, sameStat } from '../machines/file-identity.ts';
import type { StreamId } from '../machines/ids.ts';
import type { SupervisorEvent } from '../machines/supervisor.machine.ts';
import type { FoundFile } from '../ports/file-source.ts';
import type { PathHint } from '../ports/watcher.ts';
import { Retention } from './retention.ts';
import type { World } from './world.ts';

/** Every sixth sweep tells all files again. */
const TELL_ALL_EVERY = 6;

interface Told {
  readonly path: string;
  readonly stat: FileStat;
  readonly sweep: number;
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
  readonly #told = new Map<StreamId, Told>();
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
      await this.#sweep();
      await clock.waitUntil(clock.nowMs() + options.sweepIntervalMs, this.#signal);
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
        const file = await this.#look(found, this.#sweeps === 1);
        if (!file) continue;
        totals.files += 1;
        totals.bytes += file.stat.sizeBytes;
      }
    }
    if (this.#signal.aborted) return;
    for (const [id, told] of this.#told) if (told.sweep < this.#sweeps) this.#told.delete(id);
    if (this.#sweeps === 1)
      telemetry.info('first sweep', {
        files: totals.files,
        totalBytes: totals.bytes,
        skipped: this.#world.options.existing === 'skip',
      });
    telemetry.observe('sweep', clock.nowMs() - startedMs);
    views.daemonChanged({ lastSweepAtMs: clock.nowMs() });
    await this.#retention.afterSweep((id) => this.#told.has(id));
    this.#send({ type: 'sweep.finished', ...totals, atMs: clock.nowMs() });
  }

  async #look(hint: PathHint, foundAtStart = false): Promise<FoundFile | null> {
    const seen = await this.#world.files.identify(hint.folder, hint.path);
    if (!seen.ok) {
      this.#noteUnreadable(hint.path, seen.failure.detail);
      return null;
    }
    const file = seen.value;
    if (!file || this.#signal.aborted) return null;
    const before = this.#told.get(file.streamId);
    const isNews =
      !before || before.path !== file.path || !sameStat(before.stat, file.stat) || this.#sweeps % TELL_ALL_EVERY === 0;
    this.#told.set(file.streamId, { path: file.path, stat: file.stat, sweep: this.#sweeps });
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
