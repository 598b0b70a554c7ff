// What verbs need besides a daemon: S3, the journal under its lock, the registry, a look at Redis and at this host. compose/tools.ts
// makes it; nothing here is opened before it is asked for, and everything that was opened is closed by who opened it.

import type { Config } from '../config/schema.ts';
import type { UploadId } from '../machines/ids.ts';
import type { ObjectTarget, StoredRecord } from '../machines/stream-record.ts';
import type { CallOptions, ObjectStore } from '../ports/object-store.ts';
import type { Outcome } from '../ports/outcome.ts';
import type { RedisFacts } from '../ports/redis-facts.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import type { WriterPresence } from '../ports/writer-check.ts';

/** The settings that an S3 client is made of. */
export const S3_SETTINGS = [
  's3KeyPrefix',
  's3EndpointUrl',
  's3RegionName',
  's3AccessKeyId',
  's3SecretAccessKey',
  's3SessionToken',
  's3ForcePathStyle',
] as const satisfies readonly (keyof Config)[];

export type S3Config = Pick<Config, (typeof S3_SETTINGS)[number] | 'stateDir' | 's3BucketName'>;

export interface UploadFacts {
  readonly parts: number;
  readonly sizeBytes: number;
  /** When S3 got the newest part, epoch ms; null: there is none, or S3 does not say. */
  readonly newestPartAtMs: number | null;
}

/** Questions that only verbs ask. */
export interface S3Inspection {
  uploadFacts(target: ObjectTarget, uploadId: UploadId, options?: CallOptions): Promise<Outcome<UploadFacts>>;
  /** Size of an object's first part and how many it has; null: not made of parts, or the server does not say. */
  firstPart(
    target: ObjectTarget,
    options?: CallOptions,
  ): Promise<{ readonly sizeBytes: number; readonly parts: number } | null>;
}

export interface S3Access {
  readonly store: ObjectStore;
  readonly inspection: S3Inspection;
  /** The endpoint's URL. */
  readonly endpoint: string;
  close(): Promise<void>;
}

export interface OpenS3Options {
  /** The endpoint inside STATE_DIR: the running daemon's, else one of our own, with STATE_DIR locked against daemons. */
  readonly embedded: boolean;
  /** That lock is ours already. */
  readonly locked?: boolean;
  readonly telemetry?: Telemetry;
}

export type OpenedS3 =
  | { readonly ok: true; readonly s3: S3Access }
  | { readonly ok: false; readonly exitCode: number; readonly message: string };

/** The journal, with no daemon beside us until it is closed. */
export interface LockedJournal {
  readonly records: readonly StoredRecord[];
  readonly unreadable: number;
  close(): Promise<void>;
}

export type JournalLooked =
  | { readonly kind: 'open'; readonly journal: LockedJournal }
  /** There is no journal. */
  | { readonly kind: 'none' }
  | { readonly kind: 'held'; readonly holder: string }
  | { readonly kind: 'trouble'; readonly detail: string };

export interface RegistryRecords {
  readonly records: readonly StoredRecord[];
  readonly unreadable: number;
}

export interface HostView {
  /** False when processes may exist that no listing shows. */
  showsAllProcesses(): boolean;
  /** The file system is one that other hosts may write to, or that is a program (FUSE). */
  othersMayWrite(folder: string): Promise<boolean>;
  /** Asks as the daemon does, for a file that nobody has: `none` only where every process could be looked into. */
  writersOfNothing(): Promise<WriterPresence>;
}

export interface Tools {
  openS3(config: S3Config, options: OpenS3Options): Promise<OpenedS3>;
  /** Takes STATE_DIR as a daemon would, so that none starts meanwhile. `purpose` names us to whoever is refused. */
  lockJournal(stateDir: string, purpose: string): Promise<JournalLooked>;
  readRegistry(config: Pick<Config, 'redisUrl' | 'redisKeyPrefix'>): Promise<Outcome<RegistryRecords> | null>;
  inspectRedis(url: string): Promise<Outcome<RedisFacts>>;
  host(): HostView;
}
