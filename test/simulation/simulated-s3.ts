// S3 as a daemon meets it: the server in memory, behind a network that delays, refuses, loses answers, and executes late. Every
// request and what became of it is told to the log: the checker reads from it what was under way beside what.
//
// Promises of the model, on which the daemon's waiting times rest: a request executes within `lateArrivalMs` after it was sent
// (Complete: `completeDoubtMs`), or never.

import { type Failure, type FailureCode, failureOf } from '../../src/machines/failure.ts';
import type { UploadId } from '../../src/machines/ids.ts';
import type { ObjectTarget } from '../../src/machines/stream-record.ts';
import type { CallOptions, ObjectStore, PartBody } from '../../src/ports/object-store.ts';
import type { Outcome } from '../../src/ports/outcome.ts';
import type { MemoryS3 } from '../fakes/memory-object-store.ts';
import type { S3Operation } from './checker/evidence.ts';
import type { EventLog } from './event-log.ts';
import type { SimulatedProcess } from './process.ts';
import type { Random } from './random.ts';
import { md5Of, traceOf } from './s3-trace.ts';
import type { Tally } from './tally.ts';
import type { VirtualClock } from './virtual-clock.ts';
import { type Curse, FATES, type RequestFate, type Weather } from './weather.ts';

/** How long a daemon's client waits for an answer. */
const DEADLINE_MS = 1_000;
const REFUSED_CONNECTION_MS = 50;
/** Of what a dead process had sent, this share still executes. */
const OUTLIVES = 0.6;
const WEIGHTY: readonly S3Operation[] = ['createUpload', 'completeUpload', 'abortUpload'];

export interface S3Network {
  readonly server: MemoryS3;
  readonly clock: VirtualClock;
  readonly log: EventLog;
  readonly random: Random;
  readonly weather: Weather;
  readonly tally: Tally;
  readonly lateArrivalMs: number;
  readonly completeDoubtMs: number;
  /** Counts requests over all daemons. */
  requests: number;
  /** Requests that will still be executed. */
  pending: number;
}

export interface Subject {
  readonly target: ObjectTarget;
  readonly uploadId?: UploadId;
  readonly partNumber?: number;
  readonly sizeBytes?: number;
  readonly body?: PartBody | Uint8Array;
}

/** One daemon's connection. */
export function connectSimulated(network: S3Network, process: SimulatedProcess): ObjectStore {
  const server = network.server.connect();
  const line = new Line(network, process);
  return {
    capabilities: network.server.capabilities,
    probe: (bucket, options) =>
      line.request('probe', { target: { bucket, key: '' } }, options, () => server.probe(bucket)),
    createUpload: (request, options) =>
      line.request('createUpload', request, options, () => server.createUpload(request)),
    uploadPart: (request, options) => {
      const sizeBytes = request.body.kind === 'bytes' ? request.body.bytes.byteLength : request.body.sizeBytes;
      return line.request('uploadPart', { ...request, sizeBytes }, options, () => server.uploadPart(request));
    },
    copyPart: (request, options) => line.request('copyPart', request, options, () => server.copyPart(request)),
    listParts: (request, options) => line.request('listParts', request, options, () => server.listParts(request)),
    listUploads: (request, options) =>
      line.request('listUploads', { target: { bucket: request.bucket, key: request.prefix } }, options, () =>
        server.listUploads(request),
      ),
    completeUpload: (request, options) =>
      line.request('completeUpload', request, options, () => server.completeUpload(request)),
    abortUpload: (request, options) => line.request('abortUpload', request, options, () => server.abortUpload(request)),
    headObject: (target, options) => line.request('headObject', { target }, options, () => server.headObject(target)),
    putObject: (request, options) => line.request('putObject', request, options, () => server.putObject(request)),
    getObject: (request, options) => line.request('getObject', request, options, () => server.getObject(request)),
    deleteObject: (target, options) =>
      line.request('deleteObject', { target }, options, () => server.deleteObject(target)),
    close: () => {},
  };
}

