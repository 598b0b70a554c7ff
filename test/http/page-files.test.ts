import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { NO_PAGE, pageFilesIn } from '../../src/http/page-files.ts';
import { get, serve, temporaryFolder } from './served.ts';

/** A built page, and a secret beside it. */
function builtPage(): string {
  const folder = temporaryFolder();
  const web = join(folder, 'web');
  mkdirSync(join(web, 'assets'), { recursive: true });
  writeFileSync(join(folder, 'secret.json'), 'secret');
  writeFileSync(join(web, 'index.html'), '<!doctype html><title>tailrace</title>');
  writeFileSync(join(web, 'assets', 'index-12345678.js'), 'export {};');
  writeFileSync(join(web, 'assets', 'index-12345678.css'), 'p{}');
  writeFileSync(join(web, 'stream.svg'), '<svg xmlns="http://www.w3.org/2000/svg"/>');
  writeFileSync(join(web, 'notes.exe'), 'MZ');
  symlinkSync(join(folder, 'secret.json'), join(web, 'link.json'));
  return web;
}

/** The path exactly as given: clients tidy it up otherwise. */
function getRaw(port: number, path: string): Promise<string> {
  return new Promise((done) => {
    const socket = connect(port, '127.0.0.1', () =>
      socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: close\r\n\r\n`),
    );
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.on('close', () => done(text));
  });
}

describe('the page', () => {
  test('is what its build left, with the right types', async () => {
    const { listener } = await serve({ page: await pageFilesIn(builtPage()) });
    for (const [path, type] of [
      ['/', 'text/html; charset=utf-8'],
      ['/index.html', 'text/html; charset=utf-8'],
      ['/assets/index-12345678.js', 'text/javascript; charset=utf-8'],
      ['/assets/index-12345678.css', 'text/css; charset=utf-8'],
      ['/stream.svg', 'image/svg+xml'],
    ] as const) {
      expect(await get(listener, path)).toMatchObject({ status: 200, headers: { 'content-type': type } });
    }
    expect((await get(listener, '/')).body).toContain('<title>tailrace</title>');
  });

  test('beyond loopback it is had without the token, which it then asks with for all that it shows', async () => {
    const page = await pageFilesIn(builtPage());
    const { listener } = await serve({ page, door: { loopback: false, token: 'x'.repeat(43) } });
    for (const path of ['/', '/index.html', '/assets/index-12345678.js'])
      expect({ path, status: (await get(listener, path)).status }).toEqual({ path, status: 200 });
    for (const path of ['/api/v1/streams', '/metrics', '/secret.json', '/assets/../api/v1/streams', '//api/v1/streams'])
      expect({ path, status: (await get(listener, path)).status }).toEqual({ path, status: 401 });
  });

  test('may load from here alone, and is neither framed nor sniffed', async () => {
    const { listener } = await serve({ page: await pageFilesIn(builtPage()) });
    const { headers } = await get(listener, '/');
    const policy = String(headers['content-security-policy']).split('; ');
    expect(policy).toEqual(
      expect.arrayContaining([
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
      ]),
    );
    expect(policy.join()).not.toMatch(/unsafe|\*|data:|https?:/);
    expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' });
  });

  test('is kept by the browser, which asks whether it is still the same', async () => {
    const web = builtPage();
    const { listener } = await serve({ page: await pageFilesIn(web) });
    const first = await get(listener, '/');
    expect(first.headers).toMatchObject({ 'cache-control': 'no-cache', etag: expect.stringMatching(/^".+"$/) });
    const headers = { 'If-None-Match': String(first.headers['etag']) };
    expect(await get(listener, '/', headers)).toMatchObject({ status: 304, body: '' });
    writeFileSync(join(web, 'index.html'), '<!doctype html><title>newer</title>');
    expect((await get(listener, '/', headers)).body).toContain('newer');
  });

  test.each([
    '/../secret.json',
    '/assets/../../secret.json',
    '/..%2fsecret.json',
    '/%2e%2e/secret.json',
    '/%2e%2e%2fsecret.json',
    '/..\\secret.json',
    '/assets/..%5c..%5csecret.json',
    '//secret.json',
    '/./../secret.json',
    '/link.json',
    '/assets',
    '/assets/',
    '/notes.exe',
    '/stream.svg%00.html',
    '/__proto__',
    '/constructor',
    'http://127.0.0.1/../secret.json',
  ])('%s leads nowhere', async (path) => {
    const { listener } = await serve({ page: await pageFilesIn(builtPage()) });
    const answer = await getRaw(listener.port, path);
    expect(answer).toMatch(/^HTTP\/1\.1 40[04] /);
    expect(answer).not.toContain('secret');
  });

  test('does not stand before the API', async () => {
    const web = builtPage();
    mkdirSync(join(web, 'api/v1'), { recursive: true });
    writeFileSync(join(web, 'healthz.json'), '');
    writeFileSync(join(web, 'api/v1/streams.json'), '');
    const { listener } = await serve({ page: await pageFilesIn(web) });
    expect((await get(listener, '/api/v1/streams')).headers['content-type']).toContain('application/json');
  });

  test('is a list of paths where nothing is built', async () => {
    expect(await pageFilesIn(join(temporaryFolder(), 'nowhere'))).toBe(NO_PAGE);
    const { listener } = await serve();
    const answer = await get(listener, '/');
    expect(answer).toMatchObject({ status: 200, headers: { 'content-type': 'text/plain; charset=utf-8' } });
    expect(answer.body).toContain('/api/v1/events');
  });
});
