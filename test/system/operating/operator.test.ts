// One person and one daemon: wishes over the command line and over HTTP, on the built program with a real listener and real S3.

import { execFile } from 'node:child_process';
import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { describe, expect, type TestContext, test } from 'vitest';
import type { StreamView } from '../../../src/ports/stream-view.ts';
import { content } from '../../fixtures/writers/content.ts';
import { Recording } from '../../fixtures/writers/recording.ts';
import { builtProgram } from '../harness/built-program.ts';
import { expectDelivered } from '../harness/proof.ts';
import { CHUNK_BYTES, MIB, openScene, type Scene } from '../harness/scene.ts';
import { until } from '../harness/waiting.ts';

const NAME = 'take.mp4';
/** A name that would forge an event, an HTML tag or a terminal command if anything let it. */
const HOSTILE = 'a\n\nevent: forgotten\ndata: []\n\n<img src=x onerror=alert(1)>\u001b[2J.mp4';

interface Said {
  readonly exitCode: number;
  readonly out: string;
  readonly talk: string;
}

/** The built command line, as another process. */
async function tailrace(scene: Scene, ...args: readonly string[]): Promise<Said> {
  const { main } = await builtProgram();
  const env = { PATH: process.env['PATH'] ?? '', STATE_DIR: scene.daemon.stateDir };
  return new Promise((done) => {
    const child = execFile(process.execPath, [main, ...args], { env, cwd: scene.folder }, (_, out, talk) =>
      done({ exitCode: child.exitCode ?? -1, out, talk }),
    );
  });
}

/** A stream with two parts in S3, whose writer goes on. */
async function recorded(context: TestContext, scene: Scene, name = NAME): Promise<StreamView> {
  const recording = await Recording.start(context, scene.path(name));
  await recording.append(2 * CHUNK_BYTES + MIB);
  return scene.daemon.waitForState(name, ({ partsHeld, state }) => partsHeld === 2 && state === 'active.waiting');
}

async function post(scene: Scene, path: string, headers: Record<string, string>): Promise<number> {
  const url = `${scene.daemon.address}${path}`;
  return (await fetch(url, { method: 'POST', headers, signal: AbortSignal.timeout(10_000) })).status;
}

/** What the daemon's events say until the words are heard. */
function hear(scene: Scene, words: string): Promise<string> {
  return new Promise((done, failed) => {
    let text = '';
    const asking = request(`${scene.daemon.address}/api/v1/events`, { agent: false }, (response) => {
      response.setEncoding('utf8').on('data', (chunk) => {
        text += chunk;
        if (!text.includes(words)) return;
        response.destroy();
        done(text);
      });
      response.once('close', () => done(text));
    });
    asking.setTimeout(20_000, () => asking.destroy(new Error(`never heard ${words}: ${text}`)));
    asking.once('error', failed);
    asking.end();
  });
}

