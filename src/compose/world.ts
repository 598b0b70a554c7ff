// The world of the actors: ports and what all of them share, and the tie between write-ahead, mirror and supervisor.

import { EffectGate } from '../actors/effect-gate.ts';
import { FormerParts } from '../actors/former-parts.ts';
import { Carrying } from '../actors/lease.ts';
import { LiveStreams } from '../actors/live-streams.ts';
import { Notices } from '../actors/notices.ts';
import { Permits } from '../actors/permits.ts';
import { ReadingPlaces } from '../actors/reading-places.ts';
import { RegistryMirror } from '../actors/registry-mirror.ts';
import { StoreProbe } from '../actors/store-probe.ts';
import { StreamHistory } from '../actors/stream-history.ts';
import { type Supervisor, streamWith, supervise } from '../actors/supervise.ts';
import { UploadSlots } from '../actors/upload-slots.ts';
import type { DaemonOptions, Ports, World } from '../actors/world.ts';
import { type Saved, WriteAhead } from '../actors/write-ahead.ts';
import { lockReach } from '../adapters/socket-lock.ts';
import type { Config } from '../config/schema.ts';
import type { SupervisorEvent } from '../machines/supervisor.machine.ts';
import { settingsOf } from './ports.ts';

/** Whole-file reads at once: one disk is not read faster by more, and each needs 4 MiB. */
const READERS = 2;
/** Lists and heads at once when many streams are restored. */
const LOOKERS = 16;
/** Processes of ffprobe at once: each takes a core for a moment. */
const PROBES = 2;
/** How often the folders are swept for what events lost. */
const SWEEP_INTERVAL_MS = 10_000;

export interface ComposedWorld {
  readonly world: World;
  readonly mirror: RegistryMirror | null;
  readonly supervisor: Supervisor;
}

/** Names this process to whoever is refused its locks. */
export const lockHolderOf = (config: Config): string => `${config.instanceName} (pid ${process.pid})`;

/**
 * Names us in the leases of Redis: the same for all processes that the folder's lock keeps apart. Whoever has that lock and finds a
 * lease under its own name knows that the process which took it is dead, and need not wait until the lease runs out.
 */
export const leaseHolderOf = (config: Config): string => `${config.instanceName} (host ${lockReach()})`;

export function optionsOf(
  config: Config,
  folders: DaemonOptions['folders'],
  once: boolean,
  holder: string,
): DaemonOptions {
  return {
    settings: settingsOf(config),
    folders,
    existing: config.watchExisting,
    once,
    holder,
    shutdownGraceMs: config.shutdownGraceMs,
    retainFinalMs: config.retainFinalMs,
    sweepIntervalMs: SWEEP_INTERVAL_MS,
    maxHeldBytes: config.maxHeldBytes,
    standby: config.standby,
    startedAtMs: Date.now(),
  };
}

/** `stream`: the stream's machine with its work; another one only where a test shows what would go wrong with it. */
export function composeWorld(
  config: Pick<Config, 's3BucketName' | 'uploadConcurrency' | 'uploadBufferBytes'>,
  options: DaemonOptions,
  ports: Ports,
  noteStore: (problem: string | null) => void,
  stream = streamWith,
): ComposedWorld {
  const { journal, clock, telemetry, views, registry, store } = ports;
  // The three know each other: the write-ahead feeds the mirror, the mirror tells the supervisor, whose effects use the write-ahead.
  const late: { mirror: RegistryMirror | null; supervisor: Supervisor | null } = { mirror: null, supervisor: null };
  const writeAhead = new WriteAhead({
    journal,
    clock,
    telemetry,
    onSaved: (saved: readonly Saved[]) => late.mirror?.push(saved),
    onWritable: (journalWritable) => views.daemonChanged({ journalWritable }),
  });
  const probe = new StoreProbe(store, config.s3BucketName, (outcome) => {
    views.daemonChanged({ objectStoreReachable: outcome.ok });
    noteStore(outcome.ok ? null : `${outcome.failure.code}: ${outcome.failure.detail}`);
  });
  const world: World = {
    ...ports,
    options,
    writeAhead,
    streams: new LiveStreams(),
    history: new StreamHistory(),
    former: new FormerParts(store),
    slots: new UploadSlots({ concurrency: config.uploadConcurrency, bufferBytes: config.uploadBufferBytes }),
    gate: new EffectGate(),
    probe,
    readers: new ReadingPlaces(READERS),
    lookers: new Permits(LOOKERS),
    probes: new Permits(PROBES),
    notices: new Notices(ports),
    leases: new Map(),
    lostTo: new Map(),
    carrying: new Carrying(options.startedAtMs),
    tellSupervisor: (event: SupervisorEvent) => late.supervisor?.send(event),
  };
  late.mirror = registry && new RegistryMirror(world, registry);
  const { mirror } = late;
  if (mirror) world.carrying.registryHolds = (id) => mirror.holds(id);
  const supervisor = supervise(world, late.mirror, stream(world));
  late.supervisor = supervisor;
  return { world, mirror: late.mirror, supervisor };
}