interface Call<T> {
  readonly id: number;
  readonly operation: S3Operation;
  readonly subject: Subject;
  readonly execute: () => Promise<Outcome<T>>;
  /** The first answer is the answer. */
  answer(outcome: Outcome<T>): void;
}

class Line {
  readonly #network: S3Network;
  readonly #process: SimulatedProcess;

  constructor(network: S3Network, process: SimulatedProcess) {
    this.#network = network;
    this.#process = process;
  }

  request<T>(
    operation: S3Operation,
    subject: Subject,
    options: CallOptions | undefined,
    execute: () => Promise<Outcome<T>>,
  ): Promise<Outcome<T>> {
    if (options?.signal?.aborted) return Promise.resolve(unanswered('aborted'));
    return this.#process.ask((reply) => {
      const call = this.#begin(operation, subject, options?.signal, execute, reply);
      const { weather } = this.#network;
      const curse = this.#curseOn(operation);
      if (curse === 'denied') this.#deny(call, 's3_access_denied');
      else if (weather.s3.denied.includes(operation)) this.#deny(call, weather.s3.deniedAs);
      else this.#meet(call, curse ?? this.#fateOf(operation));
    });
  }

  #begin<T>(
    operation: S3Operation,
    subject: Subject,
    signal: AbortSignal | undefined,
    execute: () => Promise<Outcome<T>>,
    reply: (answer: Outcome<T>) => void,
  ): Call<T> {
    const { log } = this.#network;
    const id = ++this.#network.requests;
    const { target, uploadId = null, partNumber = null, sizeBytes = 0 } = subject;
    const daemon = this.#process.name;
    log.add({ kind: 's3.sent', request: id, daemon, operation, key: target.key, uploadId, partNumber, sizeBytes });
    let open = true;
    const answer = (outcome: Outcome<T>): void => {
      if (!open) return;
      open = false;
      signal?.removeEventListener('abort', giveUp);
      if (!this.#process.isAlive) return;
      const answered = outcome.ok || outcome.failure.answered !== false;
      log.add({ kind: 's3.answered', request: id, outcome: outcome.ok ? 'ok' : outcome.failure.code, answered });
      reply(outcome);
    };
    const giveUp = (): void => answer(unanswered('aborted'));
    signal?.addEventListener('abort', giveUp);
    return { id, operation, subject, execute, answer };
  }

  #curseOn(operation: S3Operation): Curse['fate'] | null {
    const { random, weather } = this.#network;
    const met = weather.curses.find((curse) => curse.operation === operation && random.between(0, 999) < curse.often);
    return met && possible(operation, met.fate) ? met.fate : null;
  }

  #fateOf(operation: S3Operation): RequestFate {
    const { random, weather } = this.#network;
    const fates = WEIGHTY.includes(operation) ? weather.s3.weightyFates : weather.s3.fates;
    let left = random.between(0, 999);
    for (const fate of FATES) {
      left -= fates[fate];
      if (left < 0) return possible(operation, fate) ? fate : 'served';
    }
    return 'served';
  }

  #meet<T>(call: Call<T>, fate: RequestFate): void {
    const { clock, random, weather, log, tally } = this.#network;
    const give = (outcome: Outcome<T>, inMs: number): void => void clock.after(inMs, () => call.answer(outcome));
    const thereMs = random.between(...weather.s3.latencyMs);
    const backMs = random.between(...weather.s3.latencyMs);
    const lose = (): void => log.add({ kind: 's3.lost', request: call.id });
    if (weather.s3.isDown) tally.note(`S3 ${call.operation}: down`);
    else if (fate !== 'served') tally.note(`S3 ${call.operation}: ${fate}`);
    if (weather.s3.isDown) {
      lose();
      give(unanswered('connect ECONNREFUSED'), REFUSED_CONNECTION_MS);
      return;
    }
    switch (fate) {
      case 'refused':
        this.#refuse(call, this.#refusalOf(call.operation));
        break;
      case 'dropped':
        lose();
        give(unanswered('deadline'), DEADLINE_MS);
        break;
      case 'late':
        give(unanswered('deadline'), DEADLINE_MS);
        this.#execute(call, random.between(DEADLINE_MS, this.#latestMs(call.operation)), () => {});
        break;
      case 'reply_lost':
        give(unanswered('connection reset'), thereMs + backMs);
        this.#execute(call, thereMs, () => {});
        break;
      case 'garbled':
        this.#execute(call, thereMs, () => give(GARBLED, backMs));
        give(unanswered('deadline'), DEADLINE_MS);
        break;
      case 'forgotten':
        lose();
        give(forgotten(call.subject) as Outcome<T>, thereMs + backMs);
        break;
      case 'served':
        give(unanswered('deadline'), DEADLINE_MS);
        this.#execute(call, thereMs, (outcome) => give(outcome, backMs));
    }
  }

  #latestMs(operation: S3Operation): number {
    const { completeDoubtMs, lateArrivalMs } = this.#network;
    return (operation === 'completeUpload' ? completeDoubtMs : lateArrivalMs) - 1;
  }

  #refuse<T>(call: Call<T>, failure: Failure): void {
    const { clock, random, weather, log } = this.#network;
    log.add({ kind: 's3.lost', request: call.id });
    clock.after(random.between(...weather.s3.latencyMs), () => call.answer({ ok: false, failure }));
  }

  #deny<T>(call: Call<T>, code: FailureCode): void {
    this.#network.tally.note(`S3 ${call.operation}: ${code}`);
    this.#refuse(call, failureOf(code, code));
  }

  #refusalOf(operation: S3Operation): Failure {
    const { random } = this.#network;
    if (operation === 'uploadPart' && random.chance(0.2)) return failureOf('part_digest_mismatch', 'BadDigest');
    if (random.chance(0.3)) return failureOf('s3_throttled', 'SlowDown', { retryAfterMs: random.between(0, 2000) });
    return failureOf('s3_unavailable', 'InternalError');
  }

  #execute<T>(call: Call<T>, inMs: number, heard: (outcome: Outcome<T>) => void): void {
    const network = this.#network;
    const { clock, log } = network;
    let waits = true;
    network.pending += 1;
    const leave = (): void => {
      if (waits) network.pending -= 1;
      waits = false;
    };
    const cancel = clock.after(Math.min(inMs, this.#latestMs(call.operation)), () => {
      const trace = traceOf(network.server, call.operation, call.subject);
      void call.execute().then((outcome) => {
        log.add({ kind: 's3.executed', request: call.id, ...trace(outcome) });
        leave();
        heard(outcome);
      });
    });
    this.#process.onDeath(() => {
      if (!waits || network.random.chance(OUTLIVES)) return;
      cancel();
      leave();
      log.add({ kind: 's3.lost', request: call.id });
    });
  }
}

/** As src/adapters/s3-errors.ts has it: whatever cannot be read may have been executed. */
const GARBLED = {
  ok: false,
  failure: failureOf('s3_malformed_reply', 'HTTP 200 with a body that is not of S3', { answered: false }),
} as const;

/** Only a part can be acknowledged and forgotten. */
const possible = (operation: S3Operation, fate: Curse['fate']): boolean =>
  fate !== 'forgotten' || operation === 'uploadPart';

const unanswered = (detail: string): { readonly ok: false; readonly failure: Failure } => ({
  ok: false,
  failure: failureOf('s3_unavailable', detail, { answered: false }),
});

/** The part's own ETag, though nothing was stored. */
function forgotten({ body }: Subject): Outcome<{ readonly etag: string }> {
  if (!body || body instanceof Uint8Array || body.kind !== 'bytes') return unanswered('forgotten');
  return { ok: true, value: { etag: md5Of(body.bytes) } };
}
