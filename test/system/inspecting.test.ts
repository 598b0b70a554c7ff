// --inspect on the built daemon: what attaches sees real streams move; what is not ours is turned away; and it is never in the way.

import { readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { describe, expect, onTestFinished, test } from 'vitest';
import { launchBrowser, newPage } from '../page/browser.ts';
import { openScene, type Scene } from './harness/scene.ts';
import { until } from './harness/waiting.ts';

interface Message {
  readonly type: string;
  readonly sessionId: string;
  readonly parentId?: string;
  readonly name?: string;
  readonly definition?: string;
  readonly event?: { readonly type: string };
  readonly snapshot?: { readonly value?: unknown; readonly status?: string };
  readonly _version: string;
}

interface Attached {
  readonly messages: readonly Message[];
  readonly closed: Promise<void>;
}

function attach(address: string): Attached {
  const socket = new WebSocket(address.replace('http:', 'ws:'));
  const messages: Message[] = [];
  socket.onmessage = ({ data }) => messages.push(JSON.parse(String(data)));
  const closed = new Promise<void>((done) => {
    socket.onclose = () => done();
  });
  onTestFinished(() => socket.close());
  return { messages, closed };
}

async function inspectorOf({ daemon }: Scene): Promise<string> {
  await daemon.waitForLog(/for the Stately inspector/);
  return /for the Stately inspector: (http:\/\/127\.0\.0\.1:\d+\/)/.exec(daemon.log())?.[1] ?? '';
}

function statusOf(address: string, headers: Record<string, string>, path = '/'): Promise<number> {
  const url = new URL(address);
  return new Promise((done) => {
    const asking = request({ host: '127.0.0.1', port: url.port, path, headers }, (response) => {
      response.destroy();
      done(response.statusCode ?? 0);
    });
    asking.on('upgrade', (_response, socket) => {
      socket.destroy();
      done(101);
    });
    asking.on('error', () => done(0));
    asking.end();
  });
}

/** Local addresses of the TCP sockets on which a process listens, as /proc writes them: `0100007F` is 127.0.0.1. */
function listenersOf(pid: number): readonly string[] {
  const own = new Set(
    readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? [];
      } catch {
        return [];
      }
    }),
  );
  const rows = ['tcp', 'tcp6'].flatMap((table) =>
    readFileSync(`/proc/${pid}/net/${table}`, 'utf8').trim().split('\n').slice(1),
  );
  return rows
    .map((row) => row.trim().split(/\s+/))
    .filter(([, , , state, , , , , , inode]) => state === '0A' && own.has(inode ?? ''))
    .map(([, local = '']) => local.split(':')[0] ?? '');
}

const UPGRADE = {
  Connection: 'Upgrade',
  Upgrade: 'websocket',
  'Sec-WebSocket-Version': '13',
  'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
};

