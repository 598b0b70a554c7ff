// What the verbs use besides a daemon, made of the same adapters as the daemon.
//
// T1. Nothing here changes what is stored: a journal is opened to be read, under the lock of its STATE_DIR.
// T2. An embedded S3 endpoint is never served by two processes: the running daemon's is used, else ours under the same lock.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { findFolder } from '../adapters/fs-folder.ts';
import { createProcHost } from '../adapters/proc-host.ts';
import { createProcWriterCheck } from '../adapters/proc-writer-check.ts';
import { inspectRedis } from '../adapters/redis-inspection.ts';
import { openRedisRegistry } from '../adapters/redis-registry.ts';
import { createS3Inspection } from '../adapters/s3-inspection.ts';
import { createS3ObjectStore } from '../adapters/s3-object-store.ts';
import { createSocketLock } from '../adapters/socket-lock.ts';
import { openSqliteJournal } from '../adapters/sqlite-journal.ts';
import { EXIT } from '../cli/exit-codes.ts';
import type { OpenedS3, OpenS3Options, S3Config, Tools } from '../cli/tools.ts';
import { streamId } from '../machines/ids.ts';
import type { HeldLock } from '../ports/lock.ts';
import type { WriterPresence } from '../ports/writer-check.ts';
import { type EmbeddedS3, findEmbeddedS3, startEmbeddedS3 } from './embedded.ts';
import { s3OptionsOf } from './ports.ts';

export const tools: Tools = {
  openS3,
  lockJournal,
  readRegistry,
  inspectRedis,
  host: () => ({ ...createProcHost('/proc', undefined), writersOfNothing }),
};

const STREAM_ID_DIGITS = 32;

type Place = Pick<EmbeddedS3, 'endpoint' | 'accessKeyId' | 'secretAccessKey' | 'close'>;

async function openS3(config: S3Config, options: OpenS3Options): Promise<OpenedS3> {
  const place = options.embedded ? await embeddedPlace(config, options.locked === true) : null;
  if (typeof place === 'string') return { ok: false, exitCode: EXIT.unavailable, message: place };
  const s3Options = s3OptionsOf(config, place);
  const store = createS3ObjectStore({
    ...s3Options,
    probePrefix: config.s3KeyPrefix,
    telemetry: options.telemetry,
  });
  const inspection = createS3Inspection(s3Options);
  const close = async (): Promise<void> => {
    store.close();
    inspection.close();
    await place?.close();
  };
  return { ok: true, s3: { store, inspection, endpoint: endpointOf(s3Options), close } };
}

/** AWS's own is named by region. */
const endpointOf = ({ endpoint, region }: ReturnType<typeof s3OptionsOf>): string =>
  endpoint ?? `https://s3.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`;

/** A text: why there is none. T2. */
async function embeddedPlace({ stateDir, s3BucketName }: S3Config, locked: boolean): Promise<Place | string> {
  const running = await findEmbeddedS3(stateDir);
  if (running) return { ...running, close: async () => {} };
  if (!existsSync(join(stateDir, 's3'))) return `there is no embedded S3 in ${stateDir}: give the --state-dir of yours`;
  const lock = locked ? null : await lockOf(stateDir, 'a verb of tailrace');
  if (typeof lock === 'string') return `the embedded S3 in ${stateDir} is in use by ${lock}, which does not serve it`;
  const started = await startEmbeddedS3(stateDir, s3BucketName);
  return {
    ...started,
    close: async () => {
      await started.close();
      await lock?.release();
    },
  };
}

/** The lock; a text: who has it. */
async function lockOf(stateDir: string, purpose: string): Promise<HeldLock | string> {
  const folder = await findFolder(stateDir);
  if (!folder.ok) return folder.problem;
  const taken = await createSocketLock().acquire(folder.id, `${purpose} (pid ${process.pid})`);
  if (!taken.ok) return taken.failure.detail;
  return taken.value.held ? taken.value.lock : taken.value.holder;
}

export async function lockJournal(stateDir: string, purpose: string): ReturnType<Tools['lockJournal']> {
  if (!existsSync(join(stateDir, 'journal.sqlite'))) return { kind: 'none' };
  const lock = await lockOf(stateDir, purpose);
  if (typeof lock === 'string') return { kind: 'held', holder: lock };
  const journal = await openSqliteJournal({ stateDir });
  const loaded = journal.ok ? await journal.value.load() : journal;
  const close = async (): Promise<void> => {
    if (journal.ok) await journal.value.close();
    await lock.release();
  };
  if (loaded.ok) {
    const { records, unreadable } = loaded.value;
    return { kind: 'open', journal: { records, unreadable: unreadable.length, close } };
  }
  await close();
  return { kind: 'trouble', detail: loaded.failure.detail };
}

/** No file has this inode, and nothing but processes is in this folder. */
async function writersOfNothing(): Promise<WriterPresence> {
  const nothing = streamId('0'.repeat(STREAM_ID_DIGITS));
  const file = { streamId: nothing, folder: '/proc', path: '/proc', identity: { inode: '0', birthNs: '0' } };
  const looked = await createProcWriterCheck().look([file]);
  return looked.ok ? (looked.value.get(nothing) ?? 'unknown') : 'unknown';
}

async function readRegistry(config: Parameters<Tools['readRegistry']>[0]): ReturnType<Tools['readRegistry']> {
  if (config.redisUrl === null) return null;
  const opened = await openRedisRegistry({ url: config.redisUrl, keyPrefix: config.redisKeyPrefix });
  if (!opened.ok) return opened;
  const loaded = await opened.value.load();
  await opened.value.close();
  if (!loaded.ok) return loaded;
  return { ok: true, value: { records: loaded.value.records, unreadable: loaded.value.unreadable.length } };
}
