// The log: pino lines as JSON on stderr, readable ones on a terminal (pino-pretty in this thread, no worker). Counters go on to
// the metrics it is given.
//
// T1. Only fields of the list are written; of others the name alone, so that a missing one is noticed.
// T2. No secret: every string is searched for those it was told.
// T3. A hostile file name cannot forge a line or speak to a terminal: control and direction characters are written out.
// T4. Never waits on a reader: beyond MAX_BACKLOG_BYTES lines are dropped.

import type { Writable } from 'node:stream';
import { type DestinationStream, destination, type Logger, pino, stdTimeFunctions } from 'pino';
import { build as pretty } from 'pino-pretty';
import { plainText } from '../plain-text.ts';
import type { LogFields, Telemetry } from '../ports/telemetry.ts';

export interface PinoTelemetryOptions {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  /** Named in every line. */
  readonly instance: string;
  /** Readable lines; usually whether stderr is a terminal. */
  readonly pretty: boolean;
  readonly colors?: boolean;
  /** Strings that must never be written. */
  readonly secrets: readonly string[];
  readonly metrics: Pick<Telemetry, 'count' | 'observe'>;
  /** Where lines go instead of stderr. */
  readonly stream?: Writable;
}

export interface PinoTelemetry extends Telemetry {
  /** Writes out what waits; called before the process ends. */
  flush(): void;
}

/** Every field that a line may have. Names with their unit last; values are plain. */
const LOG_FIELDS: ReadonlySet<string> = new Set([
  ...['streamId', 'path', 'folder', 'state', 'status', 'event', 'generation', 'reason', 'finalizeReason', 'writer'],
  ...['bucket', 'key', 'uploadId', 'partNumber', 'parts', 'etag', 'crc32', 'operation', 'endpoint', 'region'],
  ...['code', 'kind', 'detail', 'hint', 'cure', 'attempt', 'notBeforeMs', 'delayMs', 'during', 'answered'],
  ...['sizeBytes', 'sentBytes', 'atRiskBytes', 'heldBytes', 'partBytes', 'totalBytes', 'offset', 'limit', 'limitBytes'],
  ...['durationMs', 'ageMs', 'idleMs', 'ttlMs', 'count', 'streams', 'files', 'folders', 'unreadable', 'skipped'],
  ...[
    'address',
    'port',
    'socket',
    'pid',
    'signal',
    'exitCode',
    'stateDir',
    'version',
    'nodeVersion',
    'holder',
    'fence',
    'rev',
  ],
  ...[
    'checksum',
    'conditionalComplete',
    'capabilities',
    'redis',
    'lease',
    'stack',
    'method',
    'phase',
    'provenBy',
    'exclude',
  ],
]);

/** Slow terminals and log collectors get this much patience. */
const MAX_BACKLOG_BYTES = 4 * 1024 * 1024;
/** Shorter ones would hide ordinary words. */
const LEAST_SECRET_CHARS = 4;

const STDERR = 2;

export function createPinoTelemetry(options: PinoTelemetryOptions): PinoTelemetry {
  const clean = cleaner(options.secrets);
  const stream = streamFor(options);
  const logger = loggerOn(stream, options, clean);
  const tell =
    (level: 'debug' | 'info' | 'warn' | 'error') =>
    (message: string, fields: LogFields = {}): void => {
      if (logger.isLevelEnabled(level)) logger[level](allowed(fields, clean), clean(message));
    };
  return {
    debug: tell('debug'),
    info: tell('info'),
    warn: tell('warn'),
    error: tell('error'),
    count: options.metrics.count.bind(options.metrics),
    observe: options.metrics.observe.bind(options.metrics),
    flush: () => flushStream(stream),
  };
}

function streamFor({ stream, pretty: readable, colors }: PinoTelemetryOptions): DestinationStream {
  if (readable) {
    return pretty({
      destination: stream ?? STDERR,
      sync: true,
      colorize: colors ?? false,
      translateTime: 'SYS:HH:MM:ss',
      ignore: 'instance',
      singleLine: true,
    });
  }
  return stream ?? destination({ dest: STDERR, sync: false, maxLength: MAX_BACKLOG_BYTES });
}

function loggerOn(stream: DestinationStream, options: PinoTelemetryOptions, clean: (text: string) => string): Logger {
  return pino(
    {
      level: options.level,
      base: { instance: clean(options.instance) },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    stream,
  );
}

function allowed(fields: LogFields, clean: (text: string) => string): Record<string, unknown> {
  const line: Record<string, unknown> = {};
  const unlisted: string[] = [];
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    if (!LOG_FIELDS.has(name)) unlisted.push(clean(name));
    else if (typeof value === 'string') line[name] = clean(value);
    else if (value === null || typeof value === 'number' || typeof value === 'boolean') line[name] = value;
    else unlisted.push(name);
  }
  if (unlisted.length > 0) line['unlisted'] = unlisted.join(' ');
  return line;
}

function cleaner(secrets: readonly string[]): (text: string) => string {
  const hidden = secrets.filter((secret) => secret.length >= LEAST_SECRET_CHARS);
  return (text) => {
    let safe = text;
    for (const secret of hidden) safe = safe.replaceAll(secret, '(hidden)');
    return plainText(safe);
  };
}

function flushStream(stream: DestinationStream): void {
  const flushable = stream as { flushSync?: () => void };
  try {
    flushable.flushSync?.();
  } catch {
    // stderr is closed, or was never opened: there is nobody to tell.
  }
}