describe('run --inspect', () => {
  test('who attaches is told of the actors that live, and of what happens to a real stream', async (test) => {
    const scene = await openScene(test, { startDaemon: false });
    await scene.daemon.start({ args: ['--inspect'] });
    const { messages } = attach(await inspectorOf(scene));
    await until('the supervisor is told of', () => messages.find(({ name }) => name === 'supervisor') ?? null);
    writeFileSync(scene.path('take.bin'), Buffer.alloc(6 * 2 ** 20, 'a'));
    const { id } = await scene.daemon.waitForState('take.bin', 'completed');

    const stream = await until('the stream is told of', () => messages.find(({ name }) => name === id) ?? null);
    expect(stream).toMatchObject({ type: '@xstate.actor', _version: expect.stringMatching(/^\d/) });
    expect(JSON.parse(stream.definition ?? '').id).toBe('stream');
    const states = () =>
      messages
        .filter(({ type, sessionId }) => type === '@xstate.snapshot' && sessionId === stream.sessionId)
        .map(({ snapshot }) => JSON.stringify(snapshot?.value));
    await until('it is seen to be done', () => states().find((state) => state.includes('s3_completed')) ?? null);
    for (const state of ['active', 'pending_completion', 'finalizing']) {
      expect(
        states().some((seen) => seen.includes(state)),
        state,
      ).toBe(true);
    }
    const told = messages.filter(({ type, sessionId }) => type === '@xstate.event' && sessionId === stream.sessionId);
    expect(told.map(({ event }) => event?.type)).toContain('part.uploaded');
    const effects = messages.filter(({ type, parentId }) => type === '@xstate.actor' && parentId === stream.sessionId);
    expect(effects.map(({ name }) => name)).toContain('uploadParts');
    // Each was told of before what happened to it, and after its parent.
    for (const [n, { type, sessionId, parentId }] of messages.entries()) {
      const before = messages.slice(0, n).filter((earlier) => earlier.type === '@xstate.actor');
      const wanted = type === '@xstate.actor' ? parentId : sessionId;
      if (wanted !== undefined)
        expect(
          before.some((earlier) => earlier.sessionId === wanted),
          `message ${n}`,
        ).toBe(true);
    }
    expect(messages.some(({ event }) => event?.type === 'tick')).toBe(false);
  });

  test('who attaches later is told of the streams that are there, also without the page: as lines of JSON', async (test) => {
    const scene = await openScene(test, {
      startDaemon: false,
      settings: {
        STREAM_TIMEOUT_UNKNOWN_SECONDS: '60',
        STREAM_TIMEOUT_SECONDS: '60',
        WRITER_CLOSE_GRACE_SECONDS: '60',
      },
    });
    await scene.daemon.start({ args: ['--inspect'] });
    writeFileSync(scene.path('early.bin'), 'early');
    const { id } = await scene.daemon.waitForState('early.bin', 'active.waiting');
    const leave = new AbortController();
    const reply = await fetch(new URL('events', await inspectorOf(scene)), { signal: leave.signal });
    expect(reply.headers.get('content-type')).toBe('application/x-ndjson');
    let text = '';
    const reading = (async () => {
      for await (const chunk of reply.body ?? []) text += Buffer.from(chunk).toString();
    })().catch(() => {});
    await until('the stream is among the lines', () => (text.includes(`"name":"${id}"`) ? true : null));
    leave.abort();
    await reading;
    const whole = text
      .slice(0, text.lastIndexOf('\n'))
      .split('\n')
      .map((line) => JSON.parse(line) as Message);
    expect(whole[0]).toMatchObject({ type: '@xstate.actor', name: 'supervisor' });
    expect(whole.find(({ name }) => name === id)?.snapshot?.value).toEqual({ active: 'waiting' });
    // Groups without a stream would hide the rest.
    expect(whole.filter(({ name }) => name?.startsWith('group-')).length).toBe(1);
  });

  test('ends on SIGTERM with a client attached; and the page is for our own origin alone', async (test) => {
    const scene = await openScene(test, { startDaemon: false });
    await scene.daemon.start({ args: ['--inspect'] });
    const address = await inspectorOf(scene);
    const { host, port } = new URL(address);
    expect(await statusOf(address, {})).toBe(200);
    expect(await statusOf(address, { Host: `localhost:${port}` })).toBe(200);
    expect(await statusOf(address, { Host: `evil.example:${port}` })).toBe(403);
    expect(await statusOf(address, { Origin: 'http://evil.example' }, '/events')).toBe(403);
    expect(await statusOf(address, UPGRADE)).toBe(101);
    expect(await statusOf(address, { ...UPGRADE, Origin: `http://${host}` })).toBe(101);
    expect(await statusOf(address, { ...UPGRADE, Origin: 'https://evil.example' })).toBe(0);
    expect(await statusOf(address, { ...UPGRADE, Origin: 'null' })).toBe(0);
    const page = await fetch(address);
    expect(page.headers.get('content-security-policy')).toContain('frame-src https://stately.ai');

    const { messages, closed } = attach(address);
    await until('it is told something', () => messages[0] ?? null);
    expect(await scene.daemon.drain()).toBe(0);
    await closed;
  });

  test('off, there is no listener for it', async (test) => {
    const scene = await openScene(test);
    expect(scene.daemon.log()).not.toContain('inspector');
    expect(listenersOf(scene.daemon.pid)).toHaveLength(1);
    await scene.daemon.kill();
    await scene.daemon.start({ args: ['--inspect'] });
    expect(listenersOf(scene.daemon.pid)).toEqual(['0100007F', '0100007F']);
  });
});

describe('its page', { timeout: 60_000 }, () => {
  test('hands every message to the inspector in its frame, from the first, and to nobody else', async (test) => {
    const scene = await openScene(test, { startDaemon: false });
    await scene.daemon.start({ args: ['--inspect'] });
    const address = await inspectorOf(scene);
    const browser = await launchBrowser();
    test.onTestFinished(() => browser.close());
    const { page, complaints } = await newPage(browser);
    // What stands at stately.ai does the same: says that it is there, and takes messages.
    await page.route('https://stately.ai/inspect', (route) =>
      route.fulfill({ contentType: 'text/html', body: STATELY }),
    );
    await page.goto(address);
    await page.getByText(/Waiting for the inspector: \d+ messages/).waitFor();
    const frame = page.frame({ url: 'https://stately.ai/inspect' });
    await frame?.evaluate('begin()');
    await page.getByText(/Shown: \d+ messages/).waitFor();
    const names = () => frame?.evaluate('names') as Promise<readonly string[]>;
    expect((await names())[0]).toBe('supervisor');
    writeFileSync(scene.path('take.bin'), 'a');
    const { id } = await scene.daemon.waitForState('take.bin', 'active');
    await until('the stream is handed on', async () => ((await names()).includes(id) ? true : null));
    expect(complaints).toEqual([]);
    await scene.daemon.drain();
    await page.getByText(/The daemon is gone/).waitFor();
  });
});

const STATELY = `<script>
  const names = [];
  addEventListener('message', ({ data }) => names.push(data.name));
  const begin = () => parent.postMessage({ type: '@statelyai.connected' }, '*');
</script>`;
