import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { streamText } from '../../src/cli/stream-text.ts';
import { readDaemonFile, writeDaemonFile } from '../../src/http/daemon-file.ts';
import { completedView, idOf } from '../fixtures/stream-views.ts';
import { type Running, runToEnd, start, workFolder } from './program-process.ts';
import { atTerminal } from './terminal.ts';

const VERBS = ['finalize', 'retry', 'abort', 'forget'] as const;
const yesFor = (verb: string): readonly string[] => (['abort', 'forget'].includes(verb) ? ['--yes'] : []);
const RISKY = ['abort', 'forget'] as const;

async function running(env: Record<string, string> = {}): Promise<{ cwd: string; daemon: Running }> {
  const cwd = workFolder();
  const daemon = start(['run'], cwd, { VIEWS: '2', ...env });
  await daemon.talked('listening at');
  return { cwd, daemon };
}

function stateWithJournal(): { cwd: string; stateDir: string } {
  const cwd = workFolder();
  const stateDir = join(cwd, '.tailrace');
  mkdirSync(stateDir);
  writeFileSync(join(stateDir, 'journal'), '');
  return { cwd, stateDir };
}

describe('a wish', () => {
  test.each(VERBS)('%s reaches the stream over the socket, by a short id', async (verb) => {
    const { cwd, daemon } = await running();
    const { exitCode, out, talk } = await runToEnd([verb, '00000001', ...yesFor(verb)], cwd);
    expect({ exitCode, out }).toEqual({ exitCode: 0, out: '' });
    expect(talk).toContain(
      verb === 'forget' ? 'Left in S3: s3://takes/take.mp4, 3 parts, upload upload-1' : 'tailrace show 00000001',
    );
    await daemon.talked(`asked to ${verb} ${idOf(1)}`);
  });

  test.each(['finalize', 'forget'] as const)('%s --json answers as data', async (verb) => {
    const { cwd } = await running();
    const { exitCode, out } = await runToEnd([verb, idOf(1), '--json', ...yesFor(verb)], cwd);
    expect(exitCode).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ id: idOf(1), verb, accepted: true });
  });

  test('that the state refuses is 1, with the reason, which cannot speak to the terminal', async () => {
    const { cwd } = await running({ SCRIPT: 'refusing' });
    const { exitCode, out, talk } = await runToEnd(['finalize', '00000001', '--json'], cwd);
    expect(exitCode).toBe(1);
    expect(JSON.parse(out)).toMatchObject({ verb: 'finalize', accepted: false, code: 'refused' });
    expect(talk).toContain('It is s3_completed.done.\\x1b[2J');
    expect(talk).not.toContain('\u001b');
  });

  test('that nobody hears now is 75', async () => {
    const { cwd } = await running({ SCRIPT: 'ending' });
    expect((await runToEnd(['retry', '00000001'], cwd)).exitCode).toBe(75);
  });

  test.each(RISKY)('%s needs --yes where nobody can be asked, and then does nothing without it', async (verb) => {
    const { cwd, daemon } = await running();
    const ended = await runToEnd([verb, '00000001'], cwd);
    expect(ended).toMatchObject({ exitCode: 2, talk: expect.stringContaining('Give --yes') });
    expect(await daemon.talked('listening at')).not.toContain('asked to');
  });

  test.each(RISKY)('%s asks at a terminal: only "yes" is yes', async (verb) => {
    const { cwd, daemon } = await running();
    const no = atTerminal([verb, '00000001'], cwd);
    await no.shows('Type yes: ');
    no.types('y\r');
    expect(await no.exitCode).toBe(1);
    expect(no.screen()).toContain('take-1');
    expect(await daemon.talked('listening at')).not.toContain('asked to');
    const yes = atTerminal([verb, '00000001'], cwd);
    await yes.shows('Type yes: ');
    yes.types('yes\r');
    expect(await yes.exitCode).toBe(0);
    await daemon.talked(`asked to ${verb} ${idOf(1)}`);
  });

  test.each(VERBS)('%s without a daemon is 69, in a clear line', async (verb) => {
    const { cwd } = stateWithJournal();
    const ended = await runToEnd([verb, '01234567', ...yesFor(verb)], cwd);
    expect(ended).toMatchObject({ exitCode: 69, out: '', talk: expect.stringContaining(`${verb} needs one`) });
  });

  test('for no stream is 1; an id that is none is 2', async () => {
    const { cwd } = await running();
    expect(await runToEnd(['retry', 'ffffffff'], cwd)).toMatchObject({
      exitCode: 1,
      talk: expect.stringContaining('No stream, or more than one'),
    });
    // All begin alike.
    expect((await runToEnd(['retry', '0000'], cwd)).exitCode).toBe(1);
    for (const id of ['abc', 'xyz12345', '../../healthz', '0'.repeat(33)])
      expect((await runToEnd(['retry', id], cwd)).exitCode).toBe(2);
    expect((await runToEnd(['retry'], cwd)).exitCode).toBe(2);
  });

  test('is never sent to the port that the file names: another process may have taken it', async () => {
    const { cwd, daemon } = await running();
    const stateDir = join(cwd, '.tailrace');
    const file = await readDaemonFile(stateDir);
    await writeDaemonFile(stateDir, { ...file!, socket: join(cwd, 'nowhere.sock') });
    const ended = await runToEnd(['retry', '00000001'], cwd);
    expect(ended).toMatchObject({ exitCode: 75, talk: expect.stringContaining('does not let us in') });
    expect(await daemon.talked('listening at')).not.toContain('asked to');
  });
});

