// The unit as systemd reads it, and what systemd is told by the daemon: really ready, really alive, stopping.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createActor, fromCallback } from 'xstate';
import { EXIT } from '../../src/cli/exit-codes.ts';
import { watchOver } from '../../src/compose/watch-over.ts';
import { meantVariable, SETTING_NAMES } from '../../src/config/names.ts';
import { SETTINGS } from '../../src/config/schema.ts';
import type { StreamSettings } from '../../src/machines/stream-settings.ts';
import { type SupervisorEvent, supervisorMachine } from '../../src/machines/supervisor.machine.ts';
import { createReadModel } from '../../src/read-model/read-model.ts';
import { ROOT } from '../system/harness/built-program.ts';
import type { OwnerTest } from '../system/harness/owned-processes.ts';
import { openScene } from '../system/harness/scene.ts';
import { pause, until } from '../system/harness/waiting.ts';
import { openNotifySocket } from './notify-socket.ts';

const UNIT = readFileSync(join(ROOT, 'deploy/systemd/tailrace.service'), 'utf8');
/** Values of a key, in order. */
const valuesOf = (key: string): readonly string[] =>
  [...UNIT.matchAll(new RegExp(`^${key}=(.*)$`, 'gm'))].map(([, value = '']) => value);

function workFolder(test: OwnerTest): string {
  const folder = mkdtempSync(join(tmpdir(), 'tailrace-systemd-'));
  test.onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** What systemd has to say about a unit; the program is where a test can have it. */
function verified(test: OwnerTest, unit: string): string {
  const path = join(workFolder(test), 'tailrace.service');
  writeFileSync(path, unit.replace(/^ExecStart=tailrace /m, `ExecStart=${join(ROOT, 'bin/tailrace.js')} `));
  const { stderr, error } = spawnSync('systemd-analyze', ['verify', '--man=no', path], { encoding: 'utf8' });
  if (error) throw error;
  return stderr;
}

describe('the unit', () => {
  test('is read by systemd without a word', (test) => {
    expect(verified(test, UNIT)).toBe('');
    expect(verified(test, UNIT.replace('WatchdogSec=', 'WatchdogSecs='))).toContain('WatchdogSecs');
    expect(verified(test, UNIT.replace('ProtectSystem=strict', 'ProtectSystem=very'))).not.toBe('');
  });

  test('does not start again what only a person can set right, and lets it drain', () => {
    expect(valuesOf('RestartPreventExitStatus')).toEqual([`${EXIT.usage} ${EXIT.configuration}`]);
    const graceSeconds = Number(SETTINGS.shutdownGraceMs.fallback);
    expect(graceSeconds).toBeGreaterThan(0);
    expect(Number.parseInt(valuesOf('TimeoutStopSec')[0] ?? '', 10)).toBeGreaterThan(graceSeconds + 10);
  });

  test('names only settings that there are, and holds no secret', () => {
    const names = valuesOf('Environment').map((each) => each.split('=')[0] ?? '');
    const known = SETTING_NAMES.map(({ name }) => name);
    expect(names.length).toBeGreaterThan(3);
    expect(names.filter((name) => !known.includes(name))).toEqual([]);
    const given = valuesOf('LoadCredential').map((each) => each.split(':')[0]);
    const read = valuesOf('Environment').flatMap((each) => /=%d\/(.*)$/.exec(each)?.[1] ?? []);
    expect(read).toEqual(given);
    expect(UNIT).not.toMatch(/^SetCredential|^Environment=S3_SECRET_ACCESS_KEY=/m);
  });

  test('what systemd itself puts into the environment is not taken for a mistake', () => {
    const given = ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID', 'STATE_DIRECTORY', 'CREDENTIALS_DIRECTORY'];
    expect(given.map(meantVariable)).toEqual(given.map(() => null));
  });

  test('may look for the writers of other users: what that needs is given, and nothing hides them', () => {
    expect(valuesOf('AmbientCapabilities')).toEqual(['CAP_DAC_READ_SEARCH CAP_SYS_PTRACE']);
    expect(valuesOf('CapabilityBoundingSet')).toEqual(valuesOf('AmbientCapabilities'));
    expect([valuesOf('ProtectProc'), valuesOf('ProcSubset')]).toEqual([['default'], ['all']]);
    expect(valuesOf('PrivateUsers')).toEqual([]);
  });
});

describe('the daemon tells systemd', { timeout: 60_000 }, () => {
  test('READY when it watches, WATCHDOG in time, a status, STOPPING when it drains', async (test) => {
    const scene = await openScene(test, { startDaemon: false });
    const socket = await openNotifySocket(test, scene.folder);
    await scene.daemon.start({ settings: { NOTIFY_SOCKET: socket.path, WATCHDOG_USEC: '2000000' } });
    await until('READY arrives', () => (socket.count('READY=1') > 0 ? true : null));
    const startedAtMs = Date.now();
    const before = socket.count('WATCHDOG=1');
    await until('four signs of life', () => (socket.count('WATCHDOG=1') >= before + 4 ? true : null));
    expect(Date.now() - startedAtMs, 'each within the two seconds that systemd waits').toBeLessThan(8_000);
    expect(
      socket
        .messages()
        .flat()
        .find((each) => each.startsWith('STATUS=')),
    ).toMatch(/^STATUS=\d+ streams on their way, \d+ MiB/);

    // A stopped process cannot be spoken for by anything else.
    scene.daemon.signal('SIGSTOP');
    await pause(500);
    const stopped = socket.count('WATCHDOG=1');
    await pause(3_000);
    expect(socket.count('WATCHDOG=1')).toBe(stopped);
    scene.daemon.signal('SIGCONT');
    await until('it lives again', () => (socket.count('WATCHDOG=1') > stopped ? true : null));
    expect(socket.count('STOPPING=1')).toBe(0);
    expect(await scene.daemon.drain()).toBe(0);
    expect(socket.count('STOPPING=1')).toBe(1);
    expect(socket.count('READY=1')).toBe(1);
  });

  test('nothing where nobody asked; no WATCHDOG where another process is watched', async (test) => {
    const scene = await openScene(test, { startDaemon: false });
    const socket = await openNotifySocket(test, scene.folder);
    await scene.daemon.start({
      settings: { NOTIFY_SOCKET: socket.path, WATCHDOG_USEC: '1000000', WATCHDOG_PID: '1' },
    });
    await until('READY arrives', () => (socket.count('READY=1') > 0 ? true : null));
    await pause(2_500);
    expect(socket.count('WATCHDOG=1')).toBe(0);
  });
});

describe('a stalled actor system', () => {
  test('sends no WATCHDOG any more, whatever else still runs in the process', async (test) => {
    const folder = workFolder(test);
    const socket = await openNotifySocket(test, folder);
    const work = () => fromCallback<SupervisorEvent, Record<string, never>, SupervisorEvent>(() => {});
    const machine = supervisorMachine.provide({
      actors: { boot: work(), watch: work(), ticker: work(), drain: work() },
    });
    const supervisor = createActor(machine, { input: { settings: {} as StreamSettings, once: false } });
    const warnings: string[] = [];
    const env = { PATH: process.env['PATH'], NOTIFY_SOCKET: socket.path, WATCHDOG_USEC: '200000' };
    watchOver(supervisor, createReadModel(), { warn: (message) => warnings.push(message) }, env);
    supervisor.start();
    test.onTestFinished(() => {
      supervisor.stop();
    });
    supervisor.send({ type: 'daemon.booted', restored: [], known: [], atMs: 1 });
    for (let atMs = 2; socket.count('WATCHDOG=1') < 3; atMs += 1) {
      supervisor.send({ type: 'tick', atMs });
      await pause(50);
      expect(atMs, warnings.join()).toBeLessThan(400);
    }
    // What was on its way arrives.
    await pause(500);
    const last = socket.count('WATCHDOG=1');
    for (let atMs = 1_000; atMs < 1_020; atMs += 1) {
      supervisor.send({ type: 'sweep.finished', files: 1, bytes: 1, atMs });
      await pause(50);
    }
    expect(socket.count('WATCHDOG=1')).toBe(last);
  });
});
