import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { watch } from 'node:fs';
import { cp, readdir, rm } from 'node:fs/promises';
import { Agent } from 'node:http';
import path from 'node:path';
import { createInterface } from 'node:readline';
import {
  HeadBucketCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListPartsCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { PROVIDERS } from '../../../src/dev-s3/behaviour.ts';
import { NOT_FOR_PRODUCTION, startDevS3 } from '../../../src/dev-s3/server.ts';
import {
  BUCKET,
  blobsIn,
  bytesOf,
  clientFor,
  complete,
  createUpload,
  filesIn,
  KEYS,
  MIN_PART_BYTES,
  readObject,
  sendPart,
  temporaryFolder,
} from './fixture.ts';
import { errorCode, openRaw, sendRaw } from './raw-request.ts';

const MAIN = path.join(import.meta.dirname, '../../../src/dev-s3/main.ts');

type Running = {
  readonly url: string;
  readonly pid: number;
  readonly client: S3Client;
  readonly notice: string;
  kill(): Promise<void>;
};

/** The server as a process of its own; `kill` is kill -9. */
async function run(
  folder: string,
  launcher: readonly string[] = [process.execPath],
  more: readonly string[] = [],
): Promise<Running> {
  const args = [
    '--folder',
    folder,
    '--bucket',
    BUCKET,
    '--min-part-bytes',
    String(MIN_PART_BYTES),
    '--no-fsync',
    '--admin',
    ...more,
  ];
  const env = {
    ...process.env,
    DEV_S3_ACCESS_KEY_ID: KEYS.accessKeyId,
    DEV_S3_SECRET_ACCESS_KEY: KEYS.secretAccessKey,
  };
  const child = spawn(launcher[0]!, [...launcher.slice(1), MAIN, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  // Also when this run is cut short: nobody else would end it.
  const end = () => child.kill('SIGKILL');
  process.once('exit', end);
  child.once('exit', () => process.off('exit', end));
  let notice = '';
  child.stderr.on('data', (chunk) => {
    notice += chunk;
  });
  const lines = createInterface({ input: child.stdout });
  const [line] = await Promise.race([once(lines, 'line'), failedStart(child)]);
  const { url, pid } = JSON.parse(line);
  const client = clientFor(url);
  return {
    url,
    pid,
    client,
    notice,
    kill: async () => {
      client.destroy();
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}

async function failedStart(child: ChildProcess): Promise<never> {
  const [code] = await once(child, 'exit');
  throw new Error(`the server ended with ${code} before it listened`);
}

let folder: string;
let running: Running;
beforeEach(async () => {
  folder = await temporaryFolder();
  running = await run(folder);
});
afterEach(async () => {
  await running.kill();
  await rm(folder, { recursive: true });
});

async function killAndRestart(): Promise<void> {
  await running.kill();
  running = await run(folder);
}

describe('after kill -9', () => {
  test('what was acknowledged is there, and what was not has left nothing', async () => {
    await running.client.send(new PutObjectCommand({ Bucket: BUCKET, Key: 'kept', Body: 'kept' }));
    const uploadId = await createUpload(running.client, 'video', { Metadata: { stream: 's1' } });
    const first = await sendPart(running.client, 'video', uploadId, 1, bytesOf(MIN_PART_BYTES, 1));

    // A part of which half has arrived when the process is killed.
    const half = openRaw(running.url, {
      method: 'PUT',
      path: `/${BUCKET}/video?partNumber=2&uploadId=${uploadId}`,
      contentSha256: 'UNSIGNED-PAYLOAD',
      headers: { 'content-length': '200000' },
    });
    half.on('error', () => undefined);
    half.write(bytesOf(100_000));
    await expect.poll(() => blobsIn(folder)).toHaveLength(3);
    await killAndRestart();

    expect((await readObject(running.client, 'kept')).toString()).toBe('kept');
    const target = { Bucket: BUCKET, Key: 'video', UploadId: uploadId };
    const { Parts } = await running.client.send(new ListPartsCommand(target));
    expect(Parts).toMatchObject([{ ...first, Size: MIN_PART_BYTES }]);
    expect(await blobsIn(folder)).toHaveLength(2);
    expect(await readdir(path.join(folder, 'tmp'))).toEqual([]);

    const second = await sendPart(running.client, 'video', uploadId, 2, bytesOf(9, 2));
    await complete(running.client, 'video', uploadId, [first, second]);
    expect(await readObject(running.client, 'video')).toEqual(
      Buffer.concat([bytesOf(MIN_PART_BYTES, 1), bytesOf(9, 2)]),
    );
    const head = await running.client.send(new HeadObjectCommand({ Bucket: BUCKET, Key: 'video' }));
    expect(head.Metadata).toEqual({ stream: 's1' });
  });

  test('a Complete whose reply was lost has happened, and its repetition gets the same answer', async () => {
    const uploadId = await createUpload(running.client, 'video');
    const part = await sendPart(running.client, 'video', uploadId, 1, bytesOf(500));
    await fetch(`${running.url}/-/faults`, {
      method: 'POST',
      body: JSON.stringify({ operation: 'CompleteMultipartUpload', fault: 'dropReply' }),
    });
    await expect(complete(running.client, 'video', uploadId, [part])).rejects.toThrow();
    await killAndRestart();
    const { Uploads } = await running.client.send(new ListMultipartUploadsCommand({ Bucket: BUCKET }));
    expect(Uploads).toBeUndefined();
    const head = await running.client.send(new HeadObjectCommand({ Bucket: BUCKET, Key: 'video' }));
    expect((await complete(running.client, 'video', uploadId, [part])).ETag).toBe(head.ETag);
    expect(await readObject(running.client, 'video')).toEqual(bytesOf(500));
  });

  // Each of these folders changes at another step of a Complete; the kill follows the first change in it.
  test.each([
    ['the record is being written', 'tmp'],
    ['the object has appeared', `buckets/${BUCKET}/objects`],
    ['the upload was noted as finished', `buckets/${BUCKET}/finished`],
    ['the upload was removed', `buckets/${BUCKET}/uploads`],
  ])('in the middle of a Complete, when %s, the upload is open or completed, never both', async (_step, watched) => {
    const uploadId = await createUpload(running.client, 'video');
    const bodies = Array.from({ length: 20 }, (_, index) => bytesOf(MIN_PART_BYTES, index));
    const parts = [];
    for (const [index, body] of bodies.entries()) {
      parts.push(await sendPart(running.client, 'video', uploadId, index + 1, body));
    }
    await sendPart(running.client, 'video', uploadId, 99, bytesOf(1));
    const watcher = watch(path.join(folder, watched));
    const { pid } = running;
    watcher.once('change', () => process.kill(pid, 'SIGKILL'));
    await complete(running.client, 'video', uploadId, parts).catch(() => undefined);
    watcher.close();
    await killAndRestart();

    const { Uploads } = await running.client.send(new ListMultipartUploadsCommand({ Bucket: BUCKET }));
    const object = await readObject(running.client, 'video').catch(() => null);
    expect(Uploads ?? []).toHaveLength(object === null ? 1 : 0);
    await complete(running.client, 'video', uploadId, parts);
    expect((await readObject(running.client, 'video')).equals(Buffer.concat(bodies))).toBe(true);
    expect(await blobsIn(folder)).toHaveLength(bodies.length);
  });

  test('buckets that were deleted stay deleted', async () => {
    await sendRaw(running.url, { method: 'PUT', path: '/second' });
    await sendRaw(running.url, { method: 'DELETE', path: '/second' });
    await sendRaw(running.url, { method: 'PUT', path: '/third' });
    await killAndRestart();
    await running.client.send(new HeadBucketCommand({ Bucket: 'third' }));
    await expect(running.client.send(new HeadBucketCommand({ Bucket: 'second' }))).rejects.toThrow();
  });

  test('every start says what the server is not for', async () => {
    expect(running.notice).toContain(NOT_FOR_PRODUCTION);
    await killAndRestart();
    expect(running.notice).toContain(NOT_FOR_PRODUCTION);
  });
});

test('the command line says as which provider it behaves, and where it differs from that', async () => {
  await running.kill();
  const flags = ['--provider', 'ceph', '--behaviour', 'reComplete=NoSuchUpload', '--behaviour', 'maxPartNumber=20000'];
  running = await run(folder, [process.execPath], flags);
  const reply = await fetch(`${running.url}/-/behaviour`);
  expect(await reply.json()).toEqual({ ...PROVIDERS.ceph, reComplete: 'NoSuchUpload', maxPartNumber: 20_000 });
  await running.kill();
  await expect(run(folder, [process.execPath], ['--provider', 'gcs'])).rejects.toThrow('the server ended with 1');
});

test('a write that the disk refuses midway is answered, leaves nothing, and its connection goes on', async () => {
  const own = await temporaryFolder();
  // No file may grow beyond 4 MiB: what a full disk does, without filling one.
  const limited = await run(own, ['sh', '-c', 'ulimit -f 8192; exec "$0" "$@"', process.execPath]);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const put = (length: number) =>
    sendRaw(limited.url, { method: 'PUT', path: `/${BUCKET}/k`, body: bytesOf(length), agent });
  expect(errorCode(await put(20_000_000))).toBe('500 InternalError');
  expect((await put(1_000_000)).status).toBe(200);
  expect(await readObject(limited.client, 'k')).toEqual(bytesOf(1_000_000));
  const log = (await (await fetch(`${limited.url}/-/log`)).json()) as { defect: string | null }[];
  expect(log[0]?.defect).toContain('EFBIG');
  expect(await blobsIn(own)).toHaveLength(1);
  agent.destroy();
  await limited.kill();
  await rm(own, { recursive: true });
});

describe('a Complete that was cut between its two records', () => {
  test('is finished by the next start: the upload is gone, its leftover bytes too, and it can be repeated', async () => {
    const uploadId = await createUpload(running.client, 'video');
    const part = await sendPart(running.client, 'video', uploadId, 1, bytesOf(500, 1));
    await sendPart(running.client, 'video', uploadId, 2, bytesOf(500, 2));
    const saved = await snapshotOf(folder, uploadId);
    const { ETag } = await complete(running.client, 'video', uploadId, [part]);
    await running.kill();
    // The state on disk right after the rename of the object's record: the upload's folder, and no finished record yet.
    await saved.restore();
    running = await run(folder);

    const { Uploads } = await running.client.send(new ListMultipartUploadsCommand({ Bucket: BUCKET }));
    expect(Uploads).toBeUndefined();
    expect(await readObject(running.client, 'video')).toEqual(bytesOf(500, 1));
    expect(await blobsIn(folder)).toHaveLength(1);
    expect((await complete(running.client, 'video', uploadId, [part])).ETag).toBe(ETag);
  });
});

async function snapshotOf(folder: string, uploadId: string) {
  const bucket = path.join(folder, 'buckets', BUCKET);
  const copy = await temporaryFolder();
  for (const name of ['uploads', 'blobs'])
    await cp(path.join(bucket, name), path.join(copy, name), { recursive: true });
  return {
    restore: async () => {
      for (const name of ['uploads', 'blobs'])
        await cp(path.join(copy, name), path.join(bucket, name), { recursive: true });
      await rm(path.join(bucket, 'finished', `${uploadId}.json`));
      await rm(copy, { recursive: true });
    },
  };
}

test('with fsync on, everything is the same', async () => {
  const own = await temporaryFolder();
  const first = await startDevS3({ folder: own, ...KEYS, buckets: [BUCKET], fsync: true });
  const client = clientFor(first.url);
  await client.send(new PutObjectCommand({ Bucket: BUCKET, Key: 'k', Body: bytesOf(100_000) }));
  const uploadId = await createUpload(client, 'u');
  await complete(client, 'u', uploadId, [await sendPart(client, 'u', uploadId, 1, bytesOf(7))]);
  client.destroy();
  await first.close();
  const second = await startDevS3({ folder: own, ...KEYS, buckets: [BUCKET], fsync: true });
  const again = clientFor(second.url);
  expect(await readObject(again, 'k')).toEqual(bytesOf(100_000));
  expect(await readObject(again, 'u')).toEqual(bytesOf(7));
  expect((await filesIn(own)).filter((file) => file.startsWith('tmp'))).toEqual([]);
  again.destroy();
  await second.close();
  await rm(own, { recursive: true });
});
