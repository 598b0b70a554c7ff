// The ports of a daemon by its configuration: which adapter, with which settings. Opens what has to be opened and says, in one
// line for people, what could not be.

import type { Ports } from '../actors/world.ts';
import { createChokidarWatcher } from '../adapters/chokidar-watcher.ts';
import { createCommandNotifier } from '../adapters/command-notifier.ts';
import { createFfprobeProber } from '../adapters/ffprobe-prober.ts';
import { createFsFileSource } from '../adapters/fs-file-source.ts';
import { createFsSourceDisposal } from '../adapters/fs-source-disposal.ts';
import { createHttpNotifier } from '../adapters/http-notifier.ts';
import { createMonotonicClock } from '../adapters/monotonic-clock.ts';
import { createProcWriterCheck } from '../adapters/proc-writer-check.ts';
import { createRangeHasher } from '../adapters/range-hasher.ts';
import { openRedisRegistry } from '../adapters/redis-registry.ts';
import type { S3ClientOptions } from '../adapters/s3-client.ts';
import { createS3ObjectStore } from '../adapters/s3-object-store.ts';
import { openSqliteJournal } from '../adapters/sqlite-journal.ts';
import { EXIT } from '../cli/exit-codes.ts';
import type { S3Config } from '../cli/tools.ts';
import type { Config } from '../config/schema.ts';
import { growingPlan, MAX_PARTS, uniformPlan } from '../machines/part-plan.ts';
import type { StreamSettings } from '../machines/stream-settings.ts';
import type { Lock } from '../ports/lock.ts';
import type { Notifier } from '../ports/notifier.ts';
import type { Registry } from '../ports/registry.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import type { Views } from '../ports/views.ts';
import type { EmbeddedS3 } from './embedded.ts';

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

export interface Given {
  readonly embedded: EmbeddedS3 | null;
  readonly folderLock: Lock | null;
}

export async function openPorts(
  config: Config,
  { embedded, folderLock }: Given,
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
  const files = createFsFileSource();
  return {
    clock: createMonotonicClock(),
    files,
    disposal: createFsSourceDisposal(),
    store: createS3ObjectStore({
      ...s3OptionsOf(config, embedded),
      probePrefix: config.s3KeyPrefix,
      telemetry,
      onReachable: (objectStoreReachable) => views.daemonChanged({ objectStoreReachable }),
    }),
    journal: journal.value,
    registry,
    lock: folderLock,
    watcher: createChokidarWatcher({
      folders: config.watchFolders,
      include: config.watchInclude,
      exclude: config.watchExclude,
    }),
    writers: createProcWriterCheck(),
    hasher: await createRangeHasher(),
    prober: createFfprobeProber({ program: config.ffprobePath, lend: files.lend }),
    notifiers: notifiersOf(config),
    telemetry,
    views,
  };
}

function notifiersOf({
  notifyUrl,
  notifySecret,
  notifyCommand,
  notifyTimeoutMs: timeoutMs,
}: Config): readonly Notifier[] {
  const webhook = notifyUrl === null ? [] : [createHttpNotifier({ url: notifyUrl, secret: notifySecret, timeoutMs })];
  return notifyCommand === null ? webhook : [...webhook, createCommandNotifier({ program: notifyCommand, timeoutMs })];
}

async function openRegistry(config: Config, telemetry: Telemetry): Promise<Registry | null> {
  const url = config.redisUrl;
  if (url === null) return null;
  const opened = await openRedisRegistry({ url, keyPrefix: config.redisKeyPrefix, standby: config.standby, telemetry });
  if (!opened.ok) throw new CannotStart(EXIT.configuration, opened.failure.detail);
  return opened.value;
}

/** What an S3 client is made of. */
export function s3OptionsOf(
  config: S3Config,
  embedded: Pick<EmbeddedS3, 'endpoint' | 'accessKeyId' | 'secretAccessKey'> | null,
) {
  const { s3AccessKeyId, s3SecretAccessKey, s3SessionToken } = config;
  const given =
    s3AccessKeyId !== null && s3SecretAccessKey !== null
      ? { accessKeyId: s3AccessKeyId, secretAccessKey: s3SecretAccessKey, sessionToken: s3SessionToken ?? undefined }
      : undefined;
  return {
    endpoint: embedded?.endpoint ?? config.s3EndpointUrl ?? undefined,
    region: config.s3RegionName ?? process.env['AWS_REGION'] ?? process.env['AWS_DEFAULT_REGION'] ?? FALLBACK_REGION,
    credentials: embedded ?? given,
    forcePathStyle: embedded !== null || config.s3ForcePathStyle,
  } satisfies S3ClientOptions;
}

export const settingsOf = (config: Config): StreamSettings => ({
  bucket: config.s3BucketName,
  keyPrefix: config.s3KeyPrefix,
  keyTemplate: config.s3KeyTemplate,
  onExisting: config.s3OnExisting,
  plan: config.partPlan === 'uniform' ? uniformPlan(config.chunkSizeBytes) : growingPlan(config.chunkSizeBytes),
  maxParts: MAX_PARTS,
  afterComplete: config.afterComplete,
  maxUploadAgeMs: config.s3MaxUploadAgeMs,
  verifySource: config.verifySource,
  streamTimeoutMs: config.streamTimeoutMs,
  writerCloseGraceMs: config.writerCloseGraceMs,
  streamTimeoutUnknownMs: config.streamTimeoutUnknownMs,
  parkedRetryMs: config.parkedRetryMs,
  completeDoubtMs: config.s3CompleteDoubtMs,
  lateArrivalMs: LATE_ARRIVAL_MS,
});
