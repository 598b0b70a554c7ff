// A daemon that is killed while ten thousand streams wait, and the next one on the same journal: when it is ready, and what that cost.

import { setTimeout as wait } from 'node:timers/promises';
import { Daemon } from './daemon.ts';
import { atMost, type Figures, type Row } from './figures.ts';
import { admitted, makeFiles, SETTINGS } from './idle.ts';
import { cpuMsOf } from './processes.ts';
import { Sink } from './sink.ts';
import { WorkFolder } from './work-folder.ts';

const STREAMS = [0, 10_000];
/** The journal's last saves. */
const SETTLE_MS = 3_000;

async function recovered(streams: number, work: WorkFolder, sink: Sink): Promise<Row> {
  const killed = await Daemon.start(work, sink, { settings: SETTINGS });
  makeFiles(killed.watched, streams);
  while ((await admitted(killed)) < streams) await wait(500);
  await wait(SETTLE_MS);
  await killed.kill();
  const startedMs = performance.now();
  const next = await Daemon.start(work, sink, { settings: SETTINGS, after: killed });
  while (((await next.streams()).get('active') ?? 0) < streams) await wait(100);
  const row = {
    streams,
    'ready after s': next.readyAfter.ms / 1000,
    'CPU s until ready': next.readyAfter.cpuMs / 1000,
    'all active after s': (performance.now() - startedMs) / 1000,
    'CPU s until all active': cpuMsOf(next.pid) / 1000,
  };
  await next.end();
  return row;
}

export async function recovery(): Promise<Figures> {
  const work = new WorkFolder();
  const sink = await Sink.start();
  const rows: Row[] = [];
  try {
    for (const streams of STREAMS) rows.push(await recovered(streams, work, sink));
  } finally {
    await sink.end();
    work.remove();
  }
  const last = rows.at(-1);
  return {
    benchmark: 'recovery',
    about:
      'After kill -9: from the start of the next daemon until /readyz says yes, and until every stream waits for its file again.',
    rows,
    goals: [
      atMost('seconds until ready with 10,000 streams', Number(last?.['ready after s']), 2),
      atMost('CPU seconds until ready with 10,000 streams', Number(last?.['CPU s until ready']), 1.5),
    ],
  };
}
