// A world of fakes for tests of the actors: a disk, an S3, a journal and a Redis in memory, a clock moved by hand. What belongs to
// one daemon (descriptors, write-ahead, permits) can be thrown away by `restart`, as a kill would; the rest outlives it.
//
// Time moves only when nothing else does: `until` lets pending work run, then steps the clock to the next moment somebody waits for.

import { type AnyActorRef, createActor, setup } from 'xstate';
import type { EffectLogic } from '../../src/actors/effect.ts';
import { EffectGate } from '../../src/actors/effect-gate.ts';
import { FormerParts } from '../../src/actors/former-parts.ts';
import { Carrying } from '../../src/actors/lease.ts';
import { LiveStreams } from '../../src/actors/live-streams.ts';
import { Notices } from '../../src/actors/notices.ts';
import { Permits } from '../../src/actors/permits.ts';
import { ReadingPlaces } from '../../src/actors/reading-places.ts';
import { StoreProbe } from '../../src/actors/store-probe.ts';
import { StreamHistory } from '../../src/actors/stream-history.ts';
import { UploadSlots } from '../../src/actors/upload-slots.ts';
import type { DaemonOptions, World } from '../../src/actors/world.ts';
import { type Saved, WriteAhead } from '../../src/actors/write-ahead.ts';
import { createRangeHasher } from '../../src/adapters/range-hasher.ts';
import type { FileRef } from '../../src/machines/file-identity.ts';
import { growingPlan } from '../../src/machines/part-plan.ts';
import type { StreamEvent, StreamEventOf } from '../../src/machines/stream.events.ts';
import type { StreamSettings } from '../../src/machines/stream-settings.ts';
import type { SupervisorEvent } from '../../src/machines/supervisor.machine.ts';
import type { Journal } from '../../src/ports/journal.ts';
import type { Notifier } from '../../src/ports/notifier.ts';
import type { ObjectStore } from '../../src/ports/object-store.ts';
import type { StreamView } from '../../src/ports/stream-view.ts';
import type { LogFields, Telemetry } from '../../src/ports/telemetry.ts';
import type { DaemonView } from '../../src/ports/views.ts';
import { createHandClock } from '../fakes/hand-clock.ts';
import { createMemoryFileSource, createMemoryFiles } from '../fakes/memory-file-source.ts';
import { MemoryJournalDisk, openMemoryJournal } from '../fakes/memory-journal.ts';
import { MemoryS3 } from '../fakes/memory-object-store.ts';
import { MemoryRedis, memoryRegistry } from '../fakes/memory-registry.ts';
import { createMemoryDisposal } from '../fakes/memory-source-disposal.ts';
import { scriptedProber } from '../fakes/scripted-prober.ts';
import { createScriptedWatcher } from '../fakes/scripted-watcher.ts';
import { createScriptedWriterCheck } from '../fakes/scripted-writer-check.ts';

export const BUCKET = 'takes';
export const FOLDER = '/watched';
export const FOLDER_ID = 'folder-1';
/** Parts small enough to write by hand. */
export const PART_BYTES = 1024;
export const PLAN = growingPlan(PART_BYTES);

export const SETTINGS: StreamSettings = {
  bucket: BUCKET,
  keyPrefix: '',
  keyTemplate: '{path}',
  onExisting: 'rename',
  plan: PLAN,
  maxParts: 10_000,
  maxUploadAgeMs: null,
  afterComplete: { kind: 'keep' },
  verifySource: 'full',
  streamTimeoutMs: 30_000,
  writerCloseGraceMs: 3_000,
  streamTimeoutUnknownMs: 120_000,
  parkedRetryMs: 60_000,
  completeDoubtMs: 120_000,
  lateArrivalMs: 5_000,
};

export const OPTIONS: DaemonOptions = {
  settings: SETTINGS,
  folders: [{ path: FOLDER, id: FOLDER_ID }],
  existing: 'upload',
  once: false,
  holder: 'daemon-a',
  shutdownGraceMs: 20_000,
  retainFinalMs: 604_800_000,
  maxHeldBytes: null,
  standby: false,
  startedAtMs: 0,
  sweepIntervalMs: 10_000,
};

