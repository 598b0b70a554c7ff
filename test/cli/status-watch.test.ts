import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { runToEnd, start, workFolder } from './program-process.ts';
import { atTerminal } from './terminal.ts';

const eventsIn = (out: string) =>
  out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { event: string; data: never });

describe('status --watch', () => {
  test('--json tells the list first, then each event as a line of its own, through the end of one daemon and the start of the next', async () => {
    const cwd = workFolder();
    const daemon = start(['run'], cwd, { VIEWS: '2' });
    await daemon.talked('listening at');
    const watching = start(['status', '--watch', '--json'], cwd);
    await watching.printed('"list"');
    writeFileSync(join(cwd, 'recordings', 'recording.bin'), 'x'.repeat(100));
    await watching.printed('"sizeBytes":100,');
    appendFileSync(join(cwd, 'recordings', 'recording.bin'), 'x'.repeat(23));
    await watching.printed('"sizeBytes":123');
    daemon.kill('SIGTERM');
    await watching.talked('The daemon is gone; waiting');
    await start(['run'], cwd, { VIEWS: '5' }).talked('listening at');
    await watching.printed('00000006');
    watching.kill('SIGINT');
    const { exitCode, out } = await watching.ended;
    expect(exitCode).toBe(0);
    const events = eventsIn(out);
    expect(events[0]).toMatchObject({ event: 'list', data: { totals: { streams: 3 }, daemon: { phase: 'running' } } });
    expect(events.filter(({ event }) => event === 'list').length).toBe(2);
    expect(new Set(events.map(({ event }) => event))).toContain('streams');
  });

  test('draws on a terminal, within its rows and columns', async () => {
    const cwd = workFolder();
    await start(['run'], cwd, { VIEWS: '40' }).talked('listening at');
    const watching = atTerminal(['status', '--watch'], cwd);
    await watching.shows(/\.\.\. and \d+ more lines/);
    await watching.shows('41 streams (40 active, 1 failed), ');
    writeFileSync(join(cwd, 'recordings', 'recording.bin'), 'x'.repeat(1_024 * 77));
    await watching.shows('77 KiB');
    const drawn = watching.screen().split('\u001b[H').at(-2)?.split('\r\n') ?? [];
    expect(drawn.length).toBeLessThanOrEqual(20);

    for (const line of drawn)
      expect(line.replaceAll('\u001b[K', '').replaceAll('\u001b[J', '').length).toBeLessThanOrEqual(100);
    watching.types('\u0003');
    expect(await watching.exitCode).toBe(0);
  });

  test('says what it needs: a daemon, and a terminal or --json', async () => {
    const cwd = workFolder();
    await start(['run', '--once'], cwd).ended;
    expect(await runToEnd(['status', '--watch', '--json'], cwd)).toMatchObject({
      exitCode: 69,
      talk: expect.stringContaining('nothing to watch'),
    });
    expect(await runToEnd(['status', '--watch'], cwd)).toMatchObject({
      exitCode: 2,
      talk: expect.stringContaining('give --json'),
    });
  });
});
