import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openSqliteJournal } from '../../src/adapters/sqlite-journal.ts';
import { gc } from '../../src/cli/gc.ts';
import { startDaemon } from '../../src/compose/compose.ts';
import { loadConfig } from '../../src/config/load-config.ts';
import { daemonSocketPath, writeDaemonFile } from '../../src/http/daemon-file.ts';
import type { StoredRecord } from '../../src/machines/stream-record.ts';
import { sampleId, sampleStored } from '../fixtures/records/sample-record.ts';
import { startRedisServer } from '../fixtures/redis-server.ts';
import { viewOf } from '../fixtures/stream-views.ts';
import { BUCKET, got, openUpload, type VerbBench, type VerbEnded, verbBench } from './verb-bench.ts';

const DAY_MS = 86_400_000;
const PART = randomBytes(2_000);
const ABORT = { flags: {}, json: false, embedded: false, abort: true, yes: true, olderThanMs: 7 * DAY_MS };

let bench: VerbBench;
beforeEach(async () => {
  bench = await verbBench();
});
afterEach(() => bench.close());

const stateDir = (): string => join(bench.folder, '.tailrace');
const listed = async (): Promise<string[]> =>
  got(await bench.store.listUploads({ bucket: BUCKET, prefix: '' }))
    .map(({ key }) => key)
    // A daemon that just started asks what the server can do.
    .filter((key) => !key.startsWith('.tailrace-probe/'))
    .sort();

/** `gc --abort --older-than 7d --yes`, eight days from now: uploads cannot be made in the past. */
async function abortLater(options: Partial<typeof ABORT> = {}): Promise<VerbEnded> {
  const { world, texts } = bench.world();
  const exitCode = await gc({ ...ABORT, ...options }, world, Date.now() + 8 * DAY_MS);
  return { exitCode, ...texts };
}

/** A journal that is older than every upload made after it. */
async function journalWith(...records: readonly StoredRecord[]): Promise<void> {
  const journal = got(await openSqliteJournal({ stateDir: stateDir() }));
  const saves = records.map((stored) => {
    const uploadId = stored.record.memory.upload?.uploadId ?? null;
    return { stored, uploadId, replaceRows: true, rows: [] };
  });
  got(await journal.save(saves));
  await journal.close();
}

function recordOf(
  n: number,
  memory: Partial<StoredRecord['record']['memory']>,
  state = 'active.waiting',
): StoredRecord {
  const stored = sampleStored(sampleId(n));
  const path = `/r/file-${n}.mp4`;
  return {
    ...stored,
    record: { ...stored.record, state, memory: { ...stored.record.memory, folder: '/r', path, ...memory } },
  };
}

const NO_UPLOAD = { target: null, upload: null, leftUploads: [] };

