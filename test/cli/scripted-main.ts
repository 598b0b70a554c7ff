// The command line as a process of its own, over a daemon that follows a script instead of S3: the environment's SCRIPT says which.
// Listener, read model, daemon.json, signals and exit codes are the real ones.

import { createReadStream, existsSync, readFileSync, statSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Daemon, StartDaemon } from '../../src/cli/daemon.ts';
import { endAtBugs, endProcess, processWorld } from '../../src/cli/process-world.ts';
import { runProgram } from '../../src/cli/program.ts';
import type { Compose } from '../../src/cli/world.ts';
import type { Config } from '../../src/config/schema.ts';
import { daemonSocketPath, removeDaemonFile, writeDaemonFile } from '../../src/http/daemon-file.ts';
import { type HttpListener, startHttp } from '../../src/http/listener.ts';
import { NO_PAGE } from '../../src/http/page-files.ts';
import { uploadId } from '../../src/machines/ids.ts';
import type { StoredRecord } from '../../src/machines/stream-record.ts';
import type { Operator } from '../../src/ports/operator.ts';
import { createReadModel, type ReadModel } from '../../src/read-model/read-model.ts';
import { scriptedOperator } from '../fixtures/scripted-operator.ts';
import { completedView, failedView, viewOf } from '../fixtures/stream-views.ts';

const script = process.env['SCRIPT'] ?? '';
const views = Number(process.env['VIEWS'] ?? '0');

const startDaemon: StartDaemon = async (config, { once }) => {
  if (script === 'refuse') return { ok: false, exitCode: 75, message: 'another daemon holds STATE_DIR (pid 1)' };
  // Long enough for a test to send its signals while the daemon starts.
  if (script === 'slow start') {
    process.stderr.write('starting\n');
    await new Promise((done) => setTimeout(done, 1_000));
  }
  if (script === 'bug') throw new Error('scripted bug');
  if (script === 'late bug') setTimeout(() => Promise.reject(new Error('scripted late bug')), 50);
  const readModel = createReadModel();
  await mkdir(config.stateDir, { recursive: true });
  const started = await startHttp({
    address: config.httpAddress,
    port: config.promPort,
    socketPath: daemonSocketPath(config.stateDir),
    readModel,
    metricsText: async () => '',
    version: '0.0.0',
    operator: tellingOperator(),
    page: NO_PAGE,
    door: { loopback: true, token: 'scripted-token' },
  });
  if (!started.ok) return { ok: false, exitCode: 69, message: started.detail };
  fill(readModel, config);
  const { address, socketPath } = started.listener;
  const startedAt = new Date().toISOString();
  await writeDaemonFile(config.stateDir, { pid: process.pid, address, socket: socketPath, instance: 'vm', startedAt });
  return { ok: true, daemon: scriptedDaemon(config, started.listener, readModel, once) };
};

/** Says what it is asked, so that a test can hear it. */
function tellingOperator(): Operator {
  const left = [{ target: { bucket: 'takes', key: 'take.mp4' }, uploadId: uploadId('upload-1'), parts: 3 }];
  const reason = 'It is s3_completed.done.\u001b[2J';
  const operator = scriptedOperator({
    forgotten: { accepted: true, leftUploads: left },
    ...(script === 'refusing' ? { wished: { accepted: false, why: 'refused', reason } } : {}),
    ...(script === 'ending' ? { wished: { accepted: false, why: 'unavailable', reason } } : {}),
  });
  return {
    ...operator,
    wish: (id, wish) => {
      process.stderr.write(`asked to ${wish} ${id}\n`);
      return operator.wish(id, wish);
    },
    forget: (id) => {
      process.stderr.write(`asked to forget ${id}\n`);
      return operator.forget(id);
    },
  };
}

function scriptedDaemon(config: Config, listener: HttpListener, shown: ReadModel, once: boolean): Daemon {
  const { promise, resolve } = Promise.withResolvers<{ exitCode: number }>();
  const end = async (exitCode: number): Promise<void> => {
    await listener.close();
    await removeDaemonFile(config.stateDir);
    resolve({ exitCode });
  };
  if (once) void end(0);
  return {
    address: listener.address,
    shown,
    pageUrl: `${listener.address}/#token=scripted-token`,
    describe: () => [`listening at ${listener.address}`, `watching ${config.watchFolders.join(' ')}`],
    finished: promise,
    drain: () => void (script === 'stubborn' || end(0)),
    hurry: () => void end(0),
    readObject: async (key) => {
      const path = join(config.watchFolders[0] ?? '', key);
      return { ok: true, value: script === 'corrupt' ? corrupted(path) : createReadStream(path) };
    },
  };
}

async function* corrupted(path: string): AsyncIterable<Uint8Array> {
  const bytes = readFileSync(path);
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
  yield bytes;
}

function fill(readModel: ReadModel, config: Config): void {
  readModel.daemonChanged({ phase: 'running', instance: 'vm', startedAtMs: Date.now() });
  for (let n = 1; n <= views; n += 1) readModel.streamChanged(viewOf(n, { path: `/r/take-${n}\u001b[2J.mp4` }));
  if (views > 0) readModel.streamChanged(failedView(views + 1));
  const path = join(config.watchFolders[0] ?? '', 'recording.bin');
  setInterval(() => followRecording(readModel, path), 100).unref();
}

/** The recorder patches the header last: what begins with text is complete. */
function followRecording(readModel: ReadModel, path: string): void {
  if (!existsSync(path)) return;
  const seen = { path, key: 'recording.bin', sizeBytes: statSync(path).size };
  const head = readFileSync(path).subarray(0, 8).toString('latin1');
  const done = script === 'broken' ? failedView(1, { ...seen, state: 'failed.ended' }) : completedView(1, seen);
  readModel.streamChanged(head === 'recorded' ? done : viewOf(1, { ...seen, state: 'active.uploading' }));
}

const record = JSON.parse(readFileSync(new URL('./stored-record.json', import.meta.url), 'utf8')) as StoredRecord;

const compose: Compose = {
  startDaemon,
  readJournal: async (stateDir) =>
    existsSync(join(stateDir, 'journal'))
      ? { ok: true, value: [record] }
      : { ok: false, failure: { code: 'journal_unavailable', detail: 'there is none' } },
};

endAtBugs();
await endProcess(
  await runProgram(
    process.argv.slice(2),
    processWorld(
      async () => compose,
      async () => (await import('../../src/compose/tools.ts')).tools,
    ),
  ),
);
