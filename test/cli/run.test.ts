import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { runToEnd, start, workFolder } from './program-process.ts';
import { atTerminal } from './terminal.ts';

describe('the command line', () => {
  test('an unknown verb is 2, with a list of those there are', async () => {
    const ended = await runToEnd(['fly'], workFolder());
    expect(ended).toMatchObject({ exitCode: 2, out: '' });
    expect(ended.talk).toMatch(/There are: run, status, .*demo/);
  });

  test('has every verb of the contract', async () => {
    const { out } = await runToEnd(['--help'], workFolder());
    const verbs = [
      'run',
      'status',
      'show',
      'finalize',
      'retry',
      'abort',
      'forget',
      'verify',
      'doctor',
      'gc',
      'config',
      'demo',
    ];
    for (const verb of verbs) expect(out).toMatch(new RegExp(`^  ${verb} `, 'm'));
  });

  test('an unknown flag is 2, with the one that was probably meant', async () => {
    const ended = await runToEnd(['run', '--prom-prt', '1'], workFolder());
    expect(ended).toMatchObject({ exitCode: 2, out: '' });
    expect(ended.talk).toContain('--prom-port');
  });

  test('no verb is 2; --help and --version are data and 0', async () => {
    const cwd = workFolder();
    expect(await runToEnd([], cwd)).toMatchObject({ exitCode: 2, out: '' });
    const help = await runToEnd(['run', '--help'], cwd);
    expect(help).toMatchObject({ exitCode: 0, talk: '' });
    expect(help.out).toContain('--stream-timeout-seconds');
    expect(help.out).toContain('--s3-secret-access-key-file');
    expect(await runToEnd(['--version'], cwd)).toMatchObject({
      exitCode: 0,
      out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
    });
  });
});

describe('run', () => {
  test('tells all mistakes of the configuration at once and ends with 78', async () => {
    const cwd = workFolder();
    writeFileSync(join(cwd, 'tailrace.yaml'), 'prom_prot: 1\n');
    const ended = await runToEnd(['run', '--chunk-size-bytes', '1MiB'], cwd, {
      LOG_LEVEL: 'loud',
      S3_BUCKET_NAME: '',
    });
    expect(ended).toMatchObject({ exitCode: 78, out: '' });
    for (const word of [
      'prom_prot',
      '--chunk-size-bytes',
      'LOG_LEVEL',
      'not one of the known words',
      'S3_BUCKET_NAME',
      '4 mistakes',
    ]) {
      expect(ended.talk).toContain(word);
    }
  });

  test('flags win over the environment', async () => {
    const ended = await runToEnd(['run', '--once', '--watch-dir', 'recordings'], workFolder(), {
      WATCH_DIR: 'missing',
    });
    expect(ended).toMatchObject({ exitCode: 0 });
  });

  test('says where it listens, as lines of JSON where no one reads along', async () => {
    const ended = await runToEnd(['run', '--once'], workFolder());
    expect(ended).toMatchObject({ exitCode: 0, out: '' });
    const lines = ended.talk
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines).toMatchObject([
      { level: 'info', msg: expect.stringMatching(/^listening at http:\/\/127\.0\.0\.1:\d+$/) },
      { msg: expect.stringContaining('recordings') },
    ]);
  });

  test('embedded makes its folder and needs no bucket', async () => {
    const cwd = workFolder();
    const ended = await runToEnd(['run', '--embedded', '--once', '--watch-dir', 'new/folder'], cwd, {
      S3_BUCKET_NAME: '',
    });
    expect(ended.exitCode).toBe(0);
    expect(existsSync(join(cwd, 'new/folder'))).toBe(true);
  });

  test.each(['SIGTERM', 'SIGINT'] as const)('the first %s drains and ends with 0', async (signal) => {
    const cwd = workFolder();
    const running = start(['run'], cwd);
    await running.talked('listening at');
    running.kill(signal);
    const ended = await running.ended;
    expect(ended).toMatchObject({ exitCode: 0, signal: null });
    expect(ended.talk).toContain('draining for up to 20s');
    expect(existsSync(join(cwd, '.tailrace/daemon.json'))).toBe(false);
    expect(existsSync(join(cwd, '.tailrace/daemon.sock'))).toBe(false);
  });

  test.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const)('a second signal, %s, hurries and ends with %i', async (signal, exitCode) => {
    const running = start(['run'], workFolder(), { SCRIPT: 'stubborn' });
    await running.talked('listening at');
    running.kill('SIGTERM');
    await running.talked('draining');
    running.kill(signal);
    expect(await running.ended).toMatchObject({ exitCode, signal: null });
  });

  test('a signal while it starts drains it as soon as it has started', async () => {
    const running = start(['run'], workFolder(), { SCRIPT: 'slow start' });
    await running.talked('starting');
    running.kill('SIGTERM');
    await running.talked('draining');
    expect(await running.ended).toMatchObject({ exitCode: 0, signal: null });
  });

  test('a daemon that cannot start says why, and its exit code is passed on', async () => {
    const ended = await runToEnd(['run'], workFolder(), { SCRIPT: 'refuse' });
    expect(ended).toMatchObject({ exitCode: 75 });
    expect(ended.talk).toContain('another daemon holds STATE_DIR');
  });

  test.each(['bug', 'late bug'])('a %s is 70', async (script) => {
    const ended = await runToEnd(['run'], workFolder(), { SCRIPT: script });
    expect(ended).toMatchObject({ exitCode: 70 });
    expect(ended.talk).toContain(`scripted ${script}`);
  });
});

describe('run at a terminal', () => {
  test('shows what is on its way, and the address of the page with its token', async () => {
    const cwd = workFolder();
    const running = atTerminal(['run'], cwd, { VIEWS: '2' });
    await running.shows(/the page: http:\/\/127\.0\.0\.1:\d+\/#token=scripted-token/);
    await running.shows('[#######.....] 60 B of 100 B  active.waiting');
    expect(running.screen()).not.toContain('\u001b[2J');
    running.types('\u0003');
    expect(await running.exitCode).toBe(0);
    expect(running.screen()).toContain('draining');
  });

  test('elsewhere shows neither', async () => {
    const running = start(['run'], workFolder(), { VIEWS: '2' });
    await running.talked('listening at');
    running.kill('SIGTERM');
    const { out, talk } = await running.ended;
    expect(out + talk).not.toMatch(/token|60 B of/);
  });
});
