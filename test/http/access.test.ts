import { statSync, writeFileSync } from 'node:fs';
import { chmod, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { tokenIsRight, tokenOf } from '../../src/http/token.ts';
import { scriptedOperator } from '../fixtures/scripted-operator.ts';
import { idOf, viewOf } from '../fixtures/stream-views.ts';
import { ask, get, type Served, serve, TOKEN, temporaryFolder } from './served.ts';

const VERBS = ['finalize', 'retry', 'abort', 'forget'] as const;
const RIGHT = { Authorization: `Bearer ${TOKEN}` };

async function served(more: Parameters<typeof serve>[0] = {}) {
  const operator = scriptedOperator();
  const all = await serve({ operator, ...more });
  all.readModel.streamChanged(viewOf(1));
  return { ...all, operator };
}

const post = ({ listener }: Pick<Served, 'listener'>, verb: string, headers: Record<string, string> = {}) =>
  ask({ host: '127.0.0.1', port: listener.port, path: `/api/v1/streams/${idOf(1)}/${verb}`, method: 'POST', headers });

describe('what changes something, over TCP', () => {
  test.each(VERBS)('%s is given to the stream with the token', async (verb) => {
    const all = await served();
    const answer = await post(all, verb, RIGHT);
    expect(answer.status).toBe(verb === 'forget' ? 200 : 202);
    expect(JSON.parse(answer.body)).toMatchObject({ accepted: true });
    expect(all.operator.asked).toEqual([`${verb} ${idOf(1)}`]);
  });

  test.each(VERBS)(
    '%s is refused without the token, with another one, and with one that only begins alike',
    async (verb) => {
      const all = await served();
      const missing = await post(all, verb);
      expect(missing).toMatchObject({
        status: 401,
        headers: { 'www-authenticate': expect.stringContaining('Bearer') },
      });
      expect(JSON.parse(missing.body).error.code).toBe('token_missing');
      for (const token of ['', 'x', TOKEN.slice(0, -1), `${TOKEN}x`, TOKEN.toUpperCase()])
        expect((await post(all, verb, { Authorization: `Bearer ${token}` })).status).toBe(401);
      expect((await post(all, verb, { Authorization: `Basic ${TOKEN}` })).status).toBe(401);
      expect((await post(all, `${verb}?token=${TOKEN}`)).status).toBe(401);
      expect((await post(all, verb, { Cookie: `token=${TOKEN}` })).status).toBe(401);
      expect(all.operator.asked).toEqual([]);
      expect(missing.body).not.toContain(TOKEN);
    },
  );

  test.each(VERBS)('%s is no business of GET, nor of a body', async (verb) => {
    const all = await served();
    const path = `/api/v1/streams/${idOf(1)}/${verb}`;
    expect(await get(all.listener, path, RIGHT)).toMatchObject({ status: 405, headers: { allow: 'POST' } });
    const { port } = all.listener;
    const headers = { ...RIGHT, 'Content-Length': '2' };
    expect((await ask({ host: '127.0.0.1', port, path, method: 'POST', headers }, '{}')).status).toBe(413);
    expect(all.operator.asked).toEqual([]);
  });

  test('nobody has a token where there is none', async () => {
    const all = await served({ door: { loopback: true, token: null } });
    for (const token of ['', 'null', 'undefined'])
      expect((await post(all, 'abort', { Authorization: `Bearer ${token}` })).status).toBe(401);
  });

  test('looking stays free', async () => {
    const { listener } = await served();
    for (const path of ['/', '/metrics', '/api/v1/streams', `/api/v1/streams/${idOf(1)}/parts`])
      expect((await get(listener, path)).status).toBe(200);
  });
});

describe('a page of another origin', () => {
  const foreign = (port: number): readonly Record<string, string>[] => [
    { Origin: 'http://evil.example' },
    { Origin: 'null' },
    { Origin: `http://127.0.0.1:${port + 1}` },
    { Origin: `http://localhost:${port}` },
    { Origin: `http://127.0.0.1:${port}.evil.example` },
    { Origin: `http://evil.example/http://127.0.0.1:${port}` },
    { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'no-cors' },
    { 'Sec-Fetch-Site': 'same-site', 'Sec-Fetch-Mode': 'cors' },
  ];

  test('cannot change anything, even if it knew the token', async () => {
    const all = await served();
    for (const headers of foreign(all.listener.port)) {
      expect({ headers, status: (await post(all, 'abort', { ...RIGHT, ...headers })).status }).toEqual({
        headers,
        status: 403,
      });
    }
    expect(all.operator.asked).toEqual([]);
  });

  test('cannot look either, nor hold one of the places of those who listen', async () => {
    const { listener } = await served();
    for (const headers of foreign(listener.port)) {
      expect((await get(listener, '/api/v1/streams', headers)).status).toBe(403);
      expect((await get(listener, '/api/v1/events', headers)).status).toBe(403);
    }
  });

  test('cannot rebind a name to us', async () => {
    const all = await served();
    const { port } = all.listener;
    const rebound = { Host: `evil.example:${port}`, Origin: `http://evil.example:${port}` };
    expect((await post(all, 'abort', { ...RIGHT, ...rebound })).status).toBe(403);
    expect((await get(all.listener, '/', rebound)).status).toBe(403);
  });

  test('may link to ours; ours may ask', async () => {
    const all = await served();
    const { port } = all.listener;
    const link = { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'navigate' };
    expect((await get(all.listener, '/', link)).status).toBe(200);
    const own = { ...RIGHT, Origin: `http://127.0.0.1:${port}`, 'Sec-Fetch-Site': 'same-origin' };
    expect((await post(all, 'abort', own)).status).toBe(202);
  });
});

describe('over the unix socket', () => {
  test('access to its file is enough', async () => {
    const socketPath = join(temporaryFolder(), 'daemon.sock');
    const { operator } = await served({ socketPath });
    const path = `/api/v1/streams/${idOf(1).slice(0, 8)}/abort`;
    expect((await ask({ socketPath, path, method: 'POST' })).status).toBe(202);
    expect(operator.asked).toEqual([`abort ${idOf(1)}`]);
  });
});

describe('beyond loopback', () => {
  // Every address of this machine is a loopback one for a test: the door is what differs.
  const door = { loopback: false, token: TOKEN };

  test('everything but the probes needs the token', async () => {
    const { listener } = await served({ door });
    for (const path of ['/', '/metrics', '/api/v1/streams', '/api/v1/events', '/nothing', '/healthz/..', '/readyz/x'])
      expect({ path, status: (await get(listener, path)).status }).toEqual({ path, status: 401 });
    for (const path of ['/', '/metrics', '/api/v1/streams'])
      expect((await get(listener, path, RIGHT)).status).toBe(200);
    expect((await get(listener, `/api/v1/streams?token=${TOKEN}`)).status).toBe(401);
    expect((await get(listener, '/healthz')).status).toBe(200);
    expect((await get(listener, '/readyz?x=1')).status).toBe(503);
    expect((await ask({ host: '127.0.0.1', port: listener.port, path: '/healthz', method: 'POST' })).status).toBe(401);
  });

  test('any host will do, and the origin must be the same', async () => {
    const { listener } = await served({ door });
    const host = { Host: 'recorder.example' };
    expect((await get(listener, '/api/v1/streams', { ...RIGHT, ...host })).status).toBe(200);
    const own = { ...RIGHT, ...host, Origin: 'https://recorder.example' };
    expect((await get(listener, '/api/v1/streams', own)).status).toBe(200);
    const foreign = { ...RIGHT, ...host, Origin: 'https://other.example' };
    expect((await get(listener, '/api/v1/streams', foreign)).status).toBe(403);
  });
});

describe('the token', () => {
  test('is made once, and readable by its owner alone', async () => {
    const folder = temporaryFolder();
    const token = await tokenOf(folder);
    expect(token).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(statSync(join(folder, 'token')).mode & 0o777).toBe(0o600);
    await chmod(join(folder, 'token'), 0o644);
    expect(await tokenOf(folder)).toBe(token);
    expect(statSync(join(folder, 'token')).mode & 0o777).toBe(0o600);
    expect(await tokenOf(temporaryFolder())).not.toBe(token);
  });

  test.each(['', '\n', 'secret', 'x'.repeat(42), `${'x'.repeat(43)} y`])(
    '%j in its file is none: a new one is made',
    async (content) => {
      const folder = temporaryFolder();
      writeFileSync(join(folder, 'token'), content);
      const token = await tokenOf(folder);
      expect(token).toMatch(/^[A-Za-z0-9_-]{43}$/);
      expect(await readFile(join(folder, 'token'), 'utf8')).toBe(`${token}\n`);
    },
  );

  test('is compared whole', () => {
    expect(tokenIsRight(`Bearer ${TOKEN}`, TOKEN)).toBe(true);
    expect(tokenIsRight(`bearer ${TOKEN}`, TOKEN)).toBe(true);
    for (const header of [undefined, '', 'Bearer', 'Bearer ', TOKEN, `Bearer ${TOKEN} x`, `Bearer  ${TOKEN}`])
      expect(tokenIsRight(header, TOKEN)).toBe(false);
  });
});
