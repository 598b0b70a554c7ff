// Everything the actors work through: the ports, and the few objects that all of them share. Made once by compose.ts.

import type { StreamSettings } from '../machines/stream-settings.ts';
import type { SupervisorEvent } from '../machines/supervisor.machine.ts';
import type { Clock } from '../ports/clock.ts';
import type { FileSource } from '../ports/file-source.ts';
import type { Hasher } from '../ports/hasher.ts';
import type { Journal } from '../ports/journal.ts';
import type { Lock } from '../ports/lock.ts';
import type { Notifier } from '../ports/notifier.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import type { Prober } from '../ports/prober.ts';
import type { Registry } from '../ports/registry.ts';
import type { SourceDisposal } from '../ports/source-disposal.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import type { Views } from '../ports/views.ts';
import type { Watcher } from '../ports/watcher.ts';
import type { WriterCheck } from '../ports/writer-check.ts';
import type { EffectGate } from './effect-gate.ts';
import type { FormerParts } from './former-parts.ts';
import type { Carrying, HeldLease } from './lease.ts';
import type { LiveStreams } from './live-streams.ts';
import type { Notices } from './notices.ts';
import type { Permits } from './permits.ts';
import type { ReadingPlaces } from './reading-places.ts';
import type { StoreProbe } from './store-probe.ts';
import type { StreamHistory } from './stream-history.ts';
import type { UploadSlots } from './upload-slots.ts';
import type { WriteAhead } from './write-ahead.ts';

export interface Ports {
  readonly clock: Clock;
  readonly files: FileSource;
  readonly disposal: SourceDisposal;
  readonly store: ObjectStore;
  readonly journal: Journal;
  readonly registry: Registry | null;
  /** The folders' locks of this host, where they are waited for (`standby`); null: they are held already. */
  readonly lock: Lock | null;
  readonly watcher: Watcher;
  readonly writers: WriterCheck;
  readonly hasher: Hasher;
  readonly prober: Prober;
  readonly notifiers: readonly Notifier[];
  readonly telemetry: Telemetry;
  readonly views: Views;
}

export interface DaemonOptions {
  readonly settings: StreamSettings;
  /** Absolute paths. */
  readonly folders: readonly { readonly path: string; readonly id: string }[];
  readonly existing: 'upload' | 'skip';
  readonly once: boolean;
  /** One per process: name, pid and a random part. */
  readonly holder: string;
  readonly shutdownGraceMs: number;
  readonly retainFinalMs: number;
  readonly sweepIntervalMs: number;
  /** Of files without a name that we hold open; null: a share of the file system. */
  readonly maxHeldBytes: number | null;
  /** A folder that another daemon carries is waited for, and ours may be taken over by another. Needs a registry. */
  readonly standby: boolean;
  /** Epoch ms. */
  readonly startedAtMs: number;
}

export interface World extends Ports {
  readonly options: DaemonOptions;
  readonly writeAhead: WriteAhead;
  readonly streams: LiveStreams;
  readonly history: StreamHistory;
  readonly former: FormerParts;
  readonly slots: UploadSlots;
  readonly gate: EffectGate;
  readonly probe: StoreProbe;
  /** Whole-file reads (verify, compare) at once. */
  readonly readers: ReadingPlaces;
  /** Requests that only look (lists, heads) at once. */
  readonly lookers: Permits;
  /** Probes for media at once. */
  readonly probes: Permits;
  readonly notices: Notices;
  /** The leases of our folders by folder id; empty without a registry, or while it could not be asked. */
  readonly leases: Map<string, HeldLease>;
  /** Folders (by path) that another daemon was seen to carry, and its name: nothing there is completed or aborted any more. */
  readonly lostTo: Map<string, string>;
  readonly carrying: Carrying;
  tellSupervisor(event: SupervisorEvent): void;
}
