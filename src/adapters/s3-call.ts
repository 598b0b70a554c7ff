// One request to S3 and its end: an answer, a refusal, a deadline or the caller's signal, whichever is first.
//
// Promises: always an Outcome, never an exception; sent once; over no later than its deadline, also when the SDK or a
// credential provider hangs; at most MAX_REQUESTS at a time, the others wait here in order (a wait for a socket inside the
// SDK would count as a failed connection). Counts and times every request.

import type { S3Client } from '@aws-sdk/client-s3';
import type { FailureCode } from '../machines/failure.ts';
import type { CallOptions, StoreCapabilities } from '../ports/object-store.ts';
import type { Outcome } from '../ports/outcome.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import { failureOfError, GivenUp } from './s3-errors.ts';
import type { S3Timeouts } from './s3-http.ts';

/** Fixed: also the labels of `s3_request` in the metrics. */
export type S3Operation =
  | 'CreateMultipartUpload'
  | 'UploadPart'
  | 'UploadPartCopy'
  | 'ListParts'
  | 'ListMultipartUploads'
  | 'CompleteMultipartUpload'
  | 'AbortMultipartUpload'
  | 'HeadObject'
  | 'PutObject'
  | 'GetObject'
  | 'DeleteObject';

/** What `client.send` is told besides the command. */
export interface SendOptions {
  readonly abortSignal: AbortSignal;
  readonly requestTimeout: number;
}

export interface CallPlan {
  readonly deadlineMs: number;
  readonly options?: CallOptions | undefined;
  readonly meanings?: Readonly<Record<string, FailureCode>>;
}

export type Call = <T>(
  operation: S3Operation,
  plan: CallPlan,
  send: (how: SendOptions) => Promise<T>,
) => Promise<Outcome<T>>;

/** What every operation works with. */
export interface S3Session {
  readonly client: S3Client;
  readonly call: Call;
  readonly timeouts: S3Timeouts;
  readonly pageEntries: number | undefined;
  capabilities: StoreCapabilities;
  /** Which checksum type an upload asks for: the whole object's, or whatever the server does by itself (found by the probe). */
  checksumType: 'FULL_OBJECT' | 'server default';
  /** PutObject may carry a condition: Swift refuses it as such. */
  conditionalPut: boolean;
}

/** Half the sockets: the rest is for readers of objects, which outlive their call. */
const MAX_REQUESTS = 64;

export interface CallContext {
  readonly telemetry?: Telemetry | undefined;
  /** Kept out of every failure's detail. */
  readonly secrets: readonly string[];
  /** Told when the last request was answered and the one before was not, or the other way round. */
  readonly onReachable?: ((isReachable: boolean) => void) | undefined;
}

export function createCall({ telemetry, secrets, onReachable }: CallContext): Call {
  const gate = new Gate(MAX_REQUESTS);
  let isReachable: boolean | null = null;
  const note = (isAnswered: boolean): void => {
    if (isAnswered !== isReachable) onReachable?.(isAnswered);
    isReachable = isAnswered;
  };
  return async (operation, plan, send) => {
    const startedAtMs = performance.now();
    const ending = new Ending(plan.deadlineMs, plan.options?.signal);
    const outcome = await gate
      .through(
        () => ending.orEarlier(send({ abortSignal: ending.startSending(), requestTimeout: plan.deadlineMs })),
        ending,
      )
      .then(
        (value) => ({ ok: true, value }) as const,
        (error: unknown) => {
          const failure = failureOfError(operation, ending.reason ?? error, plan.meanings, secrets);
          return { ok: false, failure } as const;
        },
      );
    ending.release();
    // What is left of it is cut: an answer that came before the whole body was sent. An object's bytes are still to come.
    if (operation !== 'GetObject') ending.cut();
    if (!plan.options?.signal?.aborted) note(outcome.ok || outcome.failure.code !== 's3_unavailable');
    telemetry?.count('s3_requests', 1, outcome.ok ? 'ok' : outcome.failure.code);
    telemetry?.observe('s3_request', performance.now() - startedAtMs, operation);
    return outcome;
  };
}

/** The deadline and the caller's signal of one call, as one. */
class Ending {
  reason: GivenUp | null = null;
  #sent = false;
  readonly #controller = new AbortController();
  readonly #over: Promise<never>;
  readonly #timer: NodeJS.Timeout;
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort = () => this.#end('given up by the caller');

  constructor(deadlineMs: number, signal: AbortSignal | undefined) {
    this.#over = new Promise((_, reject) => {
      this.#controller.signal.addEventListener('abort', () => reject(this.reason), { once: true });
    });
    // Most calls are over before this is.
    this.#over.catch(() => undefined);
    this.#timer = setTimeout(() => this.#end(`no answer within ${deadlineMs} ms`), deadlineMs);
    this.#signal = signal;
    if (signal?.aborted) this.#onAbort();
    else signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  /** From here on the request may be executed. */
  startSending(): AbortSignal {
    this.#sent = true;
    return this.#controller.signal;
  }

  orEarlier<T>(work: Promise<T>): Promise<T> {
    return Promise.race([work, this.#over]);
  }

  release(): void {
    clearTimeout(this.#timer);
    this.#signal?.removeEventListener('abort', this.#onAbort);
  }

  cut(): void {
    this.#controller.abort();
  }

  #end(why: string): void {
    this.reason ??= new GivenUp(why, !this.#sent);
    this.#controller.abort();
  }
}

/** Lets a number of calls through at a time, in the order in which they came. */
class Gate {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(width: number) {
    this.#free = width;
  }

  async through<T>(work: () => Promise<T>, ending: Ending): Promise<T> {
    await this.#enter(ending);
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free += 1;
    }
  }

  async #enter(ending: Ending): Promise<void> {
    if (this.#free > 0) {
      this.#free -= 1;
      return;
    }
    const turn = Promise.withResolvers<void>();
    this.#waiting.push(turn.resolve);
    try {
      await ending.orEarlier(turn.promise);
    } catch (error) {
      const place = this.#waiting.indexOf(turn.resolve);
      if (place >= 0) this.#waiting.splice(place, 1);
      throw error;
    }
  }
}
