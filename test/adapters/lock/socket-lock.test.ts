import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createSocketLock, type SocketLockPlace } from '../../../src/adapters/socket-lock.ts';
import type { HeldLock, Lock } from '../../../src/ports/lock.ts';
import { lockContract } from '../../contracts/lock.contract.ts';
import { createMemoryLockHost } from '../../fakes/memory-lock.ts';

const CHILD = fileURLToPath(new URL('./holder.child.ts', import.meta.url));

async function holder(place: SocketLockPlace, folder: string, name: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, [CHILD, place, folder, name], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = await once(child.stdout, 'data', { signal: AbortSignal.timeout(20_000) });
  expect(JSON.parse(String(line))).toMatchObject({ ok: true, value: { held: true } });
  return child;
}

async function killed(child: ChildProcess): Promise<void> {
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}

for (const place of ['abstract', 'file'] as const) {
  lockContract(`unix socket, ${place}`, async () => {
    const folder = fs.mkdtempSync(join(tmpdir(), 'tailrace-lock-'));
    return {
      daemon: () => createSocketLock({ place, folder }),
      dead: async (name) => killed(await holder(place, folder, name)),
      end: async () => fs.rmSync(folder, { recursive: true }),
    };
  });
}

lockContract('in memory', async () => {
  const host = createMemoryLockHost();
  return {
    daemon: () => host.daemon(),
    async dead(name) {
      const daemon = host.daemon();
      await daemon.acquire(name, 'dead');
      daemon.die();
    },
    end: async () => undefined,
  };
});

let folder: string;
let lock: Lock;
let held: HeldLock[];
const name = (): string => folder.replaceAll('/', '');

beforeEach(() => {
  folder = fs.mkdtempSync(join(tmpdir(), 'tailrace-lock-'));
  lock = createSocketLock({ place: 'abstract' });
  held = [];
});

afterEach(async () => {
  for (const one of held) await one.release();
  fs.rmSync(folder, { recursive: true });
});

async function take(line: string): Promise<void> {
  const outcome = await lock.acquire(name(), line);
  if (!outcome.ok || !outcome.value.held) throw new Error('not free');
  held.push(outcome.value.lock);
}

test('another process that holds it is named, and a stopped one holds it still', async () => {
  const child = await holder('abstract', folder, name());
  expect(await lock.acquire(name(), 'we')).toEqual({ ok: true, value: { held: false, holder: `child ${child.pid}` } });
  child.kill('SIGSTOP');
  const answer = { held: false, holder: 'a process that does not answer' };
  expect(await lock.acquire(name(), 'we')).toEqual({ ok: true, value: answer });
  await killed(child);
  await take('we');
});

test('the holder’s line is one line and bounded, whatever it is', async () => {
  await take(`first\nsecond ${'x'.repeat(10_000)}`);
  expect(await lock.acquire(name(), 'we')).toMatchObject({ value: { holder: 'first' } });
  await held.pop()?.release();
  await take('y'.repeat(10_000));
  expect(await lock.acquire(name(), 'we')).toMatchObject({ value: { holder: 'y'.repeat(200) } });
  await held.pop()?.release();
  await take('');
  expect(await lock.acquire(name(), 'we')).toMatchObject({ value: { holder: 'a process that does not answer' } });
});

test('who connects and hangs up, or never reads, does not disturb the holder', async () => {
  await take('holder');
  const rude = Array.from({ length: 30 }, () => connect({ path: `\0tailrace-${name()}` }).on('error', () => undefined));
  await Promise.all(rude.map((socket) => once(socket, 'connect')));
  for (const [i, socket] of rude.entries()) i % 2 === 0 ? socket.destroy() : socket.pause();
  expect(await lock.acquire(name(), 'we')).toMatchObject({ value: { holder: 'holder' } });
  for (const socket of rude) socket.destroy();
});

test('a lock keeps no process alive', async () => {
  const child = spawn(process.execPath, [CHILD, 'abstract', folder, name(), 'leave'], { stdio: 'ignore' });
  const [code] = await once(child, 'exit', { signal: AbortSignal.timeout(20_000) });
  expect(code).toBe(0);
});

test('a socket file cannot be made where there is no folder: said, not thrown', async () => {
  const nowhere = createSocketLock({ place: 'file', folder: join(folder, 'absent') });
  expect(await nowhere.acquire(name(), 'we')).toMatchObject({ ok: false, failure: { code: 'lock_unavailable' } });
});
