// The settings of what happens after proof: who probes the media, and who is told.

import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load-config.ts';
import { formatProblems } from '../../src/config/problems.ts';

let cwd: string;
beforeEach(() => {
  cwd = realpathSync(mkdtempSync(join(tmpdir(), 'tailrace-config-')));
  mkdirSync(join(cwd, 'recordings'));
});
afterEach(() => rmSync(cwd, { recursive: true, force: true }));

const load = (env: Record<string, string>) => loadConfig({ flags: {}, cwd, env: { S3_BUCKET_NAME: 'takes', ...env } });

function good(env: Record<string, string>) {
  const loaded = load(env);
  if (!loaded.ok) throw new Error(formatProblems(loaded.problems));
  return loaded.config;
}

const told = (env: Record<string, string>): string => {
  const loaded = load(env);
  return loaded.ok ? '' : formatProblems(loaded.problems);
};

function program(name: string): string {
  writeFileSync(join(cwd, name), '#!/bin/sh\n');
  chmodSync(join(cwd, name), 0o755);
  return name;
}

describe('FFPROBE_PATH', () => {
  test('is ffprobe in PATH, a program by its path, or none', () => {
    expect(good({}).ffprobePath).toBe('ffprobe');
    expect(good({ FFPROBE_PATH: 'my-ffprobe' }).ffprobePath).toBe('my-ffprobe');
    expect(good({ FFPROBE_PATH: './bin/ffprobe' }).ffprobePath).toBe(join(cwd, 'bin/ffprobe'));
    expect(good({ FFPROBE_PATH: 'off' }).ffprobePath).toBeNull();
  });
});

describe('who is told', () => {
  test('nobody, unless it is given', () => {
    expect(good({})).toMatchObject({
      notifyUrl: null,
      notifySecret: null,
      notifyCommand: null,
      notifyTimeoutMs: 10_000,
    });
  });

  test('a URL, a command, both', () => {
    const env = { NOTIFY_URL: 'https://me:pw@hooks.example.com/x?y=z', NOTIFY_SECRET: 'whsec_c2VjcmV0' };
    const NOTIFY_COMMAND = `./${program('on-final')}`;
    expect(good({ ...env, NOTIFY_COMMAND, NOTIFY_TIMEOUT_SECONDS: '2m' })).toMatchObject({
      ...{ notifyUrl: env.NOTIFY_URL, notifySecret: env.NOTIFY_SECRET, notifyTimeoutMs: 120_000 },
      notifyCommand: join(cwd, 'on-final'),
    });
  });

  test('the URL and the secret may come from files, and are shown in no message', () => {
    writeFileSync(join(cwd, 'url'), 'https://hooks.example.com/secret-path\n');
    expect(good({ NOTIFY_URL_FILE: 'url' }).notifyUrl).toBe('https://hooks.example.com/secret-path');
    const wrong = told({ NOTIFY_URL: 'ftp://me:pass@example.com/secret-path', NOTIFY_TIMEOUT_SECONDS: '0' });
    expect(wrong).toMatch(/NOTIFY_URL[\s\S]*is no http or https URL/);
    expect(wrong).toMatch(/NOTIFY_TIMEOUT_SECONDS/);
    expect(wrong).not.toMatch(/secret-path|pass/);
  });

  test('a secret that signs nothing is a mistake', () => {
    expect(told({ NOTIFY_SECRET: 'x' })).toMatch(/NOTIFY_SECRET[\s\S]*without NOTIFY_URL/);
  });

  test.each([
    ['a program that is not there', './nothing'],
    ['a folder', './recordings'],
    ['a file that cannot be run', './plain.txt'],
    ['a program with arguments', './on-final --fast'],
  ])('a command that is %s is a mistake', (_what, NOTIFY_COMMAND) => {
    program('on-final');
    writeFileSync(join(cwd, 'plain.txt'), '');
    expect(told({ NOTIFY_COMMAND })).toMatch(/NOTIFY_COMMAND[\s\S]*no program that can be run[\s\S]*no arguments/);
  });
});
