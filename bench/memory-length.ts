// Resident memory over the length of one growing file: what part 500 costs is what part 10 cost.

import { join } from 'node:path';
import { Daemon } from './daemon.ts';
import { atMost, type Figures, type Row } from './figures.ts';
import { peakMbOf, residentMbOf } from './processes.ts';
import { Sink } from './sink.ts';
import { GIB, WorkFolder } from './work-folder.ts';
import { write } from './writing.ts';

const MARKS_GIB = [0.1, 0.5, 1, 2, 4];
const BYTES_PER_SECOND = 200e6;
const FILE_BYTES = 4.1 * GIB;
/** Resident memory moves with the collector's mood: each mark is the mean of samples over a second. */
const SAMPLES = 10;
const KEY = 'growing';

async function residentNow(pid: number): Promise<number> {
  let sum = 0;
  for (let n = 0; n < SAMPLES; n += 1) {
    sum += residentMbOf(pid);
    await new Promise((resolve) => setTimeout(resolve, 1000 / SAMPLES));
  }
  return sum / SAMPLES;
}

export async function memoryLength(): Promise<Figures> {
  const work = new WorkFolder();
  const sink = await Sink.start();
  const daemon = await Daemon.start(work, sink);
  const rows: Row[] = [];
  try {
    const writing = write(join(daemon.watched, KEY), Math.round(FILE_BYTES), BYTES_PER_SECOND);
    for (const mark of MARKS_GIB) {
      await sink.until((arrived) =>
        arrived.reduce((sum, each) => sum + (each.event === 'part' ? each.sizeBytes : 0), 0) >= mark * GIB
          ? true
          : null,
      );
      rows.push({ 'GiB sent': mark, MB: await residentNow(daemon.pid), 'MB at most': peakMbOf(daemon.pid) });
    }
    await writing;
  } finally {
    await daemon.end();
    await sink.end();
    work.remove();
  }
  const at = (mark: number): number => Number(rows.find((row) => row['GiB sent'] === mark)?.['MB']);
  return {
    benchmark: 'memory-length',
    about: 'Resident memory of the daemon while one file grows by 200 MB a second.',
    rows,
    goals: [atMost('memory at 4 GiB to memory at 0.5 GiB', at(4) / at(0.5), 1.1)],
  };
}
