// Makes a daemon out of a configuration: locks, ports, actors, listener; and takes it apart again, in the other order.
//
// C1. See locks.ts.
// C2. Whatever was opened is closed, also when a later step fails.
// C3. An S3 that refuses at start stops nothing: it is told loudly, streams wait for the cure, and it is asked again by itself.

import type { Ports, World } from '../actors/world.ts';
import { createPinoTelemetry, type PinoTelemetry } from '../adapters/pino-telemetry.ts';
import { createPrometheusMetrics, type PrometheusMetrics } from '../adapters/prometheus-metrics.ts';
import type { Daemon, ReadJournal, Started, StartOptions } from '../cli/daemon.ts';
import { EXIT } from '../cli/exit-codes.ts';
import type { Config } from '../config/schema.ts';
import { NOT_FOR_PRODUCTION } from '../dev-s3/server.ts';
import { type Failure, failureOf } from '../machines/failure.ts';
import type { StreamMachine } from '../machines/stream.machine.ts';
import { gaugeReadings } from '../read-model/gauge-readings.ts';
import { createReadModel, type ReadModel } from '../read-model/read-model.ts';
import { type EmbeddedS3, startEmbeddedS3 } from './embedded.ts';
import { startInspecting } from './inspecting.ts';
import { type Listening, startListening } from './listening.ts';
import { takeLocks } from './locks.ts';
import { CannotStart, openPorts } from './ports.ts';
import { lockJournal } from './tools.ts';
import { watchOver } from './watch-over.ts';
import { type ComposedWorld, composeWorld, leaseHolderOf, optionsOf } from './world.ts';

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

/** What a test puts between the actors and their world, to end the process at a moment that it names. The program gives none. */
export interface Seam {
  readonly ports?: (ports: Ports) => Ports;
  readonly stream?: (world: World) => StreamMachine;
}

export async function startDaemon(config: Config, options: StartOptions, seam: Seam = {}): Promise<Started> {
  const closing = new Closing();
  const told = tell(config, options.log);
  closing.add(() => told.telemetry.flush());
  try {
    const daemon = await start(config, options, told, closing, seam);
    return { ok: true, daemon };
  } catch (error) {
    await closing.all();
    if (!(error instanceof CannotStart)) throw error;
    return { ok: false, exitCode: error.exitCode, message: error.message };
  }
}

function tell(config: Config, log: StartOptions['log']): Told {
  const readModel = createReadModel();
  const metrics = createPrometheusMetrics(() => gaugeReadings(readModel, Date.now()));
  const { notifySecret, notifyUrl } = config;
  const secrets = [
    config.s3SecretAccessKey,
    config.s3SessionToken,
    passwordOf(config.redisUrl),
    notifySecret,
    notifyUrl,
  ].filter((each) => each !== null);
  const telemetry = createPinoTelemetry({
    level: config.logLevel,
    instance: config.instanceName,
    pretty: process.stderr.isTTY === true,
    secrets,
    metrics,
    ...(log ? { stream: log } : {}),
  });
  return { telemetry, metrics, readModel };
}

function passwordOf(url: string | null): string | null {
  const password = url === null ? '' : (URL.parse(url)?.password ?? '');
  return password === '' ? null : decodeURIComponent(password);
}

