import { statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { hostIsOurs } from '../../src/http/host-check.ts';
import { startHttp } from '../../src/http/listener.ts';
import { NO_PAGE } from '../../src/http/page-files.ts';
import { scriptedOperator } from '../fixtures/scripted-operator.ts';
import { failedView, idOf, viewOf } from '../fixtures/stream-views.ts';
import { ask, get, serve, TOKEN, temporaryFolder } from './served.ts';

describe('health', () => {
  test('alive is always 200; ready is 503 with the reasons until it watches', async () => {
    const { listener, readModel } = await serve();
    readModel.daemonChanged({ objectStoreReachable: false, registryReachable: false });
    expect(await get(listener, '/healthz')).toMatchObject({ status: 200 });
    const unready = await get(listener, '/readyz');
    expect(unready.status).toBe(503);
    expect(JSON.parse(unready.body)).toEqual({ ready: false, reasons: ['booting'] });
    readModel.daemonChanged({ phase: 'running' });
    expect((await get(listener, '/readyz')).status).toBe(200);
  });

  test('metrics come in the text format of Prometheus', async () => {
    const { listener } = await serve();
    const answer = await get(listener, '/metrics');
    expect(answer).toMatchObject({ status: 200, body: 'up 1\n' });
    expect(answer.headers['content-type']).toContain('version=0.0.4');
  });
});

describe('streams', () => {
  test('are listed in pages, with sums and the daemon', async () => {
    const { listener, readModel } = await serve();
    for (const n of [1, 2, 3]) readModel.streamChanged(viewOf(n));
    const first = JSON.parse((await get(listener, '/api/v1/streams?limit=2')).body);
    expect(first).toMatchObject({
      streams: [{ id: idOf(1) }, { id: idOf(2) }],
      next: idOf(2),
      totals: { streams: 3, atRiskBytes: 120 },
      daemon: { phase: 'booting' },
    });
    const second = JSON.parse((await get(listener, `/api/v1/streams?limit=2&after=${first.next}`)).body);
    expect(second).toMatchObject({ streams: [{ id: idOf(3) }], next: null });
  });

  test('are filtered by state', async () => {
    const { listener, readModel } = await serve();
    readModel.streamChanged(viewOf(1));
    readModel.streamChanged(failedView(2));
    const { streams } = JSON.parse((await get(listener, '/api/v1/streams?state=failed')).body);
    expect(streams).toMatchObject([{ id: idOf(2), failure: { code: 's3_access_denied' } }]);
  });

  test('one is found by its id or the beginning of it', async () => {
    const { listener, readModel } = await serve();
    readModel.streamChanged(viewOf(0xabc));
    expect(JSON.parse((await get(listener, `/api/v1/streams/${idOf(0xabc)}`)).body)).toMatchObject(viewOf(0xabc));
    expect((await get(listener, '/api/v1/streams/00000abc')).status).toBe(200);
    expect((await get(listener, '/api/v1/streams/ffff')).status).toBe(404);
  });

  test.each([
    '/api/v1/streams?limit=0',
    '/api/v1/streams?limit=1001',
    '/api/v1/streams?limit=x',
    '/api/v1/streams?after=1',
    '/api/v1/streams?state=../x',
    '/api/v1/streams?page=2',
    '/api/v1/streams/xyz',
    '/api/v1/streams/abc',
    '/api/v1/streams/%2e%2e%2fsecret',
  ])('%s is refused as a mistake of the asker', async (path) => {
    const { listener } = await serve();
    const answer = await get(listener, path);
    expect(answer.status).toBe(400);
    expect(JSON.parse(answer.body).error.message).not.toBe('');
  });
});

describe('who may ask', () => {
  test.each(['localhost', '127.0.0.1', '[::1]', '127.8.8.8', 'LOCALHOST'])('the name %s is ours', async (name) => {
    const { listener } = await serve();
    expect((await get(listener, '/healthz', { Host: `${name}:${listener.port}` })).status).toBe(200);
  });

  test.each([
    (port: number) => `evil.example:${port}`,
    (port: number) => `127.0.0.1.evil.example:${port}`,
    (port: number) => `localhost:${port + 1}`,
    () => 'localhost',
    (port: number) => `localhost:${port}@evil`,
    (port: number) => `192.168.0.1:${port}`,
  ])('another host is refused (%#)', async (host) => {
    const { listener } = await serve();
    const answer = await get(listener, '/api/v1/streams', { Host: host(listener.port) });
    expect(answer.status).toBe(403);
    expect(answer.body).not.toContain('streams":');
  });

  test('a request without a host is refused', () => {
    expect(hostIsOurs(undefined, 80)).toBe(false);
    expect(hostIsOurs('', 80)).toBe(false);
  });

  test('no other origin may read an answer', async () => {
    const { listener } = await serve();
    const { headers } = await get(listener, '/api/v1/streams', { Origin: `http://127.0.0.1:${listener.port}` });
    expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
    expect(headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'cross-origin-resource-policy': 'same-origin',
      'cache-control': 'no-store',
    });
  });

  test('the unix socket answers its owner alone, whatever the host; a stale file is replaced', async () => {
    const socketPath = join(temporaryFolder(), 'daemon.sock');
    writeFileSync(socketPath, 'stale');
    const { listener } = await serve({ socketPath });
    expect(listener.socketPath).toBe(socketPath);
    expect(statSync(socketPath).mode & 0o777).toBe(0o600);
    expect((await ask({ socketPath, path: '/healthz', headers: { Host: 'tailrace' } })).status).toBe(200);
    await listener.close();
    expect(() => statSync(socketPath)).toThrow('ENOENT');
  });

  test('a socket path too long for the kernel is done without', async () => {
    const { listener } = await serve({ socketPath: `/tmp/${'x'.repeat(120)}/daemon.sock` });
    expect(listener.socketPath).toBeNull();
    expect((await get(listener, '/healthz')).status).toBe(200);
  });
});

