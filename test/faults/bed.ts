// A bed for faults of S3: the daemon's world as the program composes it, with its own files, watcher, S3 adapter, machines and
// actors, in this process, on a real file in a real folder; behind a fault proxy, dev-s3. What S3 does not touch is cheap, because
// there are hundreds of beds: the journal is in memory, nobody looks into /proc, parts are small and times short.
//
// It watches all the time: which failures a stream shows, that nothing is called completed before its object is the file, and that
// neither a Complete nor an Abort runs beside anything else of its upload.

import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GetObjectCommand, ListMultipartUploadsCommand, S3Client } from '@aws-sdk/client-s3';
import type { TestContext } from 'vitest';
import type { Ports } from '../../src/actors/world.ts';
import { createChokidarWatcher } from '../../src/adapters/chokidar-watcher.ts';
import { createFsFileSource } from '../../src/adapters/fs-file-source.ts';
import { findFolder } from '../../src/adapters/fs-folder.ts';
import { createFsSourceDisposal } from '../../src/adapters/fs-source-disposal.ts';
import { createMonotonicClock } from '../../src/adapters/monotonic-clock.ts';
import { createRangeHasher } from '../../src/adapters/range-hasher.ts';
import type { S3Timeouts } from '../../src/adapters/s3-http.ts';
import { createS3ObjectStore } from '../../src/adapters/s3-object-store.ts';
import { composeWorld, optionsOf } from '../../src/compose/world.ts';
import { loadConfig } from '../../src/config/load-config.ts';
import { AS_AWS, type Behaviour } from '../../src/dev-s3/behaviour.ts';
import { type DevS3, startDevS3 } from '../../src/dev-s3/server.ts';
import type { FailureCode } from '../../src/machines/failure.ts';
import { uniformPlan } from '../../src/machines/part-plan.ts';
import type { StreamSettings } from '../../src/machines/stream-settings.ts';
import type { StreamView } from '../../src/ports/stream-view.ts';
import { MemoryJournalDisk, openMemoryJournal } from '../fakes/memory-journal.ts';
import { scriptedProber } from '../fakes/scripted-prober.ts';
import { createScriptedWriterCheck } from '../fakes/scripted-writer-check.ts';
import { content } from '../fixtures/writers/content.ts';
import { type FaultProxy, startFaultProxy } from './proxy/fault-proxy.ts';
import { recordingTelemetry } from './recording-telemetry.ts';

export const PART_BYTES = 256 * 1024;
/** Three whole parts and a tail. */
export const FILE_BYTES = 3 * PART_BYTES + 12_345;
export const PARTS = 4;
export const NAME = 'take.mkv';
const BUCKET = 'takes';
const ACCESS = { region: 'us-east-1', accessKeyId: 'fault-key', secretAccessKey: 'fault-secret' };

/** How long the adapter waits: longer than anything takes on a machine that is busy with other tests. */
const TIMEOUTS: S3Timeouts = {
  connectMs: 20_000,
  socketIdleMs: 20_000,
  requestMs: 20_000,
  completeMs: 20_000,
  slowestBytesPerSecond: 64 * 1024,
};
/** Where a stall is to be noticed within a test. What is merely slow may be given up as well, and is sent again. */
export const IMPATIENT = { socketIdleMs: 1_500, requestMs: 2_500, completeMs: 2_500 } satisfies Partial<S3Timeouts>;

/** No second Complete within this time after one without an answer. */
export const DOUBT_MS = 1_500;
const SETTINGS = {
  plan: uniformPlan(PART_BYTES),
  streamTimeoutMs: 400,
  streamTimeoutUnknownMs: 400,
  writerCloseGraceMs: 200,
  parkedRetryMs: 1_000,
  completeDoubtMs: DOUBT_MS,
  lateArrivalMs: 600,
} as const satisfies Partial<StreamSettings>;

const hasher = await createRangeHasher();

const DEADLINE_MS = 45_000;
const POLL_MS = 20;

export interface BedOptions {
  readonly behaviour?: Partial<Behaviour>;
  readonly settings?: Partial<StreamSettings>;
  readonly timeouts?: Partial<S3Timeouts>;
}

export interface SeenFailure {
  readonly code: FailureCode;
  readonly state: string;
}

