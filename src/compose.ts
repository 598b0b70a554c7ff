// Makes a daemon out of a configuration: locks, ports, actors, listener; and takes it apart again, in the other order.
//
// C1. A second daemon on the same folder or STATE_DIR is refused with the holder's name, before anything is opened.
// C2. Whatever was opened is closed, also when a later step fails.
// C3. An S3 that refuses at start stops nothing: it is told loudly, streams wait for the cure, and it is asked again by itself.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { DaemonOptions } from './actors/world.ts';
import { findFolder, makeFolder } from './adapters/fs-folder.ts';
import { createPinoTelemetry, type PinoTelemetry } from './adapters/pino-telemetry.ts';
import { createPrometheusMetrics, type PrometheusMetrics } from './adapters/prometheus-metrics.ts';
import { createSocketLock } from './adapters/socket-lock.ts';
import { openSqliteJournal } from './adapters/sqlite-journal.ts';
import type { Daemon, ReadJournal, StartDaemon, StartOptions } from './cli/daemon.ts';
import { EXIT } from './cli/exit-codes.ts';
import { type EmbeddedS3, startEmbeddedS3 } from './compose-embedded.ts';
import { CannotStart, openPorts } from './compose-ports.ts';
import { type ComposedWorld, composeWorld, leaseHolderOf, lockHolderOf, optionsOf } from './compose-world.ts';
import type { Config } from './config-schema.ts';
import { NOT_FOR_PRODUCTION } from './dev-s3/server.ts';
import { daemonSocketPath, removeDaemonFile, writeDaemonFile } from './http/daemon-file.ts';
import { type HttpListener, startHttp } from './http/listener.ts';
import { failureOf } from './machines/failure.ts';
import { gaugeReadings } from './read-model/gauge-readings.ts';
import { createReadModel, type ReadModel } from './read-model/read-model.ts';