async function start(config: Config, options: StartOptions, told: Told, closing: Closing, seam: Seam): Promise<Daemon> {
  const { readModel, telemetry } = told;
  const { folders, folderLock } = await takeLocks(config, options.lock, (held) => closing.add(() => held.release()));
  readModel.daemonChanged({
    instance: config.instanceName,
    folders: config.watchFolders,
    startedAtMs: Date.now(),
    registryReachable: config.redisUrl === null ? null : false,
  });
  const embedded = options.embedded ? await embed(config, telemetry, closing) : null;
  const opened = await openPorts(config, { embedded, folderLock }, telemetry, readModel);
  const ports = seam.ports?.(opened) ?? opened;
  closing.add(() => ports.journal.close());
  closing.add(() => ports.registry?.close());
  closing.add(() => ports.store.close());
  closing.add(() => ports.files.close());

  const daemonOptions = optionsOf(config, folders, options.once, leaseHolderOf(config));
  const composed = composeWorld(config, daemonOptions, ports, tellOfStore(told), seam.stream);
  const listening = await startListening(config, {
    ...{ composed, readModel, telemetry },
    metricsText: () => told.metrics.text(),
    onClose: (step) => closing.add(step),
  });
  const inspector = options.inspect ? await startInspecting(composed.supervisor, (step) => closing.add(step)) : null;
  watchOver(composed.supervisor, readModel, telemetry);
  const finished = run(composed, told, closing);
  await booted(composed);
  const asking = new AbortController();
  closing.add(() => asking.abort());
  // A standby has no use for S3, and other reasons not to be ready.
  void untilPhase(composed.supervisor, (phase) => phase === 'running').then(() =>
    composed.world.probe.ask(ports.clock, config.parkedRetryMs, asking.signal),
  );
  return daemonOf(config, composed, { embedded, listening, readModel, inspector, finished });
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

async function embed(config: Config, telemetry: PinoTelemetry, closing: Closing): Promise<EmbeddedS3> {
  const embedded = await startEmbeddedS3(config.stateDir, config.s3BucketName);
  closing.add(() => embedded.close());
  telemetry.warn(NOT_FOR_PRODUCTION, { endpoint: embedded.endpoint });
  return embedded;
}

/** Resolves when the daemon has ended and everything is closed. */
async function run(
  { world, mirror, supervisor }: ComposedWorld,
  { readModel, telemetry }: Told,
  closing: Closing,
): Promise<{ exitCode: number }> {
  const ended = new Promise<number>((resolve) => {
    let leftUndone = false;
    let told: string | null = null;
    supervisor.subscribe({
      next: ({ value, context }) => {
        readModel.daemonChanged({ phase: value, ...(context.awaits === told ? {} : { reasons: reasonsOf(context) }) });
        told = context.awaits;
        // Looked at before the end, at which all actors are stopped.
        if (value === 'draining') leftUndone = world.streams.size > 0 || context.brokenStreams > 0;
      },
      complete: () => resolve(exitCodeOf(supervisor.getSnapshot().context.refusal, world.options.once && leftUndone)),
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
  world.notices.stop();
  for (const lease of world.leases.values()) await world.registry?.releaseLease(lease);
  for (const lock of world.carrying.locks) await lock.release();
  await closing.all();
  return { exitCode };
}

const reasonsOf = ({ awaits }: { readonly awaits: string | null }): string[] => (awaits === null ? [] : [awaits]);

function exitCodeOf(refusal: Failure | null, leftUndone: boolean): number {
  if (refusal) return exitCodeOfRefusal(refusal);
  return leftUndone ? EXIT.failure : EXIT.ok;
}

const exitCodeOfRefusal = ({ code }: Failure): number => (code === 'lease_lost' ? EXIT.temporary : EXIT.unavailable);

type Supervisor = ComposedWorld['supervisor'];
type SupervisorSnapshot = ReturnType<Supervisor['getSnapshot']>;

/** Of the first snapshot from now on that has a wanted phase. */
function untilPhase(
  supervisor: Supervisor,
  isWanted: (phase: SupervisorSnapshot['value']) => boolean,
): Promise<SupervisorSnapshot> {
  return new Promise((resolve) => {
    const look = (now: SupervisorSnapshot): void => {
      if (!isWanted(now.value)) return;
      subscription.unsubscribe();
      resolve(now);
    };
    const subscription = supervisor.subscribe({ next: look, error: () => {} });
    look(supervisor.getSnapshot());
  });
}

/** Resolves once the supervisor runs or stands by; throws what it was refused for. */
async function booted({ supervisor }: ComposedWorld): Promise<void> {
  const snapshot = await untilPhase(supervisor, (phase) => phase !== 'booting');
  const { refusal } = snapshot.context;
  if (snapshot.value === 'stopped' && refusal) throw new CannotStart(exitCodeOfRefusal(refusal), refusal.detail);
}

interface Running {
  readonly embedded: EmbeddedS3 | null;
  readonly listening: Listening;
  readonly readModel: ReadModel;
  /** Its address, with `--inspect`. */
  readonly inspector: string | null;
  readonly finished: Promise<{ exitCode: number }>;
}

function daemonOf(config: Config, { world, supervisor }: ComposedWorld, running: Running): Daemon {
  const { embedded, finished, inspector } = running;
  const { listener, pageUrl } = running.listening;
  const isStandby = (): boolean => supervisor.getSnapshot().value === 'standby';
  const where = embedded
    ? `the embedded S3 at ${embedded.endpoint} (objects in ${embedded.folder})`
    : (config.s3EndpointUrl ?? 'AWS S3');
  return {
    address: listener.address,
    pageUrl,
    shown: running.readModel,
    finished,
    describe: () => [
      `${isStandby() ? 'standing by for' : 'watching'} ${config.watchFolders.join(', ')}`,
      `objects go to s3://${config.s3BucketName}/${config.s3KeyPrefix} on ${where}`,
      `ask it: npx tailrace status --state-dir ${config.stateDir}, or ${listener.address}/api/v1/streams`,
      ...(inspector === null ? [] : [`the actors, for the Stately inspector: ${inspector} (docs/inspecting.md)`]),
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

/** Opens the journal of a daemon that does not run, reads it, and closes it again, all under the lock of STATE_DIR. */
export const readJournal: ReadJournal = async (stateDir) => {
  const found = await lockJournal(stateDir, 'tailrace status');
  if (found.kind === 'open') {
    await found.journal.close();
    return { ok: true, value: found.journal.records };
  }
  return { ok: false, failure: failureOf('journal_unavailable', whyUnread(found)) };
};

function whyUnread(found: Exclude<Awaited<ReturnType<typeof lockJournal>>, { kind: 'open' }>): string {
  if (found.kind === 'none') return 'there is none';
  return found.kind === 'held' ? `${found.holder} has it open, and does not answer (yet)` : found.detail;
}
