// `tailrace demo`: a recorder, the daemon and an S3 endpoint, all in one folder; at the end the object is read back and compared
// with the file. Needs nothing but Node, and leaves nothing behind (unless `--keep`). The user's own configuration is not read.

import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, realpath, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { InvalidArgumentError } from 'commander';
import { loadConfig } from '../config/load-config.ts';
import { formatProblems } from '../config/problems.ts';
import { formatSize } from '../config/values.ts';
import type { StreamView } from '../ports/stream-view.ts';
import type { Daemon } from './daemon.ts';
import { watchStream } from './demo-stream.ts';
import { EXIT, exitCodeOfSignal } from './exit-codes.ts';
import type { RegisterVerb } from './verb.ts';
import type { World } from './world.ts';

export interface DemoOptions {
  readonly seconds: number;
  readonly keep: boolean;
}

/** An hour is more than anybody watches. */
const MAX_SECONDS = 3_600;
const DEFAULT_SECONDS = 10;

export const registerDemo: RegisterVerb = ({ program, world, ended }) =>
  program
    .command('demo')
    .description('everything in one folder: a growing file, the daemon, an S3 endpoint, and a comparison at the end')
    .option('--seconds <number>', 'how long the file grows', secondsOf, DEFAULT_SECONDS)
    .option('--keep', 'leave the folder where it is')
    .action(async (options: { readonly seconds: number; readonly keep?: boolean }) =>
      ended(await demo({ seconds: options.seconds, keep: options.keep === true }, world)),
    );

function secondsOf(text: string): number {
  const seconds = Number(text);
  if (seconds >= 1 && seconds <= MAX_SECONDS) return seconds;
  throw new InvalidArgumentError(`Give a number from 1 to ${MAX_SECONDS}.`);
}

/** Fast enough that several parts go up while the file still grows. */
const BYTES_PER_SECOND = 4_000_000;
/** After the last byte: the writer's grace, two looks, verifying and completing take a few seconds. */
const PATIENCE_MS = 120_000;
const FILE_NAME = 'recording.bin';

/** Ended by a signal, or by the daemon's own end. */
interface Stop {
  readonly signal: AbortSignal;
  /** Of the signal that came; null: none. */
  exitCode(): number | null;
}

export async function demo(options: DemoOptions, world: World): Promise<number> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'tailrace-demo-')));
  const stopped = new AbortController();
  let exitCode: number | null = null;
  const stopListening = world.onSignal((signal) => {
    exitCode = exitCodeOfSignal(signal);
    stopped.abort();
  });
  try {
    return await demoIn(folder, options.seconds, { signal: stopped.signal, exitCode: () => exitCode }, world);
  } finally {
    if (options.keep) world.talk(`Kept: ${folder}\n`);
    else await rm(folder, { recursive: true, force: true });
    stopListening();
  }
}

async function demoIn(folder: string, seconds: number, stop: Stop, world: World): Promise<number> {
  const recordings = join(folder, 'recordings');
  await mkdir(recordings);
  const loaded = loadConfig({ flags: flagsFor(folder, recordings), env: {}, cwd: folder, embedded: true });
  if (!loaded.ok) {
    world.talk(formatProblems(loaded.problems));
    return EXIT.bug;
  }
  const { startDaemon } = await world.compose();
  const started = await startDaemon(loaded.config, { embedded: true, once: false });
  if (!started.ok) {
    world.talk(`tailrace cannot start: ${started.message}\n`);
    return started.exitCode;
  }
  return withDaemon(started.daemon, join(recordings, FILE_NAME), seconds, stop, world);
}

const flagsFor = (folder: string, recordings: string) => ({
  WATCH_DIR: [recordings],
  STATE_DIR: join(folder, 'state'),
  PROM_PORT: '0',
  CHUNK_SIZE_BYTES: '5MiB',
  STREAM_TIMEOUT_SECONDS: '5',
  STREAM_TIMEOUT_UNKNOWN_SECONDS: '5',
  WRITER_CLOSE_GRACE_SECONDS: '1',
  LOG_LEVEL: 'warn',
});

/** Runs the recorder beside the daemon; however it goes, both have ended afterwards. */
async function withDaemon(daemon: Daemon, path: string, seconds: number, stop: Stop, world: World): Promise<number> {
  const ended = new AbortController();
  void daemon.finished.then(() => ended.abort());
  const writer = startWriter(path, seconds);
  try {
    world.talk(`A recorder writes ${path} for ${seconds} s.\nThe daemon answers at ${daemon.address}\n`);
    const deadlineMs = Date.now() + seconds * 1_000 + PATIENCE_MS;
    const signal = AbortSignal.any([stop.signal, ended.signal]);
    const last = await watchStream(daemon.address, path, deadlineMs, progressLine(world), signal);
    if (world.terminal) world.talk('\n');
    const exitCode = stop.exitCode();
    if (exitCode !== null) return exitCode;
    return last ? await compare(daemon, last, path, world) : told(world, 'The stream did not end in time.');
  } finally {
    writer.kill('SIGKILL');
    if (stop.exitCode() === null) daemon.drain();
    else daemon.hurry();
    await daemon.finished;
  }
}

/** In the checkout the sources run as they are; in the package they are compiled. */
function startWriter(path: string, seconds: number): ChildProcess {
  const program = fileURLToPath(
    new URL(`./demo-writer.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`, import.meta.url),
  );
  return spawn(process.execPath, [program, path, String(seconds), String(BYTES_PER_SECOND)], { stdio: 'ignore' });
}

/** One line that renews itself at a terminal; elsewhere one line per state. */
function progressLine(world: World): (view: StreamView) => void {
  let lastState = '';
  return (view) => {
    const bytes = `${formatSize(view.sizeBytes)} written, ${formatSize(view.sentBytes)} uploaded`;
    const line = `${FILE_NAME}: ${bytes}, ${formatSize(view.atRiskBytes)} at risk, ${view.state}`;
    if (world.terminal) world.talk(`\r${line}\u001b[K`);
    else if (view.state !== lastState) world.talk(`${line}\n`);
    lastState = view.state;
  };
}

async function compare(daemon: Daemon, view: StreamView, path: string, world: World): Promise<number> {
  if (view.status !== 'completed' && view.status !== 's3_completed') {
    return told(world, `The stream failed: ${view.failure?.code} ${view.failure?.detail}. ${view.failure?.hint}`);
  }
  const object = await daemon.readObject(view.key ?? '');
  if (!object.ok) return told(world, `The object cannot be read: ${object.failure.detail}`);
  const ofObject = await sha256(object.value);
  const ofFile = await sha256(createReadStream(path));
  const { size } = await stat(path);
  world.out(
    `object  s3://${view.bucket}/${view.key}\nbytes   ${size}\nsha256  ${ofFile}  file\n        ${ofObject}  object\n`,
  );
  if (ofFile !== ofObject) return told(world, 'The object is NOT the file.');
  world.talk('The object is the file, byte for byte.\n');
  return EXIT.ok;
}

function told(world: World, line: string): number {
  world.talk(`${line}\n`);
  return EXIT.failure;
}

async function sha256(bytes: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of bytes) hash.update(chunk);
  return hash.digest('hex');
}