/** What has to be closed, newest first. */
class Closing {
  readonly #steps: (() => Promise<unknown> | unknown)[] = [];
  add(step: () => Promise<unknown> | unknown): void {
    this.#steps.unshift(step);
  }
  async all(): Promise<void> {
    for (const step of this.#steps.splice(0)) await Promise.resolve(step()).catch(() => {});
  }
}

interface Told {
  readonly telemetry: PinoTelemetry;
  readonly metrics: PrometheusMetrics;
  readonly readModel: ReadModel;
}

export const startDaemon: StartDaemon = async (config, options) => {
  const closing = new Closing();
  const told = tell(config);
  closing.add(() => told.telemetry.flush());
  try {
    const daemon = await start(config, options, told, closing);
    return { ok: true, daemon };
  } catch (error) {
    await closing.all();
    if (!(error instanceof CannotStart)) throw error;
    return { ok: false, exitCode: error.exitCode, message: error.message };
  }
};

function tell(config: Config): Told {
  const readModel = createReadModel();
  const metrics = createPrometheusMetrics(() => gaugeReadings(readModel, Date.now()));
  const secrets = [config.s3SecretAccessKey, config.s3SessionToken, passwordOf(config.redisUrl)].filter(
    (each) => each !== null,
  );
  const telemetry = createPinoTelemetry({
    level: config.logLevel,
    instance: config.instanceName,
    pretty: process.stderr.isTTY === true,
    secrets,
    metrics,
  });
  return { telemetry, metrics, readModel };
}

function passwordOf(url: string | null): string | null {
  const password = url === null ? '' : (URL.parse(url)?.password ?? '');
  return password === '' ? null : decodeURIComponent(password);
}

async function start(config: Config, options: StartOptions, told: Told, closing: Closing): Promise<Daemon> {
  const { readModel, telemetry } = told;
  const folders = await lockFolders(config, lockHolderOf(config), closing);
  readModel.daemonChanged({
    instance: config.instanceName,
    startedAtMs: Date.now(),
    registryReachable: config.redisUrl === null ? null : false,
  });
  const embedded = options.embedded ? await embed(config, telemetry, closing) : null;
  const ports = await openPorts(config, embedded, telemetry, readModel);
  closing.add(() => ports.journal.close());
  closing.add(() => ports.registry?.close());
  closing.add(() => ports.store.close());
  closing.add(() => ports.files.close());

  const daemonOptions = optionsOf(config, folders, options.once, leaseHolderOf(config));
  const composed = composeWorld(config, daemonOptions, ports, tellOfStore(told));
  const listener = await listen(config, told, closing);
  const finished = run(composed, told, closing);
  await booted(composed);
  const asking = new AbortController();
  closing.add(() => asking.abort());
  void composed.world.probe.ask(ports.clock, config.parkedRetryMs, asking.signal);
  return daemonOf(config, composed, { embedded, listener, finished });
}

/** C3. Logged when it changes, not at every asking. */
function tellOfStore({ readModel, telemetry }: Told): (problem: string | null) => void {
  let before: string | null = null;
  return (problem) => {
    readModel.daemonChanged({ reasons: problem === null ? [] : [`S3 ${problem}`] });
    if (problem !== null && problem !== before)
      telemetry.error('S3 refuses; streams wait and go on by themselves when it is cured', { detail: problem });
    else if (problem === null && before !== null) telemetry.info('S3 answers as it should');
    before = problem;
  };
}

/** C1. */
async function lockFolders(config: Config, holder: string, closing: Closing): Promise<DaemonOptions['folders']> {
  const state = await makeFolder(config.stateDir);
  if (!state.ok) throw new CannotStart(EXIT.unavailable, `STATE_DIR ${state.problem}`);
  const wanted = [{ path: config.stateDir, id: state.id, what: 'STATE_DIR' }];
  for (const path of config.watchFolders) {
    const folder = await findFolder(path);
    if (!folder.ok) throw new CannotStart(EXIT.configuration, folder.problem);
    wanted.push({ path, id: folder.id, what: 'the folder' });
  }
  const lock = createSocketLock();
  for (const { path, id, what } of wanted) {
    const taken = await lock.acquire(id, holder);
    if (!taken.ok) throw new CannotStart(EXIT.unavailable, taken.failure.detail);
    if (!taken.value.held)
      throw new CannotStart(EXIT.temporary, `${what} ${path} is in use by another daemon: ${taken.value.holder}`);
    const { lock: held } = taken.value;
    closing.add(() => held.release());
  }
  return wanted.slice(1).map(({ path, id }) => ({ path, id }));
}

async function embed(config: Config, telemetry: PinoTelemetry, closing: Closing): Promise<EmbeddedS3> {
  const embedded = await startEmbeddedS3(config.stateDir, config.s3BucketName);
  closing.add(() => embedded.close());
  telemetry.warn(NOT_FOR_PRODUCTION, { endpoint: embedded.endpoint });
  return embedded;
}

async function listen(config: Config, told: Told, closing: Closing): Promise<HttpListener> {
  const { readModel, metrics, telemetry } = told;
  const started = await startHttp({
    address: config.httpAddress,
    port: config.promPort,
    socketPath: daemonSocketPath(config.stateDir),
    readModel,
    metricsText: () => metrics.text(),
    onBug: (detail) => telemetry.error('bug: a route threw', { detail }),
  });
  if (!started.ok)
    throw new CannotStart(
      EXIT.unavailable,
      `cannot listen on ${config.httpAddress}:${config.promPort}: ${started.detail}`,
    );
  const { listener } = started;
  closing.add(() => listener.close());
  await writeDaemonFile(config.stateDir, {
    pid: process.pid,
    address: listener.address,
    socket: listener.socketPath,
    instance: config.instanceName,
    startedAt: new Date().toISOString(),
  });
  closing.add(() => removeDaemonFile(config.stateDir));
  return listener;
}

/** Resolves when the daemon has ended and everything is closed. */
async function run(
  { world, mirror, supervisor }: ComposedWorld,
  { readModel, telemetry }: Told,
  closing: Closing,
): Promise<{ exitCode: number }> {
  const ended = new Promise<number>((resolve) => {
    let leftUndone = false;
    supervisor.subscribe({
      next: ({ value, context }) => {
        readModel.daemonChanged({ phase: value });
        // Looked at before the end, at which all actors are stopped.
        if (value === 'draining') leftUndone = world.streams.size > 0 || context.brokenStreams > 0;
      },
      complete: () =>
        resolve(exitCodeOf(supervisor.getSnapshot().context.refusal !== null, world.options.once && leftUndone)),
      error: (error) => {
        telemetry.error('bug: the supervisor ended', {
          detail: error instanceof Error ? (error.stack ?? error.message) : String(error),
        });
        resolve(EXIT.bug);
      },
    });
  });
  supervisor.start();
  const exitCode = await ended;
  supervisor.stop();
  mirror?.stop();
  world.writeAhead.stop();
  for (const lease of world.leases.values()) await world.registry?.releaseLease(lease);
  await closing.all();
  return { exitCode };
}

function exitCodeOf(refused: boolean, leftUndone: boolean): number {
  if (refused) return EXIT.temporary;
  return leftUndone ? EXIT.failure : EXIT.ok;
}

/** Resolves once the supervisor runs; throws what it was refused for. */
async function booted({ supervisor }: ComposedWorld): Promise<void> {
  const snapshot = await new Promise<ReturnType<typeof supervisor.getSnapshot>>((resolve) => {
    const settled = (now: ReturnType<typeof supervisor.getSnapshot>) => now.value !== 'booting';
    if (settled(supervisor.getSnapshot())) resolve(supervisor.getSnapshot());
    const subscription = supervisor.subscribe((now) => {
      if (!settled(now)) return;
      subscription.unsubscribe();
      resolve(now);
    });
  });
  const { refusal } = snapshot.context;
  if (snapshot.value === 'stopped' && refusal)
    throw new CannotStart(refusal.code === 'lease_lost' ? EXIT.temporary : EXIT.unavailable, refusal.detail);
}

interface Running {
  readonly embedded: EmbeddedS3 | null;
  readonly listener: HttpListener;
  readonly finished: Promise<{ exitCode: number }>;
}

function daemonOf(config: Config, { world, supervisor }: ComposedWorld, running: Running): Daemon {
  const { embedded, listener, finished } = running;
  const where = embedded
    ? `the embedded S3 at ${embedded.endpoint} (objects in ${embedded.folder})`
    : (config.s3EndpointUrl ?? 'AWS S3');
  return {
    address: listener.address,
    finished,
    describe: () => [
      `watching ${config.watchFolders.join(', ')}`,
      `objects go to s3://${config.s3BucketName}/${config.s3KeyPrefix} on ${where}`,
      `ask it: npx tailrace status --state-dir ${config.stateDir}, or ${listener.address}/api/v1/streams`,
      ...(embedded
        ? [`try it: record or copy a large file into ${config.watchFolders[0]}, and see its parts go up while it grows`]
        : []),
    ],
    drain: () => supervisor.send({ type: 'operator.drain', atMs: world.clock.nowMs() }),
    hurry: () => supervisor.send({ type: 'drain.finished', atMs: world.clock.nowMs() }),
    readObject: async (key) => {
      const object = await world.store.getObject({ target: { bucket: config.s3BucketName, key } });
      if (!object.ok) return object;
      return object.value
        ? { ok: true, value: object.value }
        : { ok: false, failure: failureOf('object_not_found', key) };
    },
  };
}

/** Opens the journal of a daemon that does not run, reads it, and closes it again. */
export const readJournal: ReadJournal = async (stateDir) => {
  if (!existsSync(join(stateDir, 'journal.sqlite'))) return { ok: true, value: [] };
  const journal = await openSqliteJournal({ stateDir });
  if (!journal.ok) return journal;
  const loaded = await journal.value.load();
  await journal.value.close();
  return loaded.ok ? { ok: true, value: loaded.value.records } : loaded;
};
