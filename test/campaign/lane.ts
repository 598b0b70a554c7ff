// One lane of the campaign: a watched folder, S3, Redis, and one daemon after the other, each killed. Lanes run side by side and share
// nothing.

import { appendFileSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { AS_AWS } from '../../src/dev-s3/behaviour.ts';
import { type DevS3, startDevS3 } from '../../src/dev-s3/server.ts';
import { startSwift } from '../../tools/real-s3/swift-server.ts';
import { type RedisServer, startRedisServer } from '../fixtures/redis-server.ts';
import type { Random } from '../simulation/random.ts';
import type { OwnerTest } from '../system/harness/owned-processes.ts';
import { BucketSight, type S3Place } from './bucket-sight.ts';
import { Diary } from './diary.ts';
import { SentTally } from './sent-bytes.ts';
import { Victim } from './victim.ts';

/** What the daemon of a lane is set to: the file stays, is moved or removed; or uploads grow old and are gone on from. */
export const FLAVOURS = ['keep', 'move', 'delete', 'aged'] as const;
export type Flavour = (typeof FLAVOURS)[number];

/** Real servers keep to S3's smallest part. */
const CHUNK_SIZE_BYTES = 5 * 2 ** 20;
/** dev-s3 says that it ends uploads of this age, and does: from half of it on the stream goes on in another one. */
const AGED_MS = 24_000;
const BUCKET = 'takes';
const CREDENTIALS = { accessKeyId: 'campaign-key', secretAccessKey: 'campaign-secret' };

/** The quickest that can be: what takes its time is left to the daemon. */
const QUICK = {
  STREAM_TIMEOUT_SECONDS: '1',
  WRITER_CLOSE_GRACE_SECONDS: '0.3',
  STREAM_TIMEOUT_UNKNOWN_SECONDS: '4',
  CHUNK_SIZE_BYTES: String(CHUNK_SIZE_BYTES),
  SHUTDOWN_GRACE_SECONDS: '5',
  S3_COMPLETE_DOUBT_SECONDS: '2',
  PARKED_RETRY_SECONDS: '1',
  PROM_PORT: '0',
} as const;

export interface LaneOptions {
  readonly name: string;
  readonly flavour: Flavour;
  readonly redis: boolean;
  readonly realS3: boolean;
  readonly random: Random;
  /** Folder of the built program. */
  readonly program: string;
  readonly onViolation?: (sentence: string) => void;
}

export interface Lane extends LaneOptions {
  readonly owner: OwnerTest;
  readonly folder: string;
  /** The watched one. */
  readonly recordings: string;
  /** With AFTER_COMPLETE=move. */
  readonly moved: string;
  readonly victim: Victim;
  readonly diary: Diary;
  readonly bucket: BucketSight;
  /** null: a server that we did not write. */
  readonly devS3: DevS3 | null;
  readonly sent: SentTally;
  readonly redisServer: RedisServer | null;
  readonly redisClient: Redis | null;
  /** What broke a promise, in sentences. */
  readonly violations: string[];
  /** When STATE_DIR was removed, epoch ms. */
  readonly stateLostAtMs: number[];
  note(line: string): void;
  blame(sentence: string): void;
}

export async function openLane(owner: OwnerTest, options: LaneOptions): Promise<Lane> {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'tailrace-campaign-')));
  const violations: string[] = [];
  owner.onTestFinished(() => {
    if (violations.length === 0) rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  });
  const [recordings, moved] = [join(folder, 'recordings'), join(folder, 'moved')];
  mkdirSync(recordings);
  const { place, devS3 } = await openS3(owner, folder, options);
  const redisServer = options.redis ? await startRedisServer() : null;
  if (redisServer) owner.onTestFinished(() => redisServer.stop());
  const redisClient = redisServer && new Redis(redisServer.url, { maxRetriesPerRequest: 1 });
  if (redisClient) owner.onTestFinished(() => redisClient.disconnect());
  const bucket = new BucketSight(place);
  owner.onTestFinished(() => bucket.close());
  const afterwards = { keep: 'keep', move: `move:${moved}`, delete: 'delete', aged: 'keep' }[options.flavour];
  const settings = {
    ...QUICK,
    AFTER_COMPLETE: afterwards,
    WATCH_DIR: recordings,
    STATE_DIR: join(folder, 'state'),
    S3_ENDPOINT_URL: place.url,
    S3_REGION_NAME: place.region,
    S3_BUCKET_NAME: place.bucket,
    S3_ACCESS_KEY_ID: place.accessKeyId,
    S3_SECRET_ACCESS_KEY: place.secretAccessKey,
    ...(redisServer ? { REDIS_URL: redisServer.url } : {}),
  };
  const log = join(folder, 'campaign.log');
  const note = (line: string) => appendFileSync(log, `${new Date().toISOString()} ${line}\n`);
  return {
    ...options,
    ...{ owner, folder, recordings, moved, bucket, devS3, redisServer, redisClient, violations },
    victim: new Victim(owner, settings, options.program),
    diary: new Diary(),
    sent: new SentTally(),
    stateLostAtMs: [],
    note,
    blame(sentence) {
      violations.push(sentence);
      note(`VIOLATION ${sentence}`);
      options.onViolation?.(`${options.name}: ${sentence} (${folder})`);
    },
  };
}

async function openS3(
  owner: OwnerTest,
  folder: string,
  { realS3, flavour }: LaneOptions,
): Promise<{ readonly place: S3Place; readonly devS3: DevS3 | null }> {
  if (realS3) {
    const swift = await startSwift();
    owner.onTestFinished(() => swift.stop());
    return { place: swift, devS3: null };
  }
  const behaviour = flavour === 'aged' ? { ...AS_AWS, maxUploadAgeMs: AGED_MS } : AS_AWS;
  const options = { folder: join(folder, 's3'), buckets: [BUCKET], fsync: false, behaviour };
  const devS3 = await startDevS3({ ...options, ...CREDENTIALS });
  owner.onTestFinished(() => devS3.close());
  return { place: { url: devS3.url, region: 'us-east-1', ...CREDENTIALS, bucket: BUCKET }, devS3 };
}
