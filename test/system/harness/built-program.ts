// The program as it is shipped: `dist`, built by the project's own build when it is older than `src`. The system tests run that,
// under plain Node, because the test runner loads other builds of libraries than the program does.
//
// Test files run in several processes, and several runs may go on at once: one of them builds, the others wait for it.

import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync, rmdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const STAMP = join(ROOT, 'dist', '.built');
const LOCK = join(ROOT, 'dist', '.building');
/** Besides src. The page shows the stream's chart. */
const BUILD_INPUTS = [
  'tsconfig.json',
  'tsconfig.build.json',
  'vite.config.ts',
  'package.json',
  'docs/statecharts/stream.svg',
];
const POLL_MS = 100;
/** The build takes seconds: a lock of this age was left by a run that was killed. */
const STALE_LOCK_MS = 120_000;

export interface BuiltProgram {
  readonly main: string;
  readonly devS3: string;
}

let built: Promise<BuiltProgram> | null = null;

export function builtProgram(): Promise<BuiltProgram> {
  built ??= build();
  return built;
}

async function build(): Promise<BuiltProgram> {
  mkdirSync(join(ROOT, 'dist'), { recursive: true });
  while (!isFresh()) {
    if (!takeLock()) {
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      continue;
    }
    try {
      const startedAt = new Date();
      await runBuild();
      writeFileSync(STAMP, '');
      utimesSync(STAMP, startedAt, startedAt);
    } finally {
      rmdirSync(LOCK);
    }
    // Sources that changed meanwhile are the next run's: building until nobody types any more could take for ever.
    break;
  }
  return { main: join(ROOT, 'dist', 'main.js'), devS3: join(ROOT, 'dist', 'dev-s3', 'main.js') };
}

function runBuild(): Promise<void> {
  return new Promise((resolve, reject) =>
    execFile('npm', ['run', '--silent', 'build'], { cwd: ROOT }, (error, out, talk) =>
      error ? reject(new Error(`the program cannot be built:\n${out}${talk}`)) : resolve(),
    ),
  );
}

function isFresh(): boolean {
  const stampMs = mtimeMs(STAMP);
  const files = BUILD_INPUTS.map((name) => mtimeMs(join(ROOT, name)));
  return stampMs > 0 && stampMs >= Math.max(newestMs(join(ROOT, 'src')), ...files);
}

function newestMs(folder: string): number {
  return readdirSync(folder, { withFileTypes: true }).reduce((newest, entry) => {
    const path = join(folder, entry.name);
    return Math.max(newest, entry.isDirectory() ? newestMs(path) : mtimeMs(path));
  }, mtimeMs(folder));
}

/** 0: not there. */
function mtimeMs(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

function takeLock(): boolean {
  try {
    mkdirSync(LOCK);
    return true;
  } catch {
    if (Date.now() - mtimeMs(LOCK) < STALE_LOCK_MS) return false;
    utimesSync(LOCK, new Date(), new Date());
    return true;
  }
}
