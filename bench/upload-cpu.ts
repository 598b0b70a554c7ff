// CPU per GiB: the whole daemon (all its threads: reading, hashing, signing, sending, journaling, scanning, verifying) beside
// programs that only send, in the same run, to the same sink. A run takes all of them in turn, so that noise meets all alike.

import { setTimeout as wait } from 'node:timers/promises';
import { Daemon } from './daemon.ts';
import { atMost, type Figures, median, type Row } from './figures.ts';
import { installedPeers } from './peers/peers.ts';
import { cpuMsOf } from './processes.ts';
import { type Arrived, Sink } from './sink.ts';
import { GIB, MIB, WorkFolder } from './work-folder.ts';

const FILE_BYTES = GIB;
const RUNS = 3;
/** Patience costs almost no CPU, but what it costs counts. */
const SETTINGS = {
  STREAM_TIMEOUT_SECONDS: '2',
  STREAM_TIMEOUT_UNKNOWN_SECONDS: '2',
  WRITER_CLOSE_GRACE_SECONDS: '1',
  LOG_LEVEL: 'info',
};
const VERIFIED = 'tailrace';
const APPEND_ONLY = 'tailrace, append-only';
/** The last part waits for the judgement that the file is whole. */
const LAST_BYTES = 16 * MIB;
/** After the receipt: the journal's last save. */
const SETTLE_MS = 500;

interface Cost {
  readonly cpuMs: number;
  /** Until all but the last parts were there; what follows is patience, verifying and completing. */
  readonly sendingMs?: number;
  readonly wallMs: number;
}

interface Program {
  readonly name: string;
  carry(file: string, sink: Sink): Promise<Cost>;
}

const bytesOf = (key: string, arrived: readonly Arrived[]): number =>
  arrived.reduce((sum, each) => sum + (each.event === 'part' && each.key === key ? each.sizeBytes : 0), 0);

const tailrace = (name: string, work: WorkFolder, settings: Readonly<Record<string, string>>): Program => ({
  name,
  async carry(file, sink) {
    const daemon = await Daemon.start(work, sink, { settings: { ...SETTINGS, ...settings } });
    const key = `object-${daemon.pid}`;
    const before = cpuMsOf(daemon.pid);
    const startedMs = performance.now();
    WorkFolder.appear(file, daemon.watched, key);
    await sink.until((arrived) => (bytesOf(key, arrived) >= FILE_BYTES - LAST_BYTES ? true : null));
    const sendingMs = cpuMsOf(daemon.pid) - before;
    await sink.object(`${key}.metadata.json`);
    const wallMs = performance.now() - startedMs;
    await wait(SETTLE_MS);
    const cpuMs = cpuMsOf(daemon.pid) - before;
    await daemon.end();
    return { cpuMs, sendingMs, wallMs };
  },
});

export async function uploadCpu(): Promise<Figures> {
  const work = new WorkFolder();
  const sink = await Sink.start();
  const peers: readonly Program[] = [
    ...installedPeers(),
    tailrace(VERIFIED, work, {}),
    tailrace(APPEND_ONLY, work, { VERIFY_SOURCE: 'append-only' }),
    tailrace('tailrace, append-only, 16 MiB parts', work, { VERIFY_SOURCE: 'append-only', CHUNK_SIZE_BYTES: '16MiB' }),
  ];
  const costs = new Map<string, Cost[]>(peers.map((peer) => [peer.name, []]));
  try {
    const file = work.file('source', FILE_BYTES);
    for (let run = 0; run < RUNS; run += 1) {
      for (const peer of peers) costs.get(peer.name)?.push(await peer.carry(file, sink));
    }
  } finally {
    await sink.end();
    work.remove();
  }
  return figures(costs);
}

function figures(costs: ReadonlyMap<string, readonly Cost[]>): Figures {
  const cpuOf = (name: string): number => median((costs.get(name) ?? []).map(({ cpuMs }) => cpuMs / 1000));
  const plain = cpuOf('plain node:http PUT');
  const rows: Row[] = [...costs].map(([name, runs]) => ({
    program: name,
    'CPU s/GiB': cpuOf(name),
    least: Math.min(...runs.map(({ cpuMs }) => cpuMs / 1000)),
    most: Math.max(...runs.map(({ cpuMs }) => cpuMs / 1000)),
    'to plain PUT': cpuOf(name) / plain,
    'of it sending': median(runs.map(({ sendingMs, cpuMs }) => (sendingMs ?? cpuMs) / 1000)),
    'wall s': median(runs.map(({ wallMs }) => wallMs / 1000)),
  }));
  const [verified, appendOnly] = [cpuOf(VERIFIED), cpuOf(APPEND_ONLY)];
  const goals = [
    atMost('upload CPU without the verify pass, to plain node:http PUT', appendOnly / plain, 1.8),
    atMost('verify pass, CPU s per GiB', verified - appendOnly, 0.35),
    ...(costs.has('aws s3 cp')
      ? [atMost('CPU with the verify pass, to aws s3 cp', verified / cpuOf('aws s3 cp'), 0.5)]
      : []),
    ...(costs.has('rclone copyto')
      ? [atMost('CPU with the verify pass, to rclone copyto', verified / cpuOf('rclone copyto'), 0.143)]
      : []),
  ];
  const about = `CPU (user and system) of carrying a file of 1 GiB from the page cache to a null sink; median of ${RUNS} runs.`;
  return { benchmark: 'upload-cpu', about, rows, goals };
}
