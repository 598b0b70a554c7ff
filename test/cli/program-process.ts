// Starts the scripted command line as a process and listens to it. Every process ends with its test.

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach } from 'vitest';
import { COMPILE_CACHE } from '../fixtures/compile-cache.ts';

const MAIN = fileURLToPath(new URL('./scripted-main.ts', import.meta.url));
const DEADLINE_MS = 20_000;

export interface Ended {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly talk: string;
}

export interface Running {
  readonly pid: number;
  readonly ended: Promise<Ended>;
  /** Resolves when stderr holds the words. */
  talked(words: string): Promise<string>;
  /** The same of stdout. */
  printed(words: string): Promise<string>;
  kill(signal: NodeJS.Signals): void;
}

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0).reverse()) end();
});

/** A folder with `recordings` in it. */
export function workFolder(): string {
  const path = realpathSync(mkdtempSync(join(tmpdir(), 'tailrace-cli-')));
  mkdirSync(join(path, 'recordings'));
  ends.push(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** The environment is only what is given: a developer's own settings must not decide a test. */
export function start(args: readonly string[], cwd: string, env: Readonly<Record<string, string>> = {}): Running {
  const child: ChildProcess = spawn(process.execPath, [MAIN, ...args], {
    cwd,
    env: { PATH: process.env['PATH'] ?? '', ...COMPILE_CACHE, S3_BUCKET_NAME: 'takes', PROM_PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  ends.push(() => child.kill('SIGKILL'));
  const texts = { out: '', talk: '' };
  child.stdout?.setEncoding('utf8').on('data', (chunk) => {
    texts.out += chunk;
  });
  child.stderr?.setEncoding('utf8').on('data', (chunk) => {
    texts.talk += chunk;
  });
  const ended = new Promise<Ended>((done) =>
    child.once('close', (exitCode, signal) => done({ exitCode, signal, ...texts })),
  );
  const holds = async (which: 'out' | 'talk', words: string): Promise<string> => {
    const deadlineMs = Date.now() + DEADLINE_MS;
    while (!texts[which].includes(words)) {
      if (Date.now() > deadlineMs || child.exitCode !== null || child.signalCode !== null)
        throw new Error(`never said ${words}: ${texts[which]}\n${texts.talk}`);
      await new Promise((done) => setTimeout(done, 20));
    }
    return texts[which];
  };
  return {
    pid: child.pid ?? -1,
    ended,
    kill: (signal) => child.kill(signal),
    talked: (words) => holds('talk', words),
    printed: (words) => holds('out', words),
  };
}

export const runToEnd = (
  args: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>> = {},
): Promise<Ended> => start(args, cwd, env).ended;
