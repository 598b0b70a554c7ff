import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readDaemonFile, writeDaemonFile } from '../../src/http/daemon-file.ts';
import { idOf } from '../fixtures/stream-views.ts';
import { runToEnd, start, workFolder } from './program-process.ts';

describe('status asks the running daemon', () => {
  test('and shows a table: what failed first, with its hint; no terminal escape gets through', async () => {
    const cwd = workFolder();
    const running = start(['run'], cwd, { VIEWS: '2' });
    await running.talked('listening at');
    const { exitCode, out, talk } = await runToEnd(['status'], cwd);
    expect(exitCode).toBe(0);
    const lines = out.trimEnd().split('\n');
    expect(lines[0]).toMatch(/^ID +STATE +WRITTEN +UPLOADED +AT RISK +IDLE +PATH$/);
    expect(lines[1]).toMatch(/^00000003 +failed\.parked +100 B +60 B +40 B +\d+\w+ +\/recordings\/take-3\.mp4$/);
    expect(lines[2]).toMatch(/^ +! s3_access_denied: PutObject: AccessDenied$/);
    expect(lines[3]).toMatch(/^ +S3 refuses access\.$/);
    expect(lines).toHaveLength(6);
    expect(out).toContain('\\x1b[2J');
    expect(out).not.toContain('\u001b');
    expect(talk).toContain('3 streams (2 active, 1 failed), 120 B at risk.');
    expect(talk).toContain(`pid ${running.pid}`);
  });

  test('and prints what the API says with --json, all pages in one', async () => {
    const cwd = workFolder();
    await start(['run'], cwd, { VIEWS: '2100' }).talked('listening at');
    const { exitCode, out } = await runToEnd(['status', '--json'], cwd);
    expect(exitCode).toBe(0);
    const reply = JSON.parse(out);
    expect(reply).toMatchObject({
      next: null,
      totals: { streams: 2_101 },
      daemon: { phase: 'running', instance: 'vm' },
    });
    expect(new Set(reply.streams.map((view: { id: string }) => view.id)).size).toBe(2_101);
    expect(reply.streams[0].id).toBe(idOf(1));
  });

  test('over its address where the socket is gone', async () => {
    const cwd = workFolder();
    await start(['run'], cwd, { VIEWS: '1' }).talked('listening at');
    const stateDir = join(cwd, '.tailrace');
    const file = await readDaemonFile(stateDir);
    await writeDaemonFile(stateDir, { ...file!, socket: join(cwd, 'nowhere.sock') });
    expect(await runToEnd(['status'], cwd)).toMatchObject({ exitCode: 0, talk: expect.stringContaining('2 streams') });
  });
});

describe('without a daemon', () => {
  function stateWithJournal(): { cwd: string; stateDir: string } {
    const cwd = workFolder();
    const stateDir = join(cwd, 'state');
    mkdirSync(stateDir);
    writeFileSync(join(stateDir, 'journal'), '');
    return { cwd, stateDir };
  }

  test('status reads the journal and says so', async () => {
    const { cwd, stateDir } = stateWithJournal();
    const { exitCode, out, talk } = await runToEnd(['status', '--state-dir', stateDir], cwd);
    expect(exitCode).toBe(0);
    expect(talk).toContain('No daemon runs');
    // Parts 1 (8 MiB) and 3 (the last 4 MiB) of 20 MiB.
    expect(out).toMatch(/01234567 +active\.waiting +20 MiB +12 MiB +8 MiB .*\/recordings\/take\.mp4/);
    const json = await runToEnd(['status', '--json', '--state-dir', stateDir], cwd);
    expect(JSON.parse(json.out)).toMatchObject({
      daemon: null,
      streams: [{ sentBytes: 12 * 2 ** 20, writer: 'unasked' }],
    });
  });

  test('a daemon.json that a killed daemon left behind is found out', async () => {
    const { cwd, stateDir } = stateWithJournal();
    const running = start(['run', '--state-dir', stateDir], cwd);
    await running.talked('listening at');
    running.kill('SIGKILL');
    await running.ended;
    expect((await readDaemonFile(stateDir))?.pid).toBe(running.pid);
    const { exitCode, talk } = await runToEnd(['status', '--state-dir', stateDir], cwd);
    expect({ exitCode, talk }).toMatchObject({ exitCode: 0, talk: expect.stringContaining('No daemon runs') });
  });

  test('another program that took the port since is not believed', async () => {
    const { cwd, stateDir } = stateWithJournal();
    const other = createServer((_, response) => response.end('{"streams":[],"next":null,"totals":{},"daemon":{}}'));
    await new Promise<void>((done) => other.listen(0, '127.0.0.1', done));
    try {
      const address = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
      await writeDaemonFile(stateDir, { pid: 1, address, socket: null, instance: 'vm', startedAt: '' });
      const { talk } = await runToEnd(['status', '--state-dir', stateDir], cwd);
      expect(talk).toContain('No daemon runs');
    } finally {
      other.close();
    }
  });

  test('a daemon.json that is no such thing counts as none', async () => {
    const { cwd, stateDir } = stateWithJournal();
    for (const content of ['', '{', '[]', '{"pid":"1"}', 'null']) {
      writeFileSync(join(stateDir, 'daemon.json'), content);
      expect(await readDaemonFile(stateDir)).toBeNull();
    }
    expect((await runToEnd(['status', '--state-dir', stateDir], cwd)).talk).toContain('No daemon runs');
  });

  test('no STATE_DIR, or one without a journal, is 69 with a clear word', async () => {
    const cwd = workFolder();
    const missing = await runToEnd(['status'], cwd);
    expect(missing).toMatchObject({ exitCode: 69, out: '' });
    expect(missing.talk).toContain('no daemon ever ran with this STATE_DIR');
    mkdirSync(join(cwd, '.tailrace'));
    expect(await runToEnd(['status'], cwd)).toMatchObject({
      exitCode: 69,
      talk: expect.stringContaining('there is none'),
    });
  });

  test('impossible values of other settings do not stop it', async () => {
    const { cwd, stateDir } = stateWithJournal();
    const ended = await runToEnd(['status'], cwd, { STATE_DIR: stateDir, CHUNK_SIZE_BYTES: 'x', WATCH_DIR: 'missing' });
    expect(ended.exitCode).toBe(0);
  });
});
