// Many files that grow all at once: how late the daemon knows of it, and what knowing costs. A file's lateness is the age of the oldest
// bytes of it that the daemon's list does not show yet.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Daemon } from './daemon.ts';
import { atMost, type Figures, type Row } from './figures.ts';
import { admitted, SETTINGS } from './idle.ts';
import { cpuMsOf, residentMbOf } from './processes.ts';
import { Sink } from './sink.ts';
import { WorkFolder } from './work-folder.ts';

const GROWER = fileURLToPath(new URL('./grower.ts', import.meta.url));
const BYTES_PER_ROUND = 10;
const STREAMS = [100, 1000, 5000];
const GROWING_S = 90;
const WATCHED_MS = 20_000;
const SETTLE_MS = 10_000;

interface Grower {
  readonly process: ChildProcess;
  /** Epoch ms at which each round began. */
  readonly rounds: number[];
}

function grow(folder: string, files: number): Grower {
  const child = spawn(process.execPath, [GROWER, folder, String(files), String(GROWING_S)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const rounds: number[] = [];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    rounds.push(...text.trim().split('\n').map(Number));
  });
  return { process: child, rounds };
}

/** Sorted. Lists take a while themselves, and that counts as late. */
async function latenessesMs(daemon: Daemon, { rounds }: Grower): Promise<readonly number[]> {
  const listed = await daemon.listed();
  const nowMs = Date.now();
  const late = listed.map(({ sizeBytes }) => nowMs - (rounds[sizeBytes / BYTES_PER_ROUND] ?? nowMs));
  return late.sort((a, b) => a - b);
}

async function costOf(streams: number, work: WorkFolder, sink: Sink): Promise<Row> {
  const daemon = await Daemon.start(work, sink, { settings: SETTINGS });
  const emptyMb = residentMbOf(daemon.pid);
  const grower = grow(daemon.watched, streams);
  const over = once(grower.process, 'exit');
  while ((await admitted(daemon)) < streams) await wait(500);
  await wait(SETTLE_MS);
  const [cpu, startedMs] = [cpuMsOf(daemon.pid), performance.now()];
  await wait(WATCHED_MS);
  const share = (cpuMsOf(daemon.pid) - cpu) / (performance.now() - startedMs);
  const late = await latenessesMs(daemon, grower);
  const row = {
    'growing files': streams,
    '% of a core': share * 100,
    'late ms, median': late[Math.floor(late.length / 2)] ?? null,
    'late ms, p99': late[Math.floor(late.length * 0.99)] ?? null,
    'MB above empty': residentMbOf(daemon.pid) - emptyMb,
  };
  grower.process.kill();
  await over;
  await daemon.end();
  return row;
}

export async function growing(): Promise<Figures> {
  const work = new WorkFolder();
  const sink = await Sink.start();
  const rows: Row[] = [];
  try {
    for (const streams of STREAMS) rows.push(await costOf(streams, work, sink));
  } finally {
    await sink.end();
    work.remove();
  }
  const last = rows.at(-1);
  return {
    benchmark: 'growing',
    about: `Files that grow by ${BYTES_PER_ROUND} bytes ten times a second: the daemon over ${WATCHED_MS / 1000} s, and how late it knows.`,
    rows,
    goals: [
      atMost('late ms with 5,000 files, p99', Number(last?.['late ms, p99']), 1000),
      atMost('% of a core with 5,000 files', Number(last?.['% of a core']), 5),
      atMost('MB above the empty daemon with 5,000 files', Number(last?.['MB above empty']), 100),
    ],
  };
}
