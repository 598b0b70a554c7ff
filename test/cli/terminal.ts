// The scripted command line at a terminal: `script` (bsdutils, on every Debian) gives it one, in which stdin, stdout and stderr are the same.

import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterEach } from 'vitest';
import { COMPILE_CACHE } from '../fixtures/compile-cache.ts';

const MAIN = fileURLToPath(new URL('./scripted-main.ts', import.meta.url));
const DEADLINE_MS = 20_000;

export interface AtTerminal {
  /** Everything that was written to it, with escapes. */
  screen(): string;
  shows(words: string | RegExp): Promise<void>;
  types(text: string): void;
  readonly exitCode: Promise<number | null>;
}

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0).reverse()) end();
});

export function atTerminal(
  args: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>> = {},
): AtTerminal {
  const command = [process.execPath, MAIN, ...args].map((word) => `'${word}'`).join(' ');
  const child: ChildProcess = spawn('script', ['-qefc', `stty rows 20 cols 100; exec ${command}`, '/dev/null'], {
    cwd,
    env: {
      PATH: process.env['PATH'] ?? '',
      ...COMPILE_CACHE,
      S3_BUCKET_NAME: 'takes',
      PROM_PORT: '0',
      TERM: 'xterm',
      ...env,
    },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  // A terminal that is gone hangs its programs up.
  ends.push(() => child.kill('SIGKILL'));
  let screen = '';
  child.stdout?.setEncoding('utf8').on('data', (chunk) => {
    screen += chunk;
  });
  return {
    screen: () => screen,
    async shows(words) {
      const deadlineMs = Date.now() + DEADLINE_MS;
      const isThere = () => (typeof words === 'string' ? screen.includes(words) : words.test(screen));
      while (!isThere()) {
        if (Date.now() > deadlineMs || child.exitCode !== null) throw new Error(`never showed ${words}: ${screen}`);
        await new Promise((again) => setTimeout(again, 20));
      }
    },
    types: (text) => void child.stdin?.write(text),
    exitCode: new Promise((done) => child.once('close', done)),
  };
}
