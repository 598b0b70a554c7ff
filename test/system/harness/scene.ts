// Everything one test needs of the world: a temporary folder with a watched one in it, dev-s3, Redis if wanted, and the built
// daemon. All of it ends with the test, passed or failed.
//
// Tests of one file may run side by side: each opens its own scene with its own test context.

import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RedisServer, startRedisServer } from '../../fixtures/redis-server.ts';
import { Daemon, type Settings } from './daemon.ts';
import type { OwnerTest } from './owned-processes.ts';
import { BUCKET, CREDENTIALS, type S3Server, startS3 } from './s3-server.ts';

export const MIB = 2 ** 20;
/** The smallest that S3 knows: many parts of little data. */
export const CHUNK_BYTES = 5 * MIB;

/** Times short enough to wait for. A writer that nobody saw is `unknown` wherever not every process may be looked into. */
const QUICK: Settings = {
  STREAM_TIMEOUT_SECONDS: '3',
  WRITER_CLOSE_GRACE_SECONDS: '1',
  STREAM_TIMEOUT_UNKNOWN_SECONDS: '4',
  CHUNK_SIZE_BYTES: String(CHUNK_BYTES),
  SHUTDOWN_GRACE_SECONDS: '10',
  S3_COMPLETE_DOUBT_SECONDS: '3',
  PARKED_RETRY_SECONDS: '1',
  PROM_PORT: '0',
};

export interface SceneOptions {
  readonly settings?: Settings;
  readonly redis?: boolean;
  /** More words for its command line. */
  readonly redisFlags?: readonly string[];
  /** One that runs already, and is the test's. */
  readonly redisServer?: RedisServer;
  /** dev-s3 as a process of its own, which can be killed and frozen. */
  readonly s3OwnProcess?: boolean;
  /** false: the test starts the daemon itself (`scene.daemon.start()`), for example after it has put files there. */
  readonly startDaemon?: boolean;
}

export interface Scene {
  /** Everything of this test is below it. */
  readonly folder: string;
  /** The watched folder. */
  readonly recordings: string;
  /** Absolute path of a name in the watched folder. */
  path(name: string): string;
  readonly s3: S3Server;
  readonly redis: RedisServer | null;
  readonly daemon: Daemon;
  /** One more on the same S3, Redis and folder, with a STATE_DIR of its own (`STATE_DIR` is not given: `state-2` and so on). */
  another(settings?: Settings): Daemon;
}

export async function openScene(test: OwnerTest, options: SceneOptions = {}): Promise<Scene> {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'tailrace-system-')));
  test.onTestFinished(() => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
  const recordings = join(folder, 'recordings');
  mkdirSync(recordings);
  mkdirSync(join(folder, 'state'));
  const s3 = await startS3(test, folder, options.s3OwnProcess ? { ownProcess: true } : {});
  const redis =
    options.redisServer ?? (options.redis ? await startRedisServer({ flags: options.redisFlags ?? [] }) : null);
  if (redis && !options.redisServer) test.onTestFinished(() => redis.stop());
  const settings: Settings = {
    ...QUICK,
    WATCH_DIR: recordings,
    STATE_DIR: join(folder, 'state'),
    S3_ENDPOINT_URL: s3.url,
    S3_REGION_NAME: 'us-east-1',
    S3_BUCKET_NAME: BUCKET,
    S3_ACCESS_KEY_ID: CREDENTIALS.accessKeyId,
    S3_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey,
    ...(redis ? { REDIS_URL: redis.url } : {}),
    ...options.settings,
  };
  const daemon = new Daemon(test, settings);
  let daemons = 1;
  const another = (more: Settings = {}): Daemon => {
    daemons += 1;
    const stateDir = more['STATE_DIR'] ?? join(folder, `state-${daemons}`);
    mkdirSync(stateDir, { recursive: true });
    return new Daemon(test, { ...settings, STATE_DIR: stateDir, ...more });
  };
  if (options.startDaemon ?? true) await daemon.start();
  return { folder, recordings, path: (name) => join(recordings, name), s3, redis, daemon, another };
}
