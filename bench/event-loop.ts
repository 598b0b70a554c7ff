// How long the daemon's event loop is blocked at most, while it sends and while it verifies: no status page, no time-out and no
// other stream may wait for hashing.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Daemon } from './daemon.ts';
import { atMost, type Figures, type Row } from './figures.ts';
import type { LoopReport } from './loop-watch.ts';
import { Sink } from './sink.ts';
import { GIB, WorkFolder } from './work-folder.ts';

const FILE_BYTES = 2 * GIB;
const WATCH = fileURLToPath(new URL('./loop-watch.ts', import.meta.url));
const SETTINGS = { STREAM_TIMEOUT_SECONDS: '2', STREAM_TIMEOUT_UNKNOWN_SECONDS: '2', WRITER_CLOSE_GRACE_SECONDS: '1' };
const PHASES = [
  { name: 'sending 2 GiB', mode: 'append-only' },
  { name: 'sending and verifying 2 GiB', mode: 'full' },
] as const;
const REPORT_MS = 500;

async function watchOne(name: string, mode: string, file: string, work: WorkFolder, sink: Sink): Promise<Row> {
  const report = join(work.path, `loop-${mode}.json`);
  const settings = { ...SETTINGS, VERIFY_SOURCE: mode, LOOP_REPORT: report };
  const daemon = await Daemon.start(work, sink, { settings, node: ['--import', WATCH] });
  process.kill(daemon.pid, 'SIGUSR2');
  WorkFolder.appear(file, daemon.watched, `${mode}-${daemon.pid}`);
  await sink.object(`${mode}-${daemon.pid}.metadata.json`);
  process.kill(daemon.pid, 'SIGUSR2');
  await wait(REPORT_MS);
  const { longestMs, over20Ms, longestGapMs } = JSON.parse(readFileSync(report, 'utf8')) as LoopReport;
  await daemon.end();
  return { while: name, 'longest ms': longestMs, 'times over 20 ms': over20Ms, 'longest gap ms': longestGapMs };
}

export async function eventLoop(): Promise<Figures> {
  const work = new WorkFolder();
  const sink = await Sink.start();
  const rows: Row[] = [];
  try {
    const file = work.file('source', FILE_BYTES);
    for (const { name, mode } of PHASES) rows.push(await watchOne(name, mode, file, work, sink));
  } finally {
    await sink.end();
    work.remove();
  }
  return {
    benchmark: 'event-loop',
    about:
      'Longest stretch in which the main thread did not come back to its event loop, by its own CPU; the gap includes other programs.',
    rows,
    goals: [atMost('longest ms', Math.max(...rows.map((row) => Number(row['longest ms']))), 20)],
  };
}
