// The command line within the test's own process, over the real tools: quick enough to try a verb many times. The environment is only
// what a test gives.

import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { createS3ObjectStore } from '../../src/adapters/s3-object-store.ts';
import type { EndSignal } from '../../src/cli/exit-codes.ts';
import { runProgram } from '../../src/cli/program.ts';
import type { World } from '../../src/cli/world.ts';
import { tools } from '../../src/compose/tools.ts';
import { type DevS3, startDevS3 } from '../../src/dev-s3/server.ts';
import { partNumber, type UploadId } from '../../src/machines/ids.ts';
import type { ObjectStore } from '../../src/ports/object-store.ts';
import type { Outcome } from '../../src/ports/outcome.ts';

export const BUCKET = 'takes';
const KEYS = { accessKeyId: 'test-key-id', secretAccessKey: 'test-secret-of-s3' };

export interface VerbEnded {
  readonly exitCode: number;
  readonly out: string;
  readonly talk: string;
}

export interface VerbBench {
  readonly folder: string;
  readonly recordings: string;
  readonly s3: DevS3;
  readonly store: ObjectStore;
  readonly env: Record<string, string>;
  /** What the person at the terminal answers; null: nobody is there. */
  answer: string | null;
  readonly questions: string[];
  /** To whoever listens for signals. */
  signal(signal: EndSignal): void;
  /** Called with each piece of talk. */
  onTalk: (text: string) => void;
  verb(...args: readonly string[]): Promise<VerbEnded>;
  /** A world of its own, for a verb that is called by its function. */
  world(): { readonly world: World; readonly texts: { out: string; talk: string } };
  close(): Promise<void>;
}

export async function verbBench(s3Options: { readonly now?: () => number } = {}): Promise<VerbBench> {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'tailrace-verb-')));
  const recordings = join(folder, 'recordings');
  mkdirSync(recordings);
  const s3 = await startDevS3({
    ...{ ...KEYS, folder: join(folder, 's3'), buckets: [BUCKET], minPartBytes: 1, fsync: false },
    ...s3Options,
  });
  const store = createS3ObjectStore({ endpoint: s3.url, region: 'us-east-1', credentials: KEYS });
  const listeners = new Set<(signal: EndSignal) => void>();
  const bench: VerbBench = {
    ...{ folder, recordings, s3, store, answer: null, questions: [], onTalk: () => {} },
    env: {
      ...{ PATH: process.env['PATH'] ?? '', S3_BUCKET_NAME: BUCKET, S3_ENDPOINT_URL: s3.url },
      ...{ S3_ACCESS_KEY_ID: KEYS.accessKeyId, S3_SECRET_ACCESS_KEY: KEYS.secretAccessKey },
    },
    signal: (signal) => {
      for (const listener of listeners) listener(signal);
    },
    async verb(...args) {
      const { world, texts } = bench.world();
      const exitCode = await runProgram(args, world);
      return { exitCode, ...texts };
    },
    world() {
      const texts = { out: '', talk: '' };
      const world: World = {
        ...{ env: bench.env, cwd: folder, terminal: false },
        out: (text) => {
          texts.out += text;
        },
        talk: (text) => {
          texts.talk += text;
          bench.onTalk(text);
        },
        onSignal: (listener) => {
          listeners.add(listener);
          return () => listeners.delete(listener);
        },
        compose: () => import('../../src/compose/compose.ts'),
        tools: async () => tools,
        screen: () => null,
        ask: async (question) => {
          bench.questions.push(question);
          return bench.answer;
        },
      };
      return { world, texts };
    },
    async close() {
      store.close();
      await s3.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return bench;
}

export function got<T>(outcome: Outcome<T>): T {
  if (!outcome.ok) throw new Error(`${outcome.failure.code}: ${outcome.failure.detail}`);
  return outcome.value;
}

/** An unfinished upload with these parts. */
export async function openUpload(store: ObjectStore, key: string, parts: readonly Buffer[]): Promise<UploadId> {
  const target = { bucket: BUCKET, key };
  const { uploadId } = got(await store.createUpload({ target, metadata: {} }));
  for (const [index, bytes] of parts.entries()) {
    const body = { kind: 'bytes', bytes } as const;
    const sum = crc32(bytes).toString(16).padStart(8, '0');
    got(await store.uploadPart({ target, uploadId, partNumber: partNumber(index + 1), body, crc32: sum }));
  }
  return uploadId;
}

/** An object of these parts, as any uploader leaves it. */
export async function completeObject(store: ObjectStore, key: string, parts: readonly Buffer[]): Promise<string> {
  const target = { bucket: BUCKET, key };
  const uploadId = await openUpload(store, key, parts);
  const listed = parts.map((bytes, index) => ({
    partNumber: partNumber(index + 1),
    etag: createHash('md5').update(bytes).digest('hex'),
    crc32: crc32(bytes).toString(16).padStart(8, '0'),
  }));
  const sizeBytes = parts.reduce((sum, { length }) => sum + length, 0);
  const request = { target, uploadId, parts: listed, condition: { kind: 'any' }, sizeBytes } as const;
  return got(await store.completeUpload(request)).etag;
}
