// What one more stream costs, by how many there are: the real actor system on files, journal and S3 in memory. Files are told to
// the supervisor one by one, in windows; a window ends when all its streams wait for their files to grow.

import { tmpdir } from 'node:os';
import { createMonotonicClock } from '../src/adapters/monotonic-clock.ts';
import { createRangeHasher } from '../src/adapters/range-hasher.ts';
import { composeWorld, optionsOf } from '../src/compose/world.ts';
import { loadConfig } from '../src/config/load-config.ts';
import type { Telemetry } from '../src/ports/telemetry.ts';
import { createReadModel } from '../src/read-model/read-model.ts';
import { createMemoryFileSource, createMemoryFiles } from '../test/fakes/memory-file-source.ts';
import { MemoryJournalDisk, openMemoryJournal } from '../test/fakes/memory-journal.ts';
import { MemoryS3 } from '../test/fakes/memory-object-store.ts';
import { createMemoryDisposal } from '../test/fakes/memory-source-disposal.ts';
import { scriptedProber } from '../test/fakes/scripted-prober.ts';
import { createScriptedWatcher } from '../test/fakes/scripted-watcher.ts';
import { createScriptedWriterCheck } from '../test/fakes/scripted-writer-check.ts';
import { atMost, type Figures, median, type Row } from './figures.ts';

const STREAMS = 5000;
const WINDOW = 250;
const RUNS = 3;
/** Must be there for the configuration; the files are in memory. */
const FOLDER = tmpdir();
const silent: Telemetry = { debug() {}, info() {}, warn() {}, error() {}, count() {}, observe() {} };

async function startSystem() {
  const loaded = loadConfig({
    flags: {},
    env: { WATCH_DIR: FOLDER, S3_BUCKET_NAME: 'bench', STREAM_TIMEOUT_SECONDS: '1d' },
    cwd: '/',
    embedded: false,
  });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  const journal = await openMemoryJournal(new MemoryJournalDisk());
  if (!journal.ok) throw new Error(journal.failure.detail);
  const disk = createMemoryFiles({ folder: FOLDER });
  const ports = {
    clock: createMonotonicClock(),
    files: createMemoryFileSource(disk),
    disposal: createMemoryDisposal(disk),
    store: new MemoryS3({ buckets: ['bench'], now: Date.now }).connect(),
    journal: journal.value,
    registry: null,
    lock: null,
    watcher: createScriptedWatcher({ ...disk, paths: () => [] }),
    writers: createScriptedWriterCheck('open'),
    hasher: await createRangeHasher(),
    prober: scriptedProber(),
    notifiers: [],
    telemetry: silent,
    views: createReadModel(),
  };
  const options = optionsOf(loaded.config, [{ path: FOLDER, id: 'folder' }], false, 'bench');
  return { disk, ...composeWorld(loaded.config, options, ports, () => {}) };
}

interface Window {
  readonly sendUs: number;
  readonly settledUs: number;
}

async function admit(): Promise<readonly Window[]> {
  const { disk, world, supervisor } = await startSystem();
  supervisor.start();
  while (supervisor.getSnapshot().value !== 'running') await new Promise(setImmediate);
  const windows: Window[] = [];
  for (let first = 0; first < STREAMS; first += WINDOW) {
    const paths = Array.from({ length: WINDOW }, (_, n) => `${FOLDER}/file-${first + n}`);
    for (const path of paths) disk.write(path, 'a few bytes');
    const seen = await Promise.all(paths.map((path) => world.files.identify(FOLDER, path)));
    const before = process.cpuUsage();
    let sendUs = 0;
    for (const found of seen) {
      if (!found.ok || !found.value) throw new Error('the file in memory is gone');
      const { streamId, folder, path, stat } = found.value;
      const file = { streamId, folder, path, identity: stat.identity };
      const sendBefore = process.threadCpuUsage();
      supervisor.send({ type: 'file.seen', file, stat, atMs: world.clock.nowMs() });
      const used = process.threadCpuUsage(sendBefore);
      sendUs += used.user + used.system;
    }
    const waits = () => [...world.streams.all()].filter(({ state }) => state === 'active.waiting').length;
    while (waits() < first + WINDOW) await new Promise(setImmediate);
    const { user, system } = process.cpuUsage(before);
    windows.push({ sendUs: sendUs / WINDOW, settledUs: (user + system) / WINDOW });
  }
  supervisor.stop();
  world.writeAhead.stop();
  return windows;
}

export async function spawn(): Promise<Figures> {
  // The first run is for the compiler: nobody's tenth stream is its first.
  await admit();
  const runs: (readonly Window[])[] = [];
  for (let run = 0; run < RUNS; run += 1) runs.push(await admit());
  const at = (window: number, figure: keyof Window): number => median(runs.map((run) => run[window]?.[figure] ?? 0));
  const last = STREAMS / WINDOW - 1;
  const shown = [0, 1, 3, 9, last];
  const rows: Row[] = shown.map((window) => ({
    streams: `${window * WINDOW + 1}..${(window + 1) * WINDOW}`,
    'CPU us to spawn': at(window, 'sendUs'),
    'CPU us until it waits': at(window, 'settledUs'),
  }));
  return {
    benchmark: 'spawn',
    about: `CPU to spawn one more stream, and until it has looked at its file and waits for growth; median of ${RUNS} runs.`,
    rows,
    goals: [
      atMost('spawning the 5,000th stream to the first ones', at(last, 'sendUs') / at(0, 'sendUs'), 1.5),
      atMost('CPU of the 5,000th stream to the first ones', at(last, 'settledUs') / at(0, 'settledUs'), 1.5),
    ],
  };
}
