// The highest resident memory while many streams upload at once: the buffers are one pool, so it must not depend on how many
// streams there are. Each file appears whole; the sink is slow, so that all streams have parts waiting at the same time.

import { Daemon } from './daemon.ts';
import { atMost, type Figures, type Row } from './figures.ts';
import { peakMbOf, residentMbOf } from './processes.ts';
import { Sink } from './sink.ts';
import { MIB, WorkFolder } from './work-folder.ts';

const FILE_BYTES = 34 * MIB;
const STREAMS = [1, 50, 200];
/** What the launcher gives the daemon, and what Node would do by itself. */
const AS_LAUNCHED: readonly string[] = [];
const NODES_OWN = ['--max-semi-space-size=16'];
const PART_DELAY_MS = 100;
/** The default of UPLOAD_BUFFER_BYTES. */
const BUFFER_MB = (128 * MIB) / 1e6;
const LEAST_MB = 90;
const SETTINGS = { STREAM_TIMEOUT_SECONDS: '2', STREAM_TIMEOUT_UNKNOWN_SECONDS: '2' };

async function peakWith(streams: number, work: WorkFolder, files: readonly string[], node = AS_LAUNCHED): Promise<Row> {
  const sink = await Sink.start(PART_DELAY_MS);
  const daemon = await Daemon.start(work, sink, { settings: SETTINGS, node });
  const readyMb = residentMbOf(daemon.pid);
  for (const [n, file] of files.slice(0, streams).entries()) WorkFolder.appear(file, daemon.watched, `stream-${n}`);
  await sink.until((arrived) => {
    const done = arrived.filter(({ event, key }) => event === 'object' && key.endsWith('.metadata.json'));
    return done.length >= streams ? true : null;
  });
  const row = {
    'uploading streams': streams,
    node: node.join(' ') || 'as launched',
    'MB at start': readyMb,
    'MB at most': peakMbOf(daemon.pid),
    'MB after': residentMbOf(daemon.pid),
  };
  await daemon.end();
  await sink.end();
  return row;
}

export async function memoryStreams(): Promise<Figures> {
  const work = new WorkFolder();
  const rows: Row[] = [];
  try {
    const files = Array.from({ length: Math.max(...STREAMS) }, (_, n) => work.file(`file-${n}`, FILE_BYTES));
    for (const streams of STREAMS) rows.push(await peakWith(streams, work, files));
    rows.push(await peakWith(50, work, files, NODES_OWN));
  } finally {
    work.remove();
  }
  const peakAt = (streams: number): number =>
    Number(rows.find((row) => row['uploading streams'] === streams)?.['MB at most']);
  return {
    benchmark: 'memory-streams',
    about: `Highest resident memory (VmHWM) while streams of 34 MiB each upload at once; UPLOAD_BUFFER_BYTES is ${BUFFER_MB} MB.`,
    rows,
    goals: [
      atMost('MB with 50 uploading streams, without the buffers', peakAt(50) - BUFFER_MB, LEAST_MB),
      atMost('MB with 200 uploading streams', peakAt(200), 250),
    ],
  };
}