export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
  readonly fields: LogFields;
}

function recordingTelemetry(lines: LogLine[]): Telemetry {
  const tell =
    (level: LogLine['level']) =>
    (message: string, fields: LogFields = {}) =>
      void lines.push({ level, message, fields });
  return {
    debug: tell('debug'),
    info: tell('info'),
    warn: tell('warn'),
    error: tell('error'),
    count: () => {},
    observe: () => {},
  };
}

/** A promise for "everything that can run now has run": timers and I/O callbacks come after it. */
export const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const hasher = await createRangeHasher();

export type Stage = Awaited<ReturnType<typeof createStage>>;

export interface StageOptions {
  readonly settings?: Partial<StreamSettings>;
  readonly options?: Partial<DaemonOptions>;
  readonly withRedis?: boolean;
}

export async function createStage({ settings, options, withRedis = false }: StageOptions = {}) {
  const clock = createHandClock();
  const files = createMemoryFiles({ folder: FOLDER, nowMs: () => clock.nowMs() });
  const s3 = new MemoryS3({ buckets: [BUCKET], now: () => clock.nowMs(), minPartBytes: 1 });
  const disk = new MemoryJournalDisk();
  const redis = new MemoryRedis(() => clock.nowMs());
  const writers = createScriptedWriterCheck();
  const log: LogLine[] = [];
  const views = new Map<string, StreamView>();
  const daemon: Partial<DaemonView>[] = [];
  const told: SupervisorEvent[] = [];
  const saved: Saved[] = [];
  const stage = {
    ...{ clock, files, s3, disk, redis, writers, log, views, daemon, told, saved },
    /** Wrapped by tests that want faults; taken up by the next `restart`, or set on the world. */
    store: s3.connect(),
    disposal: createMemoryDisposal(files),
    notifiers: [] as readonly Notifier[],
    options: { ...OPTIONS, ...options, settings: { ...SETTINGS, ...settings } } satisfies DaemonOptions,
    world: undefined as unknown as World,
    onSaved: undefined as ((saved: readonly Saved[]) => void) | undefined,
    tell: undefined as ((event: SupervisorEvent) => void) | undefined,
    /** A new daemon on the same disk, S3, journal and Redis. */
    async restart(): Promise<World> {
      disk.crash();
      stage.world?.writeAhead.stop();
      clock.advanceMs(1_000);
      stage.options = { ...stage.options, startedAtMs: clock.nowMs() };
      stage.world = await compose();
      return stage.world;
    },
    /** Lets work run and time pass until `done` answers something else than null or undefined; at most `forMs` of it. */
    async until<T>(done: () => T | null | undefined, forMs = 600_000): Promise<T> {
      const deadlineMs = clock.nowMs() + forMs;
      for (;;) {
        await settle();
        const value = done();
        if (value !== null && value !== undefined && value !== false) return value as T;
        const next = clock.nextDueMs();
        if (next === null || next > deadlineMs) {
          await settle();
          const last = done();
          if (last !== null && last !== undefined && last !== false) return last as T;
          throw new Error(`nothing more happens within ${forMs} ms: ${log.map((line) => line.message).join(' | ')}`);
        }
        clock.advanceTo(next);
      }
    },
    async fileRef(path: string): Promise<FileRef> {
      const found = await stage.world.files.identify(FOLDER, path);
      if (!found.ok || !found.value) throw new Error(`no file at ${path}`);
      return { streamId: found.value.streamId, folder: FOLDER, path, identity: found.value.stat.identity };
    },
    objectBytes(key: string): Uint8Array | null {
      const object = s3.bucket(BUCKET).get(key);
      return object ? Buffer.concat(object.pieces) : null;
    },
  };

  async function compose(): Promise<World> {
    const journal = await openMemoryJournal(disk);
    if (!journal.ok) throw new Error(journal.failure.detail);
    const telemetry = recordingTelemetry(log);
    const ports = { clock, telemetry, hasher, writers, prober: scriptedProber(), notifiers: stage.notifiers };
    return {
      ...ports,
      files: createMemoryFileSource(files),
      journal: journal.value as Journal,
      store: stage.store as ObjectStore,
      disposal: stage.disposal,
      registry: withRedis ? memoryRegistry(redis, stage.options.standby) : null,
      lock: null,
      watcher: createScriptedWatcher(files),
      views: {
        streamChanged: (view) => void views.set(view.id, view),
        streamForgotten: (id) => void views.delete(id),
        daemonChanged: (change) => void daemon.push(change),
      },
      options: stage.options,
      writeAhead: new WriteAhead({
        ...ports,
        journal: journal.value,
        onSaved: (batch) => {
          saved.push(...batch);
          stage.onSaved?.(batch);
        },
        onWritable: () => {},
      }),
      streams: new LiveStreams(),
      former: new FormerParts(stage.store as ObjectStore),
      history: new StreamHistory(),
      slots: new UploadSlots({ concurrency: 8, bufferBytes: 1024 * 1024 }),
      gate: new EffectGate(),
      probe: new StoreProbe(stage.store, BUCKET, () => {}),
      readers: new ReadingPlaces(2),
      lookers: new Permits(16),
      probes: new Permits(2),
      notices: new Notices(ports),
      leases: new Map(),
      lostTo: new Map(),
      carrying: new Carrying(stage.options.startedAtMs),
      tellSupervisor: (event) => {
        told.push(event);
        stage.tell?.(event);
      },
    };
  }

  stage.world = await compose();
  return stage;
}

