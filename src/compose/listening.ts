// Opens the listener of a daemon: page, API, metrics and health, with the token in STATE_DIR and the file that tells where it is.

import { fileURLToPath } from 'node:url';
import { StreamOperator } from '../actors/stream-operator.ts';
import { EXIT } from '../cli/exit-codes.ts';
import type { Config } from '../config/schema.ts';
import { isLoopback } from '../config/words.ts';
import { daemonSocketPath, removeDaemonFile, writeDaemonFile } from '../http/daemon-file.ts';
import { type HttpListener, startHttp } from '../http/listener.ts';
import { NO_PAGE, pageFilesIn } from '../http/page-files.ts';
import { tokenOf } from '../http/token.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import type { ReadModel } from '../read-model/read-model.ts';
import { programVersion } from '../version.ts';
import { CannotStart } from './ports.ts';
import type { ComposedWorld } from './world.ts';

/** What the page's build makes: beside the compiled program. */
const PAGE_FOLDER = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? '../../dist/web' : '../web', import.meta.url),
);

export interface Listening {
  readonly listener: HttpListener;
  /** Address of the page with the token in its fragment: a secret. null: the page is not built. */
  readonly pageUrl: string | null;
}

export interface ListeningOptions {
  readonly composed: ComposedWorld;
  readonly readModel: ReadModel;
  readonly metricsText: () => Promise<string>;
  readonly telemetry: Telemetry;
  /** Takes what has to be undone at the end. */
  readonly onClose: (step: () => Promise<unknown>) => void;
}

/** Throws `CannotStart`. */
export async function startListening(config: Config, options: ListeningOptions): Promise<Listening> {
  const { composed, readModel, metricsText, telemetry, onClose } = options;
  const loopback = isLoopback(config.httpAddress);
  if (!loopback)
    telemetry.warn('listening beyond this machine, in clear text: put a proxy with TLS before it', {
      address: config.httpAddress,
    });
  const token = await makeToken(config.stateDir);
  const page = await pageFilesIn(PAGE_FOLDER);
  const started = await startHttp({
    address: config.httpAddress,
    port: config.promPort,
    socketPath: daemonSocketPath(config.stateDir),
    ...{ readModel, metricsText, page },
    operator: new StreamOperator(composed.world, composed.supervisor, composed.mirror),
    version: programVersion(),
    door: { loopback, token },
    onBug: (detail) => telemetry.error('bug: a route threw', { detail }),
  });
  if (!started.ok)
    throw new CannotStart(
      EXIT.unavailable,
      `cannot listen on ${config.httpAddress}:${config.promPort}: ${started.detail}`,
    );
  const { listener } = started;
  onClose(() => listener.close());
  await writeDaemonFile(config.stateDir, {
    pid: process.pid,
    address: listener.address,
    socket: listener.socketPath,
    instance: config.instanceName,
    startedAt: new Date().toISOString(),
  });
  onClose(() => removeDaemonFile(config.stateDir));
  return { listener, pageUrl: page === NO_PAGE ? null : `${listener.address}/#token=${token}` };
}

async function makeToken(stateDir: string): Promise<string> {
  try {
    return await tokenOf(stateDir);
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    throw new CannotStart(EXIT.unavailable, `the token in ${stateDir} cannot be read or made: ${detail}`);
  }
}