describe('what is not there', () => {
  test('unknown paths are 404, other methods 405, both as JSON', async () => {
    const { listener } = await serve();
    const missing = await get(listener, '/api/v2/streams');
    expect(missing.status).toBe(404);
    expect(JSON.parse(missing.body).error.code).toBe('not_found');
    const wrong = await ask({
      port: listener.port,
      path: '/api/v1/streams',
      method: 'DELETE',
      headers: { Authorization: `Bearer ${TOKEN}` },
    });
    expect(wrong).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD' } });
    expect(JSON.parse(wrong.body).error.code).toBe('method_not_allowed');
  });

  test('HEAD answers like GET without the body', async () => {
    const { listener } = await serve();
    const head = await ask({ port: listener.port, path: '/metrics', method: 'HEAD' });
    expect(head).toMatchObject({ status: 200, body: '', headers: { 'content-length': '5' } });
  });

  test('the root tells what there is', async () => {
    const { listener } = await serve();
    expect((await get(listener, '/')).body).toContain('/api/v1/streams');
  });
});

describe('limits', () => {
  test('bodies, long URLs and long headers are refused', async () => {
    const { listener } = await serve();
    expect(
      (await ask({ port: listener.port, path: '/healthz', headers: { 'Content-Length': 4 } }, 'body')).status,
    ).toBe(413);
    expect((await get(listener, `/${'x'.repeat(2_000)}`)).status).toBe(414);
    expect((await get(listener, '/healthz', { Cookie: 'x'.repeat(20_000) })).status).toBe(431);
  });

  test('what is no HTTP gets an error and is cut off', async () => {
    const { listener } = await serve();
    const answer = await new Promise<string>((done) => {
      const socket = connect(listener.port, '127.0.0.1', () => socket.write('\u0000\u0001 nonsense\r\n\r\n'));
      let text = '';
      socket.on('data', (chunk) => {
        text += chunk;
      });
      socket.on('close', () => done(text));
    });
    expect(answer).toContain('400 Bad Request');
  });

  test('a throwing route is a 500 to its client, told once, and ends nothing', async () => {
    const bugs: string[] = [];
    const { listener } = await serve({
      metricsText: () => Promise.reject(new Error('inside')),
      onBug: (detail) => bugs.push(detail),
    });
    const answer = await get(listener, '/metrics');
    expect(answer.status).toBe(500);
    expect(answer.body).not.toContain('inside');
    expect(bugs).toEqual([expect.stringContaining('inside')]);
    expect((await get(listener, '/healthz')).status).toBe(200);
  });

  test('a port that is taken is told, not thrown', async () => {
    const { listener, readModel } = await serve();
    const second = await startHttp({
      ...{ address: '127.0.0.1', port: listener.port, readModel, metricsText: async () => '', version: '0.0.0' },
      ...{ operator: scriptedOperator(), page: NO_PAGE, door: { loopback: true, token: null } },
    });
    expect(second).toMatchObject({ ok: false, code: 'EADDRINUSE' });
  });

  test('closing does not wait for clients that keep their connection', async () => {
    const { listener } = await serve();
    const socket = connect(listener.port, '127.0.0.1');
    await new Promise((done) => socket.once('connect', done));
    const cut = new Promise((done) => socket.once('close', done));
    await listener.close();
    await cut;
  });
});