const OUTCOMES_OF_MANY = ['part.uploaded'];

export interface RunningEffect {
  readonly facts: StreamEvent[];
  /** What was reported last, once it was. */
  readonly outcome: () => StreamEvent | null;
  tell(message: { readonly type: 'sending.stop' }): void;
  /** The state is left: the effect is stopped. */
  leave(): void;
  /** The stream breaks: its effects are not stopped, but it does not live any more. */
  breakStream(): void;
}

/** Runs an effect as a stream would: invoked by an actor that hears its facts. */
export function startEffect<I>(logic: EffectLogic<I>, input: I): RunningEffect {
  const facts: StreamEvent[] = [];
  let outcome: StreamEvent | null = null;
  const machine = setup({
    actors: { work: logic as unknown as EffectLogic<Record<string, unknown>> },
    types: { events: {} as StreamEvent | { type: 'leave' | 'break' } },
  }).createMachine({
    initial: 'owing',
    states: {
      owing: {
        invoke: { id: 'work', src: 'work', input: () => input as Record<string, unknown> },
        on: {
          leave: 'left',
          break: {
            actions: () => {
              throw new Error('the stream breaks');
            },
          },
        },
      },
      left: {},
    },
    on: {
      '*': {
        actions: ({ event }) => {
          const fact = event as StreamEvent;
          facts.push(fact);
          if (!OUTCOMES_OF_MANY.includes(fact.type)) outcome = fact;
        },
      },
    },
  });
  const actor = createActor(machine);
  actor.subscribe({ error: () => {} });
  actor.start();
  const child = () => (actor.getSnapshot().children as Record<string, AnyActorRef | undefined>)['work'];
  return {
    facts,
    outcome: () => outcome,
    tell: (message) => child()?.send(message),
    leave: () => actor.send({ type: 'leave' }),
    breakStream: () => actor.send({ type: 'break' }),
  };
}

/** The outcome of an effect, time passing as it needs it. */
export async function runEffect<I>(stage: Stage, logic: EffectLogic<I>, input: I): Promise<StreamEvent> {
  const running = startEffect(logic, input);
  return await stage.until(running.outcome);
}

export function expectOutcome<T extends StreamEvent['type']>(outcome: StreamEvent, type: T): StreamEventOf<T> {
  if (outcome.type !== type) throw new Error(`expected ${type}: ${JSON.stringify(outcome)}`);
  return outcome as StreamEventOf<T>;
}

/** Bytes that differ everywhere and are the same at every run. */
export function bytes(sizeBytes: number, seed = 1): Uint8Array {
  const made = new Uint8Array(sizeBytes);
  let state = Math.imul(seed, 0x9e3779b1) | 0 || 1;
  for (let i = 0; i < sizeBytes; i += 1) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    made[i] = state & 0xff;
  }
  return made;
}
