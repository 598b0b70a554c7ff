// The table of settings: name, default, meaning and reader of each. The names and defaults are part of the contract.
// Knows single values only; what contradicts what is in checks.ts.

import type { z } from 'zod';
import type { StreamSettings } from '../machines/stream-settings.ts';
import {
  anyText,
  duration,
  folderList,
  globList,
  good,
  oneOf,
  onOrOff,
  optionalSchemaOf,
  scalarReader,
  schemaOf,
  size,
  type ValueReader,
  wholeNumber,
  wrong,
} from './values.ts';
import { bucketName, endpointUrl, keyPrefix, keyTemplate, listenAddress, redisKeyPrefix, redisUrl } from './words.ts';

const MIB = 2 ** 20;
const GIB = 2 ** 30;
const DAY_MS = 86_400_000;
/** Timers in Node end at 2^31 ms (24.8 days): longer waits would fire at once. */
const MOST_WAIT_MS = 24 * DAY_MS;
/** Minutes are for tests; no provider keeps an upload for longer than a few weeks. */
const UPLOAD_AGES = { least: 60_000, most: 3_650 * DAY_MS };
const SOME_TIME = { least: 1, most: MOST_WAIT_MS };

export interface Setting<T> {
  /** The environment's name. */
  readonly name: string;
  /** As it would be given; null: absent unless given. */
  readonly fallback: string | null;
  /** The fallback in words, where it is found at run time. */
  readonly fallbackWords?: string;
  readonly meaning: string;
  readonly schema: z.ZodType<T>;
  /** Never shown; may also be given as NAME_FILE. */
  readonly secret?: true;
  /** May be given several times. */
  readonly list?: true;
}

type Extras = Pick<Setting<unknown>, 'fallbackWords' | 'secret' | 'list'>;

export const setting = <T>(
  name: string,
  fallback: string,
  read: ValueReader<T>,
  meaning: string,
  extras: Extras = {},
) => ({ name, fallback, meaning, schema: schemaOf(read) as z.ZodType<T>, ...extras }) satisfies Setting<T>;

export const optional = <T>(name: string, read: ValueReader<T>, meaning: string, extras: Extras = {}) =>
  ({
    name,
    fallback: null,
    meaning,
    schema: optionalSchemaOf(read) as z.ZodType<T | null>,
    ...extras,
  }) satisfies Setting<T | null>;

const afterComplete = scalarReader<StreamSettings['afterComplete']>((text) => {
  if (text === 'keep' || text === 'delete') return good({ kind: text });
  if (/^move:./.test(text)) return good({ kind: 'move', folder: text.slice('move:'.length) });
  return wrong('is not one of the known words', 'give keep, delete or move:DIR');
});

/** Globs match the path relative to the watched folder; dot files are matched too. */
export const DEFAULT_EXCLUDE = [
  ...['**/.*', '**/.*/**', '**/*~', '**/*.tmp', '**/*.temp', '**/*.part', '**/*.crdownload', '**/*.swp', '**/*.aria2'],
  ...['**/*-wal', '**/*-shm', '**/*-journal', '**/.goutputstream-*', '**/*.m3u8', '**/*.mpd'],
] as const;

export const WATCHING = {
  watchFolders: setting(
    'WATCH_DIR',
    './recordings',
    folderList,
    'folder to watch, recursively; several with the path separator (`:`)',
    { list: true },
  ),
  watchExisting: setting(
    'WATCH_EXISTING',
    'upload',
    oneOf(['upload', 'skip']),
    'files found at start: `upload` makes them streams too, `skip` passes over what neither appears nor grows from now on',
  ),
  watchInclude: setting(
    'WATCH_INCLUDE',
    '**/*',
    globList,
    'globs of files to carry, relative to the watched folder, apart by commas',
    { list: true },
  ),
  watchExclude: setting(
    'WATCH_EXCLUDE',
    DEFAULT_EXCLUDE.join(','),
    globList,
    'globs of files never to carry; replaces the default list',
    { list: true },
  ),
  streamTimeoutMs: setting(
    'STREAM_TIMEOUT_SECONDS',
    '30',
    duration(SOME_TIME),
    'idle time after which a stream is a candidate for finalization',
  ),
  writerCloseGraceMs: setting(
    'WRITER_CLOSE_GRACE_SECONDS',
    '3',
    duration({ ...SOME_TIME, least: 0 }),
    'the same after the last writer was seen to close the file (`0`: only the timeout counts)',
  ),
  streamTimeoutUnknownMs: setting(
    'STREAM_TIMEOUT_UNKNOWN_SECONDS',
    '120',
    duration(SOME_TIME),
    'the same when it cannot be known whether a writer holds the file open',
  ),
  maxHeldBytes: optional(
    'MAX_HELD_BYTES',
    size({ least: 0, most: 2 ** 50 }),
    'most bytes of deleted files kept readable until they are uploaded; beyond it the one that was kept the longest is let go, as `failed_source`',
    { fallbackWords: '10 % of the smallest watched file system' },
  ),
} as const;

