// One simulated daemon: the real machines, actors and supervisor, composed as the program composes them, on simulated ports. A new
// one on the same disk, S3, journal and Redis is a restart.

import { ReadingPlaces } from '../../src/actors/reading-places.ts';
import type { DaemonOptions, Ports, World } from '../../src/actors/world.ts';
import { createRangeHasher } from '../../src/adapters/range-hasher.ts';
import { type ComposedWorld, composeWorld } from '../../src/compose/world.ts';
import type { StreamId } from '../../src/machines/ids.ts';
import type { StreamSettings } from '../../src/machines/stream-settings.ts';
import type { RegistrySave } from '../../src/ports/registry.ts';
import type { Telemetry } from '../../src/ports/telemetry.ts';
import type { Views } from '../../src/ports/views.ts';
import { type MemoryJournalDisk, openMemoryJournal } from '../fakes/memory-journal.ts';
import type { MemoryRedis } from '../fakes/memory-registry.ts';
import { scriptedProber } from '../fakes/scripted-prober.ts';
import type { EventLog } from './event-log.ts';
import type { SimulatedProcess } from './process.ts';
import {
  type Machine,
  simulatedDisposal,
  simulatedFiles,
  simulatedWatcher,
  simulatedWriterCheck,
} from './simulated-machine.ts';
import { connectSimulated, type S3Network } from './simulated-s3.ts';
import { simulatedJournal, simulatedRegistry } from './simulated-stores.ts';
import { installEffects, type StreamSwaps, sharedStream } from './stream-machine.ts';

export const BUCKET = 'takes';
export const FOLDER_ID = 'folder-1';
export const UPLOAD_CONCURRENCY = 8;
const READERS = 2;
const SCRATCH_BYTES = 4_096;

const hasher = await createRangeHasher();

/** What a planted bug may swap. */
export interface Swaps extends StreamSwaps {
  readonly ports?: (ports: Ports, daemon: DaemonParts) => Ports;
  readonly world?: (world: World) => void;
  readonly savedInRegistry?: (save: RegistrySave, redis: MemoryRedis) => RegistrySave;
}

export interface DaemonParts {
  readonly process: SimulatedProcess;
  readonly log: EventLog;
  readonly network: S3Network;
  readonly machine: Machine;
  readonly journal: MemoryJournalDisk;
  readonly redis: MemoryRedis | null;
  readonly settings: StreamSettings;
  readonly holder: string;
  readonly standby?: boolean;
  readonly swaps: Swaps;
}

export interface Daemon {
  readonly process: SimulatedProcess;
  readonly world: World;
  readonly phase: () => string;
  wish(id: StreamId, wish: 'finalize' | 'retry' | 'abort'): void;
  drain(): void;
  /** Another daemon carries the folder. */
  wasRefused(): boolean;
}

/** null: it could not start (the journal cannot be opened). */
export async function startDaemon(parts: DaemonParts): Promise<Daemon | null> {
  const { process, log, journal } = parts;
  const opened = await openMemoryJournal(journal);
  if (!opened.ok) return null;
  log.add({ kind: 'daemon.started', daemon: process.name, remembers: journal.streams.size > 0 });
  process.onDeath(() => journal.crash());
  const ports = portsOf(parts, opened.value);
  const options = optionsOf(parts);
  const config = { s3BucketName: BUCKET, uploadConcurrency: UPLOAD_CONCURRENCY, uploadBufferBytes: 1024 * 1024 };
  const composed = composeWorld(
    config,
    options,
    parts.swaps.ports?.(ports, parts) ?? ports,
    () => {},
    () => sharedStream(parts.swaps),
  );
  installEffects(composed.supervisor.system, composed.world, parts.swaps);
  // Files are small here, and there are many daemons: 4 MiB for each would keep the collector busy.
  Object.assign(composed.world, { readers: new ReadingPlaces(READERS, SCRATCH_BYTES) });
  parts.swaps.world?.(composed.world);
  run(composed, parts);
  const { world, supervisor } = composed;
  return {
    process,
    world,
    phase: () => String(supervisor.getSnapshot().value),
    wish: (streamId, wish) => {
      const atMs = process.clock.nowMs();
      log.add({ kind: 'wish', streamId, wish });
      supervisor.send({ type: 'stream.told', streamId, event: { type: `operator.${wish}`, atMs } });
    },
    wasRefused: () => supervisor.getSnapshot().context.refusal?.code === 'lease_lost',
    drain: () => supervisor.send({ type: 'operator.drain', atMs: process.clock.nowMs() }),
  };
}