describe.concurrent('an operator', { timeout: 90_000 }, () => {
  test('looks at a stream: parts, history and events; a hostile name stays a name', async (context) => {
    const scene = await openScene(context);
    const heard = hear(scene, 'completed"');
    await writeFile(scene.path(HOSTILE), content(CHUNK_BYTES * 2 + 5));
    const done = await scene.daemon.waitForState(scene.path(HOSTILE), 'completed');
    const text = await heard;
    expect(text.startsWith('event: hello\n')).toBe(true);
    const names = [...text.matchAll(/^event: (.*)$/gm)].map(([, name]) => name);
    expect(names.filter((name) => !['hello', 'streams', 'totals', 'daemon'].includes(name ?? ''))).toEqual([]);
    const history = (await scene.daemon.json(`/api/v1/streams/${done.id}/history`)) as {
      entries: { kind: string; name: string }[];
    };
    const states = history.entries.filter(({ kind }) => kind === 'state').map(({ name }) => name);
    expect(states[0]).toBe('recovering');
    expect(states.at(-1)).toBe('s3_completed.done');
    const shown = await tailrace(scene, 'show', done.id.slice(0, 8));
    expect(shown).toMatchObject({ exitCode: 0, out: expect.stringContaining('\\x0aevent: forgotten') });
    expect(shown.out).not.toContain('\u001b');
  });

  test('finalizes now, while the writer still holds the file open', async (context) => {
    const scene = await openScene(context, { settings: { STREAM_TIMEOUT_SECONDS: '600' } });
    const { id } = await recorded(context, scene);
    const parts = (await scene.daemon.json(`/api/v1/streams/${id}/parts`)) as { parts: { state: string }[] };
    expect(parts.parts.map(({ state }) => state)).toEqual(['sent', 'sent']);
    expect(await tailrace(scene, 'finalize', id.slice(0, 8))).toMatchObject({ exitCode: 0 });
    await expectDelivered(scene, NAME);
    expect(await scene.daemon.stream(NAME)).toMatchObject({ finalizeReason: 'operator' });
    expect(await tailrace(scene, 'abort', id, '--yes')).toMatchObject({ exitCode: 1 });
  });

  test('aborts: asked for by token over TCP; the upload is gone, the file stays', async (context) => {
    const scene = await openScene(context);
    const { id } = await recorded(context, scene);
    const path = `/api/v1/streams/${id}/abort`;
    const tokenFile = join(scene.daemon.stateDir, 'token');
    expect((await stat(tokenFile)).mode & 0o777).toBe(0o600);
    const token = (await readFile(tokenFile, 'utf8')).trim();
    expect(await post(scene, path, {})).toBe(401);
    expect(await post(scene, path, { Authorization: `Bearer ${token}x` })).toBe(401);
    expect(await post(scene, path, { Authorization: `Bearer ${token}`, Origin: 'http://evil.example' })).toBe(403);
    expect((await scene.s3.openUploads()).length).toBe(1);
    expect(await post(scene, path, { Authorization: `Bearer ${token}` })).toBe(202);
    await scene.daemon.waitForState(NAME, 'aborted_by_operator');
    expect(await scene.s3.openUploads()).toEqual([]);
    expect((await stat(scene.path(NAME))).size).toBe(2 * CHUNK_BYTES + MIB);
    expect(scene.daemon.log(), 'the log never has the token').not.toContain(token);
  });

  test('forgets what failed: gone from journal, registry and sight, also after a restart; its upload is named', async (context) => {
    const scene = await openScene(context, { redis: true });
    const { id, uploadId } = await recorded(context, scene);
    expect(await tailrace(scene, 'forget', id, '--yes')).toMatchObject({ exitCode: 1 });
    await scene.daemon.kill('SIGKILL');
    await rm(scene.path(NAME));
    await scene.daemon.start();
    await scene.daemon.waitForState(NAME, 'failed');
    const forgotten = await tailrace(scene, 'forget', id, '--yes', '--json');
    expect(forgotten.exitCode).toBe(0);
    expect(JSON.parse(forgotten.out)).toMatchObject({
      accepted: true,
      leftUploads: [{ uploadId, target: { key: NAME } }],
    });
    expect(await scene.daemon.stream(NAME)).toBeNull();
    expect((await scene.s3.openUploads()).map((upload) => upload.uploadId)).toEqual([uploadId]);
    await scene.daemon.restart();
    expect(await scene.daemon.stream(NAME)).toBeNull();
  });

  test('retries what waits for a cure', async (context) => {
    const scene = await openScene(context, { settings: { PARKED_RETRY_SECONDS: '600' }, startDaemon: false });
    await scene.s3.deleteBucket();
    await scene.daemon.start({ until: 'listening' });
    await writeFile(scene.path(NAME), content(CHUNK_BYTES + 7));
    const { id } = await scene.daemon.waitForState(NAME, 'failed.parked');
    expect(await tailrace(scene, 'show', id)).toMatchObject({ out: expect.stringContaining('s3_no_such_bucket') });
    await scene.s3.createBucket();
    expect(await tailrace(scene, 'retry', id)).toMatchObject({ exitCode: 0 });
    await expectDelivered(scene, NAME);
  });

  test('is told by status when Redis does not answer, and what that means; files are carried', async (context) => {
    const scene = await openScene(context, { startDaemon: false });
    await scene.daemon.start({ settings: { REDIS_URL: 'redis://127.0.0.1:1' } });
    await writeFile(scene.path(NAME), content(MIB));
    await scene.daemon.waitForState(NAME, 'completed');
    const { talk } = await tailrace(scene, 'status');
    expect(talk).toContain('! Redis does not answer. Uploads go on');
  });

  test('asks for the status when no daemon runs: the journal tells, and says so; a STATE_DIR without one is told', async (context) => {
    const scene = await openScene(context);
    await writeFile(scene.path(NAME), content(MIB));
    await scene.daemon.waitForState(NAME, 'completed');
    await scene.daemon.drain();
    const asked = await tailrace(scene, 'status');
    expect(asked).toMatchObject({ exitCode: 0, out: expect.stringMatching(/s3_completed\.done .*take\.mp4/) });
    expect(asked.talk).toContain('this is its journal, as of the last save');
    const empty = await tailrace(scene, 'status', '--state-dir', scene.folder);
    expect(empty).toMatchObject({ exitCode: 69, out: '', talk: expect.stringContaining('there is none') });
  });

  test('beyond loopback, needs the token for everything that tells something', async (context) => {
    const scene = await openScene(context, { startDaemon: false });
    await scene.daemon.start({ settings: { HTTP_ADDRESS: '0.0.0.0' }, until: 'listening' });
    const { port } = new URL(scene.daemon.address);
    const ask = (path: string, headers = {}) => fetch(`http://127.0.0.1:${port}${path}`, { headers });
    await until('it is ready', async () => ((await ask('/readyz')).ok ? true : null));
    for (const path of ['/metrics', '/api/v1/streams', '/api/v1/events'])
      expect((await ask(path)).status, path).toBe(401);
    expect((await ask('/healthz')).status).toBe(200);
    const token = (await readFile(join(scene.daemon.stateDir, 'token'), 'utf8')).trim();
    expect((await ask('/api/v1/streams', { Authorization: `Bearer ${token}` })).status).toBe(200);
    expect(scene.daemon.log()).toContain('listening beyond this machine');
    expect(await tailrace(scene, 'status'), 'the socket needs none').toMatchObject({ exitCode: 0 });
  });
});