export const CARRYING = {
  chunkSizeBytes: setting(
    'CHUNK_SIZE_BYTES',
    '8MiB',
    size({ least: 5 * MIB, most: 5 * GIB, because: "S3's bounds for a part" }),
    'size of the first parts; parts grow with the file so that 10,000 suffice',
  ),
  partPlan: setting(
    'PART_PLAN',
    'growing',
    oneOf(['growing', 'uniform']),
    '`growing`, or `uniform` for providers that require equal parts',
  ),
  verifySource: setting(
    'VERIFY_SOURCE',
    'full',
    oneOf(['full', 'append-only']),
    '`full` re-reads the whole file before completing; `append-only` is your word that the writer never goes back: head and last parts only',
  ),
  uploadConcurrency: setting(
    'UPLOAD_CONCURRENCY',
    '8',
    wholeNumber({ least: 1, most: 256 }),
    'parts in flight over all streams',
  ),
  uploadBufferBytes: setting(
    'UPLOAD_BUFFER_BYTES',
    '128MiB',
    size({ least: 5 * MIB, most: 64 * GIB }),
    'memory for the bytes of parts in flight, over all streams; at least CHUNK_SIZE_BYTES',
  ),
  afterComplete: setting(
    'AFTER_COMPLETE',
    'keep',
    afterComplete,
    'what happens to the source file after proof: `keep`, `delete`, or `move:DIR` (a folder on the same file system)',
  ),
  parkedRetryMs: setting(
    'PARKED_RETRY_SECONDS',
    '60',
    duration(SOME_TIME),
    'how often a stream that waits for a person looks whether its cause is cured',
  ),
  retainFinalMs: setting(
    'RETAIN_FINAL_SECONDS',
    '7d',
    duration({ least: 0, most: 3_650 * DAY_MS }),
    'how long the record of a finished stream stays after its source file is gone',
  ),
} as const;

export const OBJECT_STORE = {
  s3BucketName: optional('S3_BUCKET_NAME', bucketName, 'bucket for the objects; required unless `--embedded`', {
    fallbackWords: '-',
  }),
  s3KeyPrefix: setting('S3_KEY_PREFIX', '', keyPrefix, 'stands before every key, as it is'),
  s3KeyTemplate: setting(
    'S3_KEY_TEMPLATE',
    '{path}',
    keyTemplate,
    'the key after the prefix; `{path}` is the path relative to the watched folder',
  ),
  s3EndpointUrl: optional('S3_ENDPOINT_URL', endpointUrl, 'address of an S3 server other than AWS', {
    fallbackWords: 'AWS',
  }),
  s3RegionName: optional('S3_REGION_NAME', anyText, 'region', { fallbackWords: "AWS's own chain" }),
  s3AccessKeyId: optional('S3_ACCESS_KEY_ID', anyText, 'credentials; together with the secret key', {
    secret: true,
    fallbackWords: "AWS's own chain",
  }),
  s3SecretAccessKey: optional('S3_SECRET_ACCESS_KEY', anyText, 'credentials; together with the key id', {
    secret: true,
    fallbackWords: "AWS's own chain",
  }),
  s3SessionToken: optional('S3_SESSION_TOKEN', anyText, 'for temporary credentials', {
    secret: true,
    fallbackWords: "AWS's own chain",
  }),
  s3ForcePathStyle: optional('S3_FORCE_PATH_STYLE', onOrOff, 'bucket in the path instead of the host name', {
    fallbackWords: 'on when S3_ENDPOINT_URL is given',
  }),
  s3OnExisting: setting(
    'S3_ON_EXISTING',
    'rename',
    oneOf(['rename', 'overwrite', 'fail']),
    'a foreign object holds the key: `rename` (`name~2.ext`), `overwrite`, `fail`',
  ),
  s3MaxUploadAgeMs: optional(
    'S3_MAX_UPLOAD_AGE_SECONDS',
    duration(UPLOAD_AGES),
    'the provider may end an upload of this age: from half of it on the stream goes on in another one',
    { fallbackWords: "the bucket's own rule (AbortDate), else none" },
  ),
  s3CompleteDoubtMs: setting(
    'S3_COMPLETE_DOUBT_SECONDS',
    '120',
    duration(SOME_TIME),
    'no second Complete for an upload within this time after one without an answer',
  ),
} as const;

export const DAEMON = {
  redisUrl: optional('REDIS_URL', redisUrl, 'the registry, `redis://` or `rediss://`', {
    secret: true,
    fallbackWords: 'no registry, the embedded journal alone',
  }),
  redisKeyPrefix: setting(
    'REDIS_KEY_PREFIX',
    '',
    redisKeyPrefix,
    'stands before every key in Redis; on Redis Cluster it must carry a hash tag',
  ),
  stateDir: setting(
    'STATE_DIR',
    './.tailrace',
    anyText,
    'the embedded journal, the lock, and where the daemon can be asked',
  ),
  standby: setting(
    'STANDBY',
    'off',
    scalarReader(onOrOff),
    'wait while another daemon carries the folder, and take over when its lease ends; for all daemons of a folder alike. Needs `REDIS_URL`: while Redis does not answer, parts go up, but nothing is completed or deleted, and none starts',
  ),
  shutdownGraceMs: setting(
    'SHUTDOWN_GRACE_SECONDS',
    '20',
    duration({ ...SOME_TIME, least: 0 }),
    'time to drain after the first SIGTERM or SIGINT',
  ),
  ffprobePath: optional(
    'FFPROBE_PATH',
    anyText,
    'program that looks what media a finished file holds, for the receipt; `off`: none. A missing one is no error',
    { fallbackWords: '`ffprobe` if found' },
  ),
  httpAddress: setting(
    'HTTP_ADDRESS',
    '127.0.0.1',
    listenAddress,
    'where page, API, metrics and health listen; beyond loopback everything that tells something needs the token in `STATE_DIR/token`',
  ),
  promPort: setting(
    'PROM_PORT',
    '8000',
    wholeNumber({ least: 0, most: 65_535 }),
    'its port; 0: any free one, told at start',
  ),
  instanceName: optional('INSTANCE_NAME', anyText, 'a label; ownership is by folder', { fallbackWords: 'host name' }),
  logLevel: setting('LOG_LEVEL', 'info', oneOf(['debug', 'info', 'warn', 'error']), '`debug`, `info`, `warn`, `error`'),
} as const;
