// What happens after proof, with the real program: media in the receipt, every status in Redis, webhook and command; and that none
// of them ever holds a stream up.

import { createHmac } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { chmod, writeFile } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { describe, expect, type TestContext, test } from 'vitest';
import type { Notice } from '../../src/ports/notifier.ts';
import { content } from '../fixtures/writers/content.ts';
import { MEDIA_WRITERS, record } from '../fixtures/writers/media-writers.ts';
import { expectDelivered, receiptOf } from './harness/proof.ts';
import { CHUNK_BYTES, openScene, type Scene } from './harness/scene.ts';
import { pause, until } from './harness/waiting.ts';

const SECRET = 'a-secret-that-signs';

async function startReceiver(test: TestContext, answer: (response: ServerResponse) => void = (it) => void it.end()) {
  const posted: { readonly notice: Notice; readonly body: string; readonly headers: IncomingHttpHeaders }[] = [];
  const receiver = { url: '', posted, answer };
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text) => {
      body += text;
    });
    request.on('end', () => {
      posted.push({ notice: JSON.parse(body) as Notice, body, headers: request.headers });
      receiver.answer(response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  test.onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  receiver.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook/token-in-path`;
  return receiver;
}

async function script(scene: Scene, name: string, ...lines: string[]): Promise<string> {
  const path = join(scene.folder, name);
  await writeFile(path, ['#!/bin/sh', ...lines, ''].join('\n'));
  await chmod(path, 0o755);
  return path;
}

const textOf = (path: string): string => (existsSync(path) ? readFileSync(path, 'utf8') : '');

const metric = async (scene: Scene, outcome: string): Promise<number> => {
  const text = await (await fetch(`${scene.daemon.address}/metrics`)).text();
  const [, value] = new RegExp(`^tailrace_notices_total\\{outcome="${outcome}"\\} (\\d+)`, 'm').exec(text) ?? [];
  return Number(value);
};

describe.concurrent('after proof', { timeout: 120_000 }, () => {
  test('a recording: its media are in the receipt, each status is in Redis, webhook and command are told', async (context) => {
    const scene = await openScene(context, { redis: true, startDaemon: false });
    const receiver = await startReceiver(context);
    const taken = join(scene.folder, 'told');
    const NOTIFY_COMMAND = await script(scene, 'on-final', `cat >>${taken}`, `echo "$TAILRACE_KEY" >>${taken}.keys`);
    await scene.daemon.start({ settings: { NOTIFY_URL: receiver.url, NOTIFY_SECRET: SECRET, NOTIFY_COMMAND } });
    await record(context, MEDIA_WRITERS.mkv, scene.path('$(touch x) take.mkv'), scene.folder);
    const { stream, receipt, file } = await expectDelivered(scene, '$(touch x) take.mkv');
    expect(receipt['media']).toMatchObject({ format: 'matroska,webm', streams: [{ type: 'video', codec: 'mjpeg' }] });

    const told = {
      ...{ status: 'completed', stream_id: stream.id, path: stream.path, bucket: receipt.bucket, key: stream.key },
      ...{ size: file.sizeBytes, crc32: file.crc32, etag: receipt.etag, failure: null },
    };
    await until('the webhook is told', () => (receiver.posted.length > 0 ? true : null));
    await until('the command is told', () => (textOf(`${taken}.keys`) === '' ? null : true));
    expect(receiver.posted.map(({ notice }) => notice)).toMatchObject([told]);
    expect(JSON.parse(readFileSync(taken, 'utf8'))).toMatchObject(told);
    expect(readFileSync(`${taken}.keys`, 'utf8')).toBe('$(touch x) take.mkv\n');
    for (const { body, headers } of receiver.posted) {
      const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`;
      const signature = createHmac('sha256', SECRET).update(signed).digest('base64');
      expect(headers['webhook-signature']).toBe(`v1,${signature}`);
    }

    const redis = new Redis(scene.redis?.url ?? '');
    context.onTestFinished(() => redis.disconnect());
    const statuses = await until('Redis tells the end', async () => {
      const entries = await redis.xrange('streams:events', '-', '+');
      const seen = entries.map(([, fields]) => fields[fields.indexOf('status') + 1] ?? '');
      return seen.at(-1) === 'completed' ? seen : null;
    });
    // A recorder that pauses may lead through `pending_completion` more than once; the end is always told in full.
    expect(statuses[0]).toBe('active');
    expect(statuses.slice(-5)).toEqual(['active', 'pending_completion', 'finalizing', 's3_completed', 'completed']);
    expect(statuses.filter((status, at) => status === statuses[at - 1])).toEqual([]);
  });

  test('a dead webhook and a failing command hold nothing up, are seen, and get it when they are back', async (context) => {
    const scene = await openScene(context, { startDaemon: false });
    const receiver = await startReceiver(context, (response) => void response.writeHead(500).end());
    const taken = join(scene.folder, 'told');
    const NOTIFY_COMMAND = await script(scene, 'on-final', 'echo "no room on the disk" >&2', 'exit 1');
    await scene.daemon.start({ settings: { NOTIFY_URL: receiver.url, NOTIFY_SECRET: SECRET, NOTIFY_COMMAND } });
    await writeFile(scene.path('take.bin'), content(CHUNK_BYTES + 1));
    await expectDelivered(scene, 'take.bin');
    await scene.daemon.waitForLog('the webhook did not take a notice');
    await scene.daemon.waitForLog('no room on the disk');
    await scene.daemon.waitForLog('NOTIFY_COMMAND names');
    expect(await metric(scene, 'webhook_failed')).toBeGreaterThan(0);
    expect(await metric(scene, 'webhook_delivered')).toBe(0);
    receiver.answer = (response) => void response.writeHead(204).end();
    await script(scene, 'on-final', `cat >>${taken}`);
    await scene.daemon.waitForLog('the webhook takes notices again');
    await scene.daemon.waitForLog('the command takes notices again');
    expect(await metric(scene, 'webhook_delivered')).toBe(1);
    expect(JSON.parse(readFileSync(taken, 'utf8'))).toMatchObject({ key: 'take.bin' });
    expect(new Set(receiver.posted.map(({ notice }) => notice.id)).size).toBe(1);
    expect(scene.daemon.log()).not.toMatch(/token-in-path|a-secret-that-signs/);
  });

  test('SIGTERM waits for a notice on its way, within the grace', async (context) => {
    const scene = await openScene(context, { startDaemon: false });
    let delivered = 0;
    const receiver = await startReceiver(context, (response) => {
      setTimeout(() => {
        delivered += 1;
        response.end();
      }, 1_500);
    });
    await scene.daemon.start({ settings: { NOTIFY_URL: receiver.url } });
    await writeFile(scene.path('take.bin'), content(CHUNK_BYTES));
    await until('the webhook is asked', () => (receiver.posted.length > 0 ? true : null));
    expect(delivered).toBe(0);
    expect(await scene.daemon.drain()).toBe(0);
    expect(delivered).toBe(1);
  });

  test('a failure is told once, however often the stream looks for its cure', async (context) => {
    const scene = await openScene(context, { startDaemon: false });
    const receiver = await startReceiver(context);
    await scene.daemon.start({
      settings: { NOTIFY_URL: receiver.url, S3_BUCKET_NAME: 'no-such-bucket' },
      until: 'listening',
    });
    await writeFile(scene.path('take.bin'), content(CHUNK_BYTES + 1));
    await scene.daemon.waitForState('take.bin', 'failed.parked');
    await until('the webhook is told', () => (receiver.posted.length > 0 ? true : null));
    // Three looks, one a second.
    await pause(3_500);
    expect(receiver.posted.map(({ notice }) => notice)).toMatchObject([
      { will_retry: true, failure: { code: 's3_no_such_bucket', hint: expect.stringContaining('S3_BUCKET_NAME') } },
    ]);
  });

  test('an ffprobe that hangs costs its ten seconds and the media, not the stream', async (context) => {
    const scene = await openScene(context, { startDaemon: false });
    const FFPROBE_PATH = await script(scene, 'hangs', 'exec sleep 300');
    await scene.daemon.start({ settings: { FFPROBE_PATH } });
    await writeFile(scene.path('take.mp4'), '#EXTM3U\n');
    await scene.daemon.waitForState('take.mp4', 'completed');
    expect(await receiptOf(scene, 'take.mp4')).toMatchObject({
      media: null,
      media_reason: 'ffprobe took longer than 10 s',
    });
  });
});