export class Bed {
  readonly s3: DevS3;
  readonly proxy: FaultProxy;
  readonly path: string;
  readonly seen: SeenFailure[] = [];
  readonly states = new Set<string>();
  readonly views = new Map<string, StreamView>();
  /** What was told too early. */
  readonly lies: string[] = [];
  readonly #direct: S3Client;
  readonly #looking: Promise<void>[] = [];
  #told = new Set<string>();

  constructor(s3: DevS3, proxy: FaultProxy, folder: string) {
    this.s3 = s3;
    this.proxy = proxy;
    this.path = join(folder, NAME);
    this.#direct = new S3Client({ endpoint: s3.url, region: ACCESS.region, credentials: ACCESS, forcePathStyle: true });
  }

  /** Resolves when it is known what the server can do. */
  probed: () => Promise<unknown> = async () => {};
  tellOperator: (wish: 'abort' | 'retry' | 'finalize') => void = () => {};

  /** Is called for every change of every stream. */
  see(view: StreamView): void {
    this.views.set(view.id, view);
    this.states.add(view.state);
    const { failure, state } = view;
    if (failure && !this.seen.some((each) => each.code === failure.code && each.state === state)) {
      this.seen.push({ code: failure.code, state });
    }
    const isDone = view.status === 's3_completed' || view.status === 'completed';
    const sight = `${view.id}/${view.generation}`;
    if (!isDone || this.#told.has(sight)) return;
    this.#told.add(sight);
    this.#looking.push(this.#lookAt(view).catch((error) => void this.lies.push(`nobody could look: ${error}`)));
  }

  async #lookAt({ completion, path }: StreamView): Promise<void> {
    const object = completion && (await this.objectAt(completion.target.key));
    if (!object) this.lies.push('completed without an object');
    else if (sha256(object) !== sha256(await readFile(path))) this.lies.push('completed with another object');
  }

  get stream(): StreamView | null {
    return [...this.views.values()].find((view) => view.path === this.path) ?? null;
  }

  /** As recorders do: under a name that is not watched, then renamed. */
  async putFile(bytes: Uint8Array = content(FILE_BYTES)): Promise<void> {
    await writeFile(`${this.path}.tmp`, bytes);
    await rename(`${this.path}.tmp`, this.path);
  }

  async until<T>(what: string, look: () => Promise<T | null> | T | null, deadlineMs = DEADLINE_MS): Promise<T> {
    const endMs = performance.now() + deadlineMs;
    for (;;) {
      const found = await look();
      if (found !== null && found !== false) return found;
      if (performance.now() > endMs) throw new Error(`${what}: not within ${deadlineMs} ms. ${this.#last()}`);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  async waitFor(wanted: string, and: (view: StreamView) => boolean = () => true): Promise<StreamView> {
    const isWanted = (view: StreamView) =>
      (view.status === wanted || `${view.state}.`.startsWith(`${wanted}.`)) && and(view);
    return await this.until(
      `the stream is ${wanted}`,
      () => [this.stream].find((view) => view && isWanted(view)) ?? null,
    );
  }

  /** Of the file's own key. */
  calls(operation: string, key = NAME) {
    return this.proxy.calls.filter((call) => call.operation === operation && call.key === key);
  }

  async objectAt(key: string): Promise<Buffer | null> {
    try {
      const { Body } = await this.#direct.send(new GetObjectCommand({ Bucket: BUCKET, Key: key }));
      return Buffer.from(await Body!.transformToByteArray());
    } catch (error) {
      if ((error as Error).name === 'NoSuchKey') return null;
      throw error;
    }
  }

  /** Ids of uploads of the file's key that are open at the server. */
  async openUploads(): Promise<readonly string[]> {
    const page = await this.#direct.send(new ListMultipartUploadsCommand({ Bucket: BUCKET, Prefix: NAME }));
    return (page.Uploads ?? []).map(({ UploadId = '' }) => UploadId);
  }

  /** @throws if what was called completed so far was not */
  async settled(): Promise<void> {
    await Promise.all(this.#looking);
    if (this.lies.length > 0) throw new Error(`a lie: ${this.lies.join('; ')}`);
  }

  #last(): string {
    const view = this.stream;
    const calls = this.proxy.calls.slice(-12).map((call) => `${call.operation}${call.fault ? ` (${call.fault})` : ''}`);
    const { state, attempt, failure, generation } = view ?? {};
    return JSON.stringify({ state, attempt, generation, failure: failure?.detail, seen: this.seen, calls });
  }

  close(): void {
    this.#direct.destroy();
  }
}

export async function openBed(test: TestContext, options: BedOptions = {}): Promise<Bed> {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'tailrace-faults-')));
  test.onTestFinished(() => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
  const watched = join(folder, 'watched');
  for (const name of ['watched', 's3', 'state']) mkdirSync(join(folder, name));
  const behaviour = { ...AS_AWS, ...options.behaviour };
  const small = { minPartBytes: PART_BYTES, fsync: false, behaviour };
  const s3 = await startDevS3({ folder: join(folder, 's3'), ...ACCESS, buckets: [BUCKET], ...small });
  test.onTestFinished(() => s3.close());
  const proxy = await startFaultProxy(s3.url, ACCESS);
  test.onTestFinished(() => proxy.close());
  const bed = new Bed(s3, proxy, watched);
  test.onTestFinished(() => bed.close());
  const { settings = {}, timeouts = {} } = options;
  await startDaemon(test, bed, { folder, watched, settings, timeouts: { ...TIMEOUTS, ...timeouts } });
  return bed;
}