describe('show', () => {
  test('tells of no parts where no upload is under way, instead of none', () => {
    const shown = streamText({ stream: completedView(1), parts: [], history: null }, 5_000);
    expect(shown).toContain('s3_completed');
    expect(shown).not.toMatch(/^parts/m);
  });

  test('tells everything known of one stream; no terminal escape gets through', async () => {
    const { cwd } = await running();
    const { exitCode, out } = await runToEnd(['show', '00000003'], cwd);
    expect(exitCode).toBe(0);
    for (const words of [
      `stream      ${idOf(3)}`,
      'path        /recordings/take-3.mp4',
      'state       failed.parked (failed_finalization)',
      'bytes       100 B written, 60 B uploaded, 40 B at risk',
      'parts       2: 1 sent, 1 in_flight',
      'failure     s3_access_denied: PutObject: AccessDenied',
      'cure        S3 refuses access. (bucket owner)',
    ])
      expect(out).toContain(words);
    expect(out).toMatch(/1970-01-01T00:00:02Z {2}state +active\.uploading/);
    expect((await runToEnd(['show', '00000001'], cwd)).out).not.toContain('\u001b');
  });

  test('--json gives the stream, its parts and its history', async () => {
    const { cwd } = await running();
    const { out } = await runToEnd(['show', idOf(1), '--json'], cwd);
    expect(JSON.parse(out)).toMatchObject({
      stream: { id: idOf(1), state: 'active.waiting' },
      parts: [{ partNumber: 1, state: 'sent' }, { partNumber: 2 }],
      history: [{ kind: 'fact' }, { kind: 'state' }],
    });
  });

  test('reads the journal where no daemon runs, and says so', async () => {
    const { cwd } = stateWithJournal();
    const shown = await runToEnd(['show', '01234567'], cwd);
    expect(shown).toMatchObject({ exitCode: 0, talk: expect.stringContaining('this is its journal') });
    expect(shown.out).toContain('/recordings/take.mp4');
    const json = JSON.parse((await runToEnd(['show', '01234567', '--json'], cwd)).out);
    expect(json).toMatchObject({ stream: { state: 'active.waiting' }, parts: null, history: null });
    expect(await runToEnd(['show', 'ffffffff'], cwd)).toMatchObject({ exitCode: 1, out: '' });
  });
});
