// Processes that belong to a test: each is ended by its own id when its test is over, passed or failed, and with the test runner
// in any case.

import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { TestContext } from 'vitest';

/** What a test gives so that things end with it: its own context, because tests of one file may run side by side. */
export type OwnerTest = Pick<TestContext, 'onTestFinished' | 'onTestFailed'>;

const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export interface Ended {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface OwnedProcess {
  readonly pid: number;
  readonly child: ChildProcess;
  /** stdout and stderr in the order of arrival, the newest MAX_OUTPUT_CHARS. */
  output(): string;
  /** null: it runs. */
  hasEnded(): Ended | null;
  readonly ended: Promise<Ended>;
  /** Sends the signal and waits for the end. A stopped process is woken, so that it can end. */
  end(signal?: NodeJS.Signals): Promise<Ended>;
}

const MAX_OUTPUT_CHARS = 4_000_000;

export function ownProcess(
  test: OwnerTest,
  program: string,
  args: readonly string[],
  options: SpawnOptions,
): OwnedProcess {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
  running.add(child);
  let output = '';
  const take = (text: string) => {
    output = (output + text).slice(-MAX_OUTPUT_CHARS);
  };
  child.stdout?.setEncoding('utf8').on('data', take);
  child.stderr?.setEncoding('utf8').on('data', take);
  const ended = new Promise<Ended>((resolve) => {
    child.once('error', (error) => {
      take(`${program} cannot be started: ${error.message}\n`);
      running.delete(child);
      resolve({ exitCode: null, signal: null });
    });
    child.once('exit', (exitCode, signal) => {
      running.delete(child);
      resolve({ exitCode, signal });
    });
  });
  let end: Ended | null = null;
  void ended.then((how) => {
    end = how;
  });
  const process: OwnedProcess = {
    pid: child.pid ?? -1,
    child,
    output: () => output,
    hasEnded: () => end,
    ended,
    end(signal = 'SIGKILL') {
      if (end === null) {
        child.kill('SIGCONT');
        child.kill(signal);
      }
      return ended;
    },
  };
  test.onTestFinished(async () => {
    await process.end();
  });
  return process;
}

/** A missing program is a failure that says how to get it, never a skip. */
export function pathOfProgram(program: string, packages: readonly string[]): string {
  for (const folder of [...(process.env['PATH'] ?? '').split(delimiter), '/usr/bin', '/usr/local/bin']) {
    const path = join(folder, program);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {}
  }
  throw new Error(
    `${program} is not there. On Debian or Ubuntu: apt-get install --no-install-recommends ${packages.join(' ')}`,
  );
}
