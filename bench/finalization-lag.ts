// From the close of a file to its object: the daemon follows a writer, so that at the close only the tail is left. Whatever the
// size, the lag is the patience (grace, looks) and the tail; the verify pass adds its reading. Beside it, programs that begin at
// the close.

import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Daemon } from './daemon.ts';
import { atMost, type Figures, median, type Row } from './figures.ts';
import { installedPeers } from './peers/peers.ts';
import { Sink } from './sink.ts';
import { GIB, MIB, WorkFolder } from './work-folder.ts';
import { write } from './writing.ts';

const SIZES = [64 * MIB, 2 * GIB];
const BYTES_PER_SECOND = 150e6;
const RUNS = 3;
/** One second of patience, whether or not this machine lets the daemon see all writers. */
const SETTINGS = {
  STREAM_TIMEOUT_SECONDS: '2',
  STREAM_TIMEOUT_UNKNOWN_SECONDS: '2',
  WRITER_CLOSE_GRACE_SECONDS: '1',
  LOG_LEVEL: 'debug',
};
const MODES = ['full', 'append-only'] as const;
/** The log's last lines. */
const SETTLE_MS = 200;

interface Lag {
  /** From the close to the object. */
  readonly totalMs: number;
  /** From the moment at which the stream was judged idle. */
  readonly workMs: number;
}

async function lagOf(mode: string, sizeBytes: number, work: WorkFolder, sink: Sink): Promise<Lag> {
  const daemon = await Daemon.start(work, sink, { settings: { ...SETTINGS, VERIFY_SOURCE: mode } });
  const key = `${mode}-${daemon.pid}`;
  const closedAtMs = await write(join(daemon.watched, key), sizeBytes, BYTES_PER_SECOND);
  const object = await sink.object(key);
  await sink.object(`${key}.metadata.json`);
  await wait(SETTLE_MS);
  const judged = daemon.moves().findLast(({ state }) => state === 'pending_completion');
  await daemon.end();
  return { totalMs: object.atMs - closedAtMs, workMs: object.atMs - (judged?.atMs ?? Number.NaN) };
}

async function peerRows(work: WorkFolder, sink: Sink): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for (const sizeBytes of SIZES) {
    const file = work.file(`closed-${sizeBytes}`, sizeBytes);
    for (const peer of installedPeers()) {
      const { wallMs } = await peer.carry(file, sink);
      rows.push({ program: peer.name, MiB: sizeBytes / MIB, 'lag s': wallMs / 1000, 'of it work s': wallMs / 1000 });
    }
  }
  return rows;
}

export async function finalizationLag(): Promise<Figures> {
  const work = new WorkFolder();
  const sink = await Sink.start();
  const rows: Row[] = [];
  const works = new Map<string, number>();
  try {
    for (const mode of MODES) {
      for (const sizeBytes of SIZES) {
        const lags: Lag[] = [];
        for (let run = 0; run < RUNS; run += 1) lags.push(await lagOf(mode, sizeBytes, work, sink));
        const workS = median(lags.map(({ workMs }) => workMs / 1000));
        works.set(`${mode} ${sizeBytes}`, workS);
        const lagS = median(lags.map(({ totalMs }) => totalMs / 1000));
        rows.push({ program: `tailrace, verify ${mode}`, MiB: sizeBytes / MIB, 'lag s': lagS, 'of it work s': workS });
      }
    }
    rows.push(...(await peerRows(work, sink)));
  } finally {
    await sink.end();
    work.remove();
  }
  const workOf = (mode: string, sizeBytes: number): number => works.get(`${mode} ${sizeBytes}`) ?? Number.NaN;
  const [small = 0, large = 0] = SIZES;
  const lagOfRow = (n: number): number => Number(rows[n]?.['lag s']);
  const verifyS = (workOf('full', large) - workOf('append-only', large)) / (large / GIB);
  return {
    benchmark: 'finalization-lag',
    about: `A writer appends 150 MB a second and closes; lag from its close to Complete. "Work" begins when the stream is judged idle. Median of ${RUNS}.`,
    rows,
    goals: [
      atMost('lag at 2 GiB to lag at 64 MiB, without the verify pass', lagOfRow(3) / lagOfRow(2), 1.2),
      atMost(
        'work at 2 GiB to work at 64 MiB, without the verify pass',
        workOf('append-only', large) / workOf('append-only', small),
        1.2,
      ),
      atMost('verify pass, s per GiB', verifyS, 0.35),
    ],
  };
}