interface Place {
  readonly folder: string;
  readonly watched: string;
  readonly settings: Partial<StreamSettings>;
  readonly timeouts: S3Timeouts;
}

async function startDaemon(test: TestContext, bed: Bed, { folder, watched, settings, timeouts }: Place): Promise<void> {
  const flags = {
    WATCH_DIR: watched,
    STATE_DIR: join(folder, 'state'),
    S3_ENDPOINT_URL: bed.proxy.url,
    S3_BUCKET_NAME: BUCKET,
    S3_REGION_NAME: ACCESS.region,
    S3_ACCESS_KEY_ID: ACCESS.accessKeyId,
    S3_SECRET_ACCESS_KEY: ACCESS.secretAccessKey,
  };
  const loaded = loadConfig({ flags: {}, env: flags, cwd: folder });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  const { config } = loaded;
  const telemetry = recordingTelemetry();
  test.onTestFailed(() => void process.stderr.write(`${telemetry.lines.slice(-30).join('\n')}\n`));
  const views = {
    streamChanged: (view: StreamView) => bed.see(view),
    streamForgotten: () => {},
    daemonChanged: () => {},
  };
  const credentials = { accessKeyId: ACCESS.accessKeyId, secretAccessKey: ACCESS.secretAccessKey };
  const store = createS3ObjectStore({
    endpoint: bed.proxy.url,
    region: ACCESS.region,
    credentials,
    timeouts,
  });
  const journal = await openMemoryJournal(new MemoryJournalDisk());
  if (!journal.ok) throw new Error(journal.failure.detail);
  const { watchFolders: folders, watchInclude: include, watchExclude: exclude } = config;
  const ports: Ports = {
    clock: createMonotonicClock(),
    files: createFsFileSource(),
    disposal: createFsSourceDisposal(),
    store,
    journal: journal.value,
    registry: null,
    lock: null,
    watcher: createChokidarWatcher({ folders, include, exclude }),
    writers: createScriptedWriterCheck('none'),
    hasher,
    prober: scriptedProber(),
    notifiers: [],
    telemetry,
    views,
  };
  const found = await findFolder(watched);
  if (!found.ok) throw new Error(found.problem);
  const options = optionsOf(config, [{ path: watched, id: found.id }], false, 'bed');
  const shortened = { ...options, settings: { ...options.settings, ...SETTINGS, ...settings } };
  const { world, supervisor } = composeWorld(config, shortened, ports, () => {});
  supervisor.start();
  test.onTestFinished(async () => {
    supervisor.stop();
    world.writeAhead.stop();
    await ports.watcher.close();
    store.close();
    await ports.journal.close();
    await ports.files.close();
  });
  // First of all: before the servers close under a look.
  test.onTestFinished(() => bed.settled());
  bed.probed = () => world.probe.capabilities();
  bed.tellOperator = (wish) => {
    const streamId = bed.stream?.id;
    if (streamId)
      supervisor.send({
        type: 'stream.told',
        streamId,
        event: { type: `operator.${wish}`, atMs: world.clock.nowMs() },
      });
  };
  await bed.until('the daemon runs', () => (supervisor.getSnapshot().value === 'running' ? true : null));
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
