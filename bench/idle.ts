// What streams cost that only wait: the built daemon over folders of small files whose writers are silent. CPU as a share of one
// core over a while, the stale scan's own time, and resident memory per stream.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Daemon } from './daemon.ts';
import { atMost, type Figures, type Row } from './figures.ts';
import { cpuMsOf, residentMbOf } from './processes.ts';
import { Sink } from './sink.ts';
import { WorkFolder } from './work-folder.ts';

const STREAMS = [0, 100, 5000, 10_000];
const FILES_PER_FOLDER = 500;
const WATCHED_MS = 25_000;
/** After a pause of 100 s a file is as silent as it gets: nothing more changes in how often it is looked at. */
const SETTLE_MS = 115_000;
/** Silent, not finished. */
export const SETTINGS = { STREAM_TIMEOUT_SECONDS: '1d', STREAM_TIMEOUT_UNKNOWN_SECONDS: '1d' };

export function makeFiles(folder: string, count: number): void {
  for (let n = 0; n < count; n += 1) {
    const sub = join(folder, `folder-${Math.floor(n / FILES_PER_FOLDER)}`);
    if (n % FILES_PER_FOLDER === 0) mkdirSync(sub);
    writeFileSync(join(sub, `file-${n}`), 'a few bytes');
  }
}

/** Milliseconds and times, of all observations until now. */
async function observed(daemon: Daemon, name: string): Promise<{ ms: number; times: number }> {
  const text = await daemon.metrics();
  const value = (suffix: string) =>
    Number(new RegExp(`^\\S*${name}\\S*_${suffix}(?:\\{[^}]*\\})? (\\S+)`, 'm').exec(text)?.[1]);
  return { ms: value('sum') * 1000, times: value('count') };
}

export async function admitted(daemon: Daemon): Promise<number> {
  return [...(await daemon.streams()).values()].reduce((sum, count) => sum + count, 0);
}

async function costOf(streams: number, work: WorkFolder, sink: Sink): Promise<Row> {
  const daemon = await Daemon.start(work, sink, { settings: SETTINGS });
  const emptyMb = residentMbOf(daemon.pid);
  const startCpu = cpuMsOf(daemon.pid);
  makeFiles(daemon.watched, streams);
  while ((await admitted(daemon)) < streams) await wait(500);
  await wait(SETTLE_MS);
  const admittedCpu = cpuMsOf(daemon.pid) - startCpu;
  const scansBefore = await observed(daemon, 'stale_scan');
  const [cpu, startedMs] = [cpuMsOf(daemon.pid), performance.now()];
  await wait(WATCHED_MS);
  const share = (cpuMsOf(daemon.pid) - cpu) / (performance.now() - startedMs);
  const scans = await observed(daemon, 'stale_scan');
  const row = {
    'silent streams': streams,
    '% of a core': share * 100,
    'stale scan ms': (scans.ms - scansBefore.ms) / (scans.times - scansBefore.times),
    MB: residentMbOf(daemon.pid),
    'KB per stream': streams === 0 ? null : ((residentMbOf(daemon.pid) - emptyMb) * 1000) / streams,
    'CPU s to admit all': admittedCpu / 1000,
  };
  await daemon.end();
  return row;
}

export async function idle(): Promise<Figures> {
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
    benchmark: 'idle',
    about: `The daemon with files that do not grow, over ${WATCHED_MS / 1000} s: stale scans each second, sweeps every ten, looks for writers.`,
    rows,
    goals: [
      atMost('% of a core with 10,000 silent streams', Number(last?.['% of a core']), 5),
      atMost('KB per stream at 10,000', Number(last?.['KB per stream']), 50),
    ],
  };
}
