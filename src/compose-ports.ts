// The ports of a daemon by its configuration: which adapter, with which settings. Opens what has to be opened and says, in one
// line for people, what could not be.

import type { Ports } from './actors/world.ts';
import { createChokidarWatcher } from './adapters/chokidar-watcher.ts';
import { createFsFileSource } from './adapters/fs-file-source.ts';
import { createMonotonicClock } from './adapters/monotonic-clock.ts';
import { createProcWriterCheck } from './adapters/proc-writer-check.ts';
import { createRangeHasher } from './adapters/range-hasher.ts';
import { openRedisRegistry } from './adapters/redis-registry.ts';
import { createS3ObjectStore } from './adapters/s3-object-store.ts';
import { openSqliteJournal } from './adapters/sqlite-journal.ts';
import { EXIT } from './cli/exit-codes.ts';
import type { EmbeddedS3 } from './compose-embedded.ts';
import type { Config } from './config-schema.ts';
import { growingPlan, uniformPlan } from './machines/part-plan.ts';
import type { StreamSettings } from './machines/stream-settings.ts';
import type { ObjectStore } from './ports/object-store.ts';
import type { Registry } from './ports/registry.ts';
import type { Telemetry } from './ports/telemetry.ts';
import type { Views } from './ports/views.ts';

/** Nothing could be started: the exit code of the contract and one line that says what to do. */
export class CannotStart extends Error {
  readonly exitCode: number;
  constructor(exitCode: number, message: string) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** Where AWS's own chain names no region: most compatible servers accept it. */
const FALLBACK_REGION = 'us-east-1';
/** Parts whose answer was lost may still be executed for a moment: far longer than a socket buffer needs to empty on a live server. */
const LATE_ARRIVAL_MS = 5_000;

export async function openPorts(
  config: Config,
  embedded: EmbeddedS3 | null,
  telemetry: Telemetry,
  views: Views,
): Promise<Ports> {
  const journal = await openSqliteJournal({ stateDir: config.stateDir });
  if (!journal.ok)
    throw new CannotStart(
      EXIT.unavailable,
      `the journal in ${config.stateDir} cannot be opened: ${journal.failure.detail}`,
    );
  const registry = await openRegistry(config, telemetry);
  return {
    clock: createMonotonicClock(),
    files: createFsFileSource(),
    store: openStore(config, embedded, telemetry),
    journal: journal.value,
    registry,
    watcher: createChokidarWatcher({
      folders: config.watchFolders,
      include: config.watchInclude,
      exclude: config.watchExclude,
    }),
    writers: createProcWriterCheck(),
    hasher: await createRangeHasher(),
    telemetry,
    views,
  };
}

async function openRegistry(config: Config, telemetry: Telemetry): Promise<Registry | null> {
  if (config.redisUrl === null) return null;
  const opened = await openRedisRegistry({ url: config.redisUrl, keyPrefix: config.redisKeyPrefix, telemetry });
  if (!opened.ok) throw new CannotStart(EXIT.configuration, opened.failure.detail);
  return opened.value;
}

export function openStore(config: Config, embedded: EmbeddedS3 | null, telemetry?: Telemetry): ObjectStore {
  const { s3AccessKeyId, s3SecretAccessKey, s3SessionToken } = config;
  const given =
    s3AccessKeyId !== null && s3SecretAccessKey !== null
      ? { accessKeyId: s3AccessKeyId, secretAccessKey: s3SecretAccessKey, sessionToken: s3SessionToken ?? undefined }
      : undefined;
  return createS3ObjectStore({
    endpoint: embedded?.endpoint ?? config.s3EndpointUrl ?? undefined,
    region: config.s3RegionName ?? process.env['AWS_REGION'] ?? process.env['AWS_DEFAULT_REGION'] ?? FALLBACK_REGION,
    credentials: embedded ?? given,
    forcePathStyle: embedded !== null || config.s3ForcePathStyle,
    probePrefix: config.s3KeyPrefix,
    telemetry,
  });
}

export const settingsOf = (config: Config): StreamSettings => ({
  bucket: config.s3BucketName,
  keyPrefix: config.s3KeyPrefix,
  keyTemplate: config.s3KeyTemplate,
  onExisting: config.s3OnExisting,
  plan: config.partPlan === 'uniform' ? uniformPlan(config.chunkSizeBytes) : growingPlan(config.chunkSizeBytes),
  verifySource: config.verifySource,
  streamTimeoutMs: config.streamTimeoutMs,
  writerCloseGraceMs: config.writerCloseGraceMs,
  streamTimeoutUnknownMs: config.streamTimeoutUnknownMs,
  parkedRetryMs: config.parkedRetryMs,
  completeDoubtMs: config.s3CompleteDoubtMs,
  lateArrivalMs: LATE_ARRIVAL_MS,
});