describe('without a daemon, by the journal', () => {
  test('lists what nobody owns, with parts and bytes, and aborts nothing unless told to', async () => {
    await journalWith(recordOf(1, NO_UPLOAD));
    await openUpload(bench.store, 'lost/\u001b[2Jtake.mp4', [PART, PART]);
    const { exitCode, out, talk } = await bench.verb('gc');
    expect(exitCode).toBe(0);
    expect(out).toMatch(/PARTS +BYTES +UPLOAD +KEY\n.* 2 +3\.9 KiB +\S+ +lost\/\\x1b\[2Jtake\.mp4/);
    expect(talk).toContain('1 upload (3.9 KiB)');
    expect(talk).toContain('Nothing was aborted');
    const { unowned, owned, aborted } = JSON.parse((await bench.verb('gc', '--json')).out);
    expect(unowned).toMatchObject([{ key: 'lost/\u001b[2Jtake.mp4', parts: 2, sizeBytes: 4_000 }]);
    expect({ owned, aborted }).toEqual({ owned: [], aborted: null });
    expect(await listed()).toHaveLength(1);
  });

  test('never touches what a stream names, left behind, or may just be opening', async () => {
    await journalWith(recordOf(9, NO_UPLOAD));
    const mine = await openUpload(bench.store, 'mine.mp4', [PART]);
    const left = await openUpload(bench.store, 'left.mp4', [PART]);
    await openUpload(bench.store, 'file-3.mp4', []);
    await openUpload(bench.store, 'file-3~2.mp4', []);
    await openUpload(bench.store, 'reserved~2.mp4', []);
    await openUpload(bench.store, 'orphan.mp4', [PART]);
    const { upload } = sampleStored(sampleId(1)).record.memory;
    const leftUpload = { target: { bucket: BUCKET, key: 'left.mp4' }, uploadId: left, parts: 1, sentEndBytes: 1 };
    await journalWith(
      recordOf(1, {
        ...NO_UPLOAD,
        target: { bucket: BUCKET, key: 'mine.mp4' },
        upload: { ...upload!, uploadId: mine },
      }),
      recordOf(2, { ...NO_UPLOAD, leftUploads: [{ ...leftUpload, why: 'truncated' }] }, 's3_completed.done'),
      recordOf(3, NO_UPLOAD, 'active.opening'),
      recordOf(4, { ...NO_UPLOAD, target: { bucket: BUCKET, key: 'reserved~2.mp4' } }, 'active.opening'),
    );
    const { exitCode, talk } = await abortLater();
    expect({ exitCode, talk }).toMatchObject({ exitCode: 0, talk: expect.stringContaining('aborted: orphan.mp4') });
    expect(await listed()).toEqual(['file-3.mp4', 'file-3~2.mp4', 'left.mp4', 'mine.mp4', 'reserved~2.mp4']);
  });

  test('asks, and nothing but yes is consent; without a terminal --yes is needed', async () => {
    await journalWith(recordOf(1, NO_UPLOAD));
    await openUpload(bench.store, 'orphan.mp4', [PART]);
    bench.answer = 'y';
    expect((await abortLater({ yes: false })).exitCode).toBe(1);
    expect(bench.questions).toEqual([expect.stringContaining('Abort 1 upload (2 KiB)?')]);
    bench.answer = null;
    expect((await abortLater({ yes: false })).exitCode).toBe(2);
    expect(await listed()).toEqual(['orphan.mp4']);
    bench.answer = 'yes';
    expect((await abortLater({ yes: false })).exitCode).toBe(0);
    expect(await listed()).toEqual([]);
  });

  test('both words are required, and the age has a least', async () => {
    expect((await bench.verb('gc', '--abort', '--yes')).exitCode).toBe(2);
    expect((await bench.verb('gc', '--abort', '--older-than', '5m')).exitCode).toBe(2);
    expect((await bench.verb('gc', '--abort', '--older-than', 'soon')).exitCode).toBe(2);
  });

  test('what is younger stays', async () => {
    await journalWith(recordOf(1, NO_UPLOAD));
    await openUpload(bench.store, 'orphan.mp4', [PART]);
    const { talk } = await bench.verb('gc', '--abort', '--older-than', '7d', '--yes');
    expect(talk).toContain('1 more are younger');
    expect(await listed()).toEqual(['orphan.mp4']);
  });

  test.each([
    ['there is none', async () => {}, 'there is no journal'],
    ['it is empty', () => journalWith(), 'the journal is empty'],
  ])('refuses where the journal cannot know: %s', async (_, prepare, reason) => {
    await prepare();
    await openUpload(bench.store, 'orphan.mp4', [PART]);
    const { exitCode, talk } = await abortLater();
    expect({ exitCode, talk }).toMatchObject({ exitCode: 75, talk: expect.stringContaining(reason) });
    expect(await listed()).toEqual(['orphan.mp4']);
  });

  test('refuses where the journal is younger than an upload: it was lost and made again', async () => {
    await openUpload(bench.store, 'orphan.mp4', [PART]);
    await new Promise((done) => setTimeout(done, 5));
    await journalWith(recordOf(1, NO_UPLOAD));
    const { exitCode, talk } = await abortLater();
    expect({ exitCode, talk }).toMatchObject({ exitCode: 75, talk: expect.stringContaining('older than the journal') });
    expect(await listed()).toEqual(['orphan.mp4']);
  });

  test('no daemon can start while it works, and says who holds STATE_DIR', async () => {
    await journalWith(recordOf(1, NO_UPLOAD));
    await openUpload(bench.store, 'orphan.mp4', [PART]);
    let refusal = '';
    const { world } = bench.world();
    const asking = {
      ...world,
      ask: async () => {
        const started = await startDaemon(configOf(), { embedded: false, once: false });
        if (!started.ok) refusal = started.message;
        return 'no';
      },
    };
    await gc({ ...ABORT, yes: false }, asking, Date.now() + 8 * DAY_MS);
    expect(refusal).toContain('tailrace gc');
  });

  test('a wrong secret is 78 and not shown', async () => {
    bench.env['S3_SECRET_ACCESS_KEY'] = 'a-wrong-secret';
    const { exitCode, out, talk } = await bench.verb('gc');
    expect(exitCode).toBe(78);
    expect(out + talk).not.toContain('a-wrong-secret');
  });
});

describe('with a registry', () => {
  test('refuses while it does not answer: it may know of other daemons', async () => {
    await journalWith(recordOf(1, NO_UPLOAD));
    await openUpload(bench.store, 'orphan.mp4', [PART]);
    const redis = await startRedisServer();
    bench.env['REDIS_URL'] = redis.url;
    await redis.stop();
    const { exitCode, talk } = await abortLater();
    expect({ exitCode, talk }).toMatchObject({ exitCode: 75, talk: expect.stringContaining('does not answer') });
    expect(await listed()).toEqual(['orphan.mp4']);
  });
});

function configOf() {
  const flags = { PROM_PORT: '0', CHUNK_SIZE_BYTES: '5MiB', LOG_LEVEL: 'error' };
  const loaded = loadConfig({ flags, env: bench.env, cwd: bench.folder });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  return loaded.config;
}

async function withDaemon(work: () => Promise<void>): Promise<void> {
  const started = await startDaemon(configOf(), { embedded: false, once: false });
  if (!started.ok) throw new Error(started.message);
  try {
    await work();
  } finally {
    started.daemon.drain();
    started.daemon.hurry();
    await started.daemon.finished;
  }
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const deadlineMs = Date.now() + 15_000;
  while (!(await holds())) {
    if (Date.now() > deadlineMs) throw new Error(`never: ${what}`);
    await new Promise((done) => setTimeout(done, 50));
  }
}

describe('beside a running daemon', () => {
  test('refuses in the run that made the journal; after a restart aborts what no stream owns', {
    timeout: 60_000,
  }, async () => {
    await openUpload(bench.store, 'orphan.mp4', [PART]);
    const file = await open(join(bench.recordings, 'growing.bin'), 'w');
    await withDaemon(async () => {
      await file.write(randomBytes(6 * 2 ** 20));
      await until('the first part goes up', async () => (await listed()).includes('growing.bin'));
      const { exitCode, talk } = await abortLater();
      expect({ exitCode, talk }).toMatchObject({
        exitCode: 75,
        talk: expect.stringContaining('made anew in this run'),
      });
      expect(await listed()).toEqual(['growing.bin', 'orphan.mp4']);
    });
    await withDaemon(async () => {
      let last: VerbEnded | null = null;
      await until('the stream has recovered', async () => {
        last = await abortLater();
        return last.exitCode === 0;
      });
      expect(last!.talk).toContain('1 belong to streams and are left alone');
      expect(await listed()).toEqual(['growing.bin']);
    });
    await file.close();
  });

  /** The API's answer, as long as the listener runs. */
  async function withApi(reply: object, work: () => Promise<void>): Promise<void> {
    const socket = daemonSocketPath(stateDir());
    const server = createServer((_, response) => response.end(JSON.stringify(reply)));
    await new Promise<void>((done) => server.listen(socket, done));
    // Holds the journal, as a daemon does.
    const journal = got(await openSqliteJournal({ stateDir: stateDir() }));
    const file = { pid: process.pid, address: 'http://127.0.0.1:1', socket, instance: 'vm', startedAt: '' };
    await writeDaemonFile(stateDir(), file);
    try {
      await work();
    } finally {
      await journal.close();
      await new Promise((done) => server.close(done));
    }
  }

  const reply = (state: string, phase = 'running') => ({
    streams: [viewOf(1, { state })],
    next: null,
    totals: {},
    daemon: { phase, startedAtMs: Date.now() + DAY_MS },
  });

  test.each([
    ['a stream recovers', () => reply('recovering'), '1 of its streams recover'],
    ['it boots', () => reply('active.waiting', 'booting'), 'the daemon is booting'],
  ])('refuses while %s', async (_, answer, reason) => {
    await journalWith(recordOf(1, NO_UPLOAD));
    await openUpload(bench.store, 'orphan.mp4', [PART]);
    await withApi(answer(), async () => {
      const { exitCode, talk } = await abortLater();
      expect({ exitCode, talk }).toMatchObject({ exitCode: 75, talk: expect.stringContaining(reason) });
      expect(await listed()).toEqual(['orphan.mp4']);
    });
    await withApi(reply('active.waiting'), async () => {
      expect((await abortLater()).exitCode).toBe(0);
      expect(await listed()).toEqual([]);
    });
  });

  test('a STATE_DIR that somebody holds who does not answer is 75', async () => {
    await journalWith(recordOf(1, NO_UPLOAD));
    mkdirSync(stateDir(), { recursive: true });
    const journal = got(await openSqliteJournal({ stateDir: stateDir() }));
    writeFileSync(join(stateDir(), 'daemon.json'), 'nothing');
    expect((await abortLater()).exitCode).toBe(75);
    await journal.close();
  });
});
