import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type VerbBench, verbBench } from './verb-bench.ts';

let bench: VerbBench;
let folder: string;
beforeAll(async () => {
  bench = await verbBench();
  folder = mkdtempSync(join(tmpdir(), 'tailrace-completion-'));
  writeFileSync(join(folder, 'bash'), (await bench.verb('completion', 'bash')).out);
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await bench.close();
});

/** What bash offers for the last of these words. */
function offered(...words: readonly string[]): readonly string[] {
  const script = `source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _tailrace; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const args = ['--norc', '-c', script, 'bash', join(folder, 'bash'), 'tailrace', ...words];
  return execFileSync('bash', args, { encoding: 'utf8' })
    .split('\n')
    .filter((word) => word !== '');
}

describe('in bash', () => {
  test('the script is accepted', () => {
    execFileSync('bash', ['-n', join(folder, 'bash')]);
  });

  test('verbs are offered, all that help lists', async () => {
    const { out } = await bench.verb('--help');
    const listed = [...out.slice(out.indexOf('Commands:')).matchAll(/^ {2}([a-z]+)/gm)].map(([, name]) => name);
    expect(listed).toContain('verify');
    expect(offered('')).toEqual(expect.arrayContaining(listed));
    expect(offered('ver')).toEqual(['verify']);
  });

  test('flags are offered, those of the verb alone', () => {
    expect(offered('gc', '--old')).toEqual(['--older-than']);
    expect(offered('run', '--stream-timeout')).toEqual([
      '--stream-timeout-seconds',
      '--stream-timeout-unknown-seconds',
    ]);
    expect(offered('status', '--older')).toEqual([]);
    expect(offered('--ver')).toEqual(['--version']);
  });

  test('words are offered where there is a fixed list, and nothing (so file names) for a value', () => {
    expect(offered('completion', '')).toEqual(['bash', 'zsh', 'fish']);
    expect(offered('gc', '--older-than', '')).toEqual([]);
    expect(offered('verify', '')).toEqual([]);
  });
});

test.each(['zsh', 'fish'])('%s has every verb and every flag', async (shell) => {
  const { exitCode, out } = await bench.verb('completion', shell);
  expect(exitCode).toBe(0);
  for (const word of ['verify', 'doctor', 'no-download', 'older-than', 'stream-timeout-unknown-seconds'])
    expect(out).toContain(word);
});

test('another shell is a mistake of the command line', async () => {
  expect(await bench.verb('completion', 'tcsh')).toMatchObject({
    exitCode: 2,
    talk: expect.stringContaining('bash, zsh, fish'),
  });
});