function optionsOf(parts: DaemonParts): DaemonOptions {
  const { process, settings, holder } = parts;
  return {
    settings,
    folders: [{ path: '/watched', id: FOLDER_ID }],
    existing: 'upload',
    once: false,
    holder,
    shutdownGraceMs: 2_000,
    retainFinalMs: 604_800_000,
    sweepIntervalMs: 2_000,
    maxHeldBytes: null,
    standby: parts.standby ?? false,
    startedAtMs: process.clock.nowMs(),
  };
}

function portsOf(parts: DaemonParts, journal: Ports['journal']): Ports {
  const { process, log, network, machine, redis, swaps } = parts;
  const { clock, random, weather } = network;
  const stores = { clock, random, log };
  return {
    clock: process.clock,
    files: simulatedFiles(machine, process),
    disposal: simulatedDisposal(machine, process),
    store: connectSimulated(network, process),
    journal: simulatedJournal(journal, stores, process, () => weather.journal),
    registry:
      redis &&
      simulatedRegistry(
        redis,
        stores,
        process,
        () => weather.registry,
        swaps.savedInRegistry && ((save) => swaps.savedInRegistry?.(save, redis) ?? save),
        parts.standby,
      ),
    lock: null,
    watcher: simulatedWatcher(machine, process),
    writers: simulatedWriterCheck(machine, process),
    hasher,
    prober: scriptedProber(),
    notifiers: [],
    telemetry: telemetryOf(process, log),
    views: viewsOf(process, log),
  };
}

/** As the program does when its supervisor ends (src/compose/compose.ts). */
function run({ world, mirror, supervisor }: ComposedWorld, { process, log }: DaemonParts): void {
  process.onDeath(() => {
    if (supervisor.getSnapshot().status === 'active')
      log.add({ kind: 'daemon.ended', daemon: process.name, how: 'killed' });
  });
  const close = async (how: 'stopped' | 'broken'): Promise<void> => {
    log.add({ kind: 'daemon.ended', daemon: process.name, how });
    mirror?.stop();
    world.writeAhead.stop();
    for (const lease of world.leases.values()) await world.registry?.releaseLease(lease);
    process.die();
  };
  supervisor.subscribe({ complete: () => void close('stopped'), error: () => void close('broken') });
  supervisor.start();
}

function telemetryOf(process: SimulatedProcess, log: EventLog): Telemetry {
  const tell =
    (level: 'warn' | 'error'): Telemetry['warn'] =>
    (message, fields = {}) => {
      if (process.isAlive)
        log.add({ kind: 'log', daemon: process.name, level, message, detail: String(fields['detail'] ?? '') });
    };
  return {
    debug: () => {},
    info: () => {},
    warn: tell('warn'),
    error: tell('error'),
    count: () => {},
    observe: () => {},
  };
}

/** Only moves are told: not every look at a growing file. */
function viewsOf(process: SimulatedProcess, log: EventLog): Views {
  const last = new Map<StreamId, string>();
  return {
    streamChanged(view) {
      const { id: streamId, state, status, generation, uploadId, completion, leftUploads: left } = view;
      const failure = view.failure?.code ?? null;
      const what = `${state}/${generation}/${uploadId}/${completion?.etag}/${completion?.freeze.ctimeNs}/${left.length}`;
      if (!process.isAlive || last.get(streamId) === what) return;
      last.set(streamId, what);
      const daemon = process.name;
      log.add({ kind: 'stream', daemon, streamId, state, status, generation, uploadId, completion, failure, left });
    },
    streamForgotten: () => {},
    daemonChanged: () => {},
  };
}
