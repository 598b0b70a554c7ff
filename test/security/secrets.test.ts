// Secrets stay where they were given: after a run that meets every refusal there is, at the most talkative log level, none of them is
// in the log, in STATE_DIR, in an answer of the API, in metrics, on the page or in what the verbs print.
//
// The S3 here is a hostile one: it repeats in its error whatever it was sent, the session token included.

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { startRedisServer } from '../fixtures/redis-server.ts';
import { builtProgram } from '../system/harness/built-program.ts';
import { type OwnerTest, ownProcess } from '../system/harness/owned-processes.ts';
import { openScene, type Scene } from '../system/harness/scene.ts';

/** As they could be: no word of ours, long enough to be hidden. */
const SECRETS = {
  S3_SECRET_ACCESS_KEY: 'sEcReT/kEy+0123456789abcdefghijklmnopqrst',
  S3_SESSION_TOKEN: 'FwoGZXIvYXdzEHQaDsessionTokenThatNobodyMaySee==',
  NOTIFY_SECRET: 'whsec_bm90aWZ5LXNlY3JldC10aGF0LW5vYm9keS1tYXktc2Vl',
} as const;
const REDIS_PASSWORD = 'redis-pass-word-nobody-sees';
const HOOK_PATH = 'hooks/T0000/secret-path-of-a-webhook';
const ALL = [...Object.values(SECRETS), REDIS_PASSWORD, HOOK_PATH];

/** Answers all with 403, the request's own headers in its message. */
async function echoingServer(
  test: OwnerTest,
): Promise<{ readonly port: number; readonly heard: IncomingHttpHeaders[] }> {
  const heard: IncomingHttpHeaders[] = [];
  const server = createServer((request, response) => {
    heard.push(request.headers);
    request.resume();
    const message = `${request.headers['x-amz-security-token'] ?? ''} ${JSON.stringify(request.headers)}`;
    response.writeHead(403, { 'Content-Type': 'application/xml' });
    response.end(`<Error><Code>SignatureDoesNotMatch</Code><Message>${message.replace(/[<&]/g, '')}</Message></Error>`);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  test.onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, heard };
}

/** Every file below, as bytes; sockets apart. */
const filesBelow = (folder: string): readonly string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile());

async function verb(
  context: OwnerTest,
  scene: Scene,
  env: Readonly<Record<string, string>>,
  ...args: readonly string[]
) {
  const { main } = await builtProgram();
  const child = ownProcess(context, process.execPath, [main, ...args], {
    cwd: scene.folder,
    env: { PATH: process.env['PATH'] ?? '', HOME: scene.folder, ...env },
  });
  await child.ended;
  return child.output();
}

function expectNoSecretIn(places: Readonly<Record<string, string>>): void {
  const found = Object.entries(places).flatMap(([place, text]) =>
    ALL.filter((secret) => text.includes(secret) || text.includes(encodeURIComponent(secret))).map(
      (secret) => `${place}: ${secret}`,
    ),
  );
  expect(found).toEqual([]);
}

describe('secrets', { timeout: 120_000 }, () => {
  test('are in no log, file, answer or output of a run that is refused by all', async (context) => {
    const hostile = await echoingServer(context);
    const redis = await startRedisServer({ password: 'another-one' });
    context.onTestFinished(() => redis.stop());
    const env = {
      ...SECRETS,
      S3_ACCESS_KEY_ID: 'AKIAEXAMPLE000000000',
      S3_ENDPOINT_URL: `http://127.0.0.1:${hostile.port}`,
      REDIS_URL: `redis://:${REDIS_PASSWORD}@127.0.0.1:${redis.port}`,
      NOTIFY_URL: `http://127.0.0.1:${hostile.port}/${HOOK_PATH}`,
      LOG_LEVEL: 'debug',
    };
    const scene = await openScene(context, { settings: env, startDaemon: false });
    await writeFile(scene.path('take.bin'), 'x'.repeat(1_000));
    await scene.daemon.start({ until: 'listening' });
    const { id } = await scene.daemon.waitForState(
      'take.bin',
      ({ failure }) => failure?.code === 's3_credentials_wrong',
    );
    await scene.daemon.waitForLog('webhook');
    expect(hostile.heard.some((headers) => headers['x-amz-security-token'] === SECRETS.S3_SESSION_TOKEN)).toBe(true);
    const asked: Record<string, string> = {};
    for (const path of [
      '/',
      '/readyz',
      '/metrics',
      '/api/v1/streams',
      `/api/v1/streams/${id}`,
      `/api/v1/streams/${id}/history`,
    ])
      asked[path] = await scene.daemon.text(path);
    expect(asked[`/api/v1/streams/${id}`]).toContain('s3_credentials_wrong');
    const given = {
      ...env,
      WATCH_DIR: scene.recordings,
      STATE_DIR: scene.daemon.stateDir,
      S3_BUCKET_NAME: 'takes',
      S3_REGION_NAME: 'us-east-1',
    };
    const verbs = [['config'], ['config', '--json'], ['status'], ['show', id], ['doctor']];
    await Promise.all(
      verbs.map(async (args) => {
        asked[args.join(' ')] = await verb(context, scene, given, ...args);
      }),
    );
    expect(asked['doctor']).toContain('FAIL');
    expectNoSecretIn(asked);
    await scene.daemon.drain();
    expectNoSecretIn({
      log: scene.daemon.log(),
      ...Object.fromEntries(filesBelow(scene.daemon.stateDir).map((path) => [path, readFileSync(path, 'latin1')])),
    });
    expect(filesBelow(scene.daemon.stateDir).length).toBeGreaterThan(0);
  });

  test('the token of the API is in its own file alone, and STATE_DIR is for its owner', async (context) => {
    const scene = await openScene(context, { settings: { LOG_LEVEL: 'debug', STATE_DIR: '' }, startDaemon: false });
    const stateDir = join(scene.folder, 'made-by-itself');
    const { main } = await builtProgram();
    await writeFile(scene.path('take.bin'), 'x');
    const env = {
      PATH: process.env['PATH'] ?? '',
      WATCH_DIR: scene.recordings,
      STATE_DIR: stateDir,
      S3_ENDPOINT_URL: scene.s3.url,
      S3_BUCKET_NAME: 'takes',
      S3_ACCESS_KEY_ID: 'system-key',
      S3_SECRET_ACCESS_KEY: 'system-secret',
      STREAM_TIMEOUT_UNKNOWN_SECONDS: '1',
      STREAM_TIMEOUT_SECONDS: '1',
      PROM_PORT: '0',
      LOG_LEVEL: 'debug',
    };
    const child = ownProcess(context, process.execPath, [main, 'run', '--once'], { cwd: scene.folder, env });
    expect(await child.ended).toMatchObject({ exitCode: 0 });
    const token = readFileSync(join(stateDir, 'token'), 'utf8').trim();
    expect(token.length).toBeGreaterThan(40);
    expect(child.output()).not.toContain(token);
    const others = filesBelow(stateDir).filter((path) => !path.endsWith('/token'));
    for (const path of others) expect(readFileSync(path, 'latin1').includes(token), path).toBe(false);
    expect(statSync(stateDir).mode & 0o077).toBe(0);
    for (const path of filesBelow(stateDir)) expect((statSync(path).mode & 0o077).toString(8), path).toBe('0');
  });
});
