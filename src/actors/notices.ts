// Notices on their way to webhook and command: of every stream that is completed or fails. No stream ever waits for one.
//
// N1. A notice is tried until it is delivered, for NOTICE_KEPT_MS, while this process lives; so it may come twice, not never. Those
//     that a crash or the end of the grace time cuts off are not told later: `streams:events` and the receipts remember.
// N2. One at a time per notifier, in order; one that fails goes to the end, and the next waits longer and longer, so that neither a
//     dead receiver nor one bad notice holds up the others for long.
// N3. At most MAX_WAITING wait; beyond that the oldest is dropped. All of it is counted, and told once when it begins and ends.
// N4. A failure that comes again at each look (a stream that waits for a cure) is told once.

import type { StreamId } from '../machines/ids.ts';
import type { StreamContext } from '../machines/stream.context.ts';
import { isFinal } from '../machines/stream-status.ts';
import type { Clock } from '../ports/clock.ts';
import type { Notice, Notifier } from '../ports/notifier.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import { noticeOf } from './notice-of.ts';

/** 1 MB of notices: a night of recordings. */
const MAX_WAITING = 1_000;
/** A receiver that is down over night gets them in the morning; what was not taken for a day is of no use to anybody. */
const NOTICE_KEPT_MS = 86_400_000;
const FIRST_RETRY_MS = 1_000;
/** A receiver that is back is noticed within this time. */
const MAX_RETRY_MS = 300_000;

export interface NoticesOptions {
  readonly notifiers: readonly Notifier[];
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

export class Notices {
  readonly #clock: Clock;
  readonly #telemetry: Telemetry;
  readonly #queues: readonly NoticeQueue[];
  /** N4: of streams that are not final. */
  readonly #lastFailure = new Map<StreamId, string>();

  constructor(options: NoticesOptions) {
    this.#clock = options.clock;
    this.#telemetry = options.telemetry;
    this.#queues = options.notifiers.map((notifier) => new NoticeQueue(notifier, options));
  }

  /** The stream came to this state. */
  changed(state: string, context: StreamContext): void {
    if (this.#queues.length === 0) return;
    const { streamId } = context;
    const notice = noticeOf(state, context, this.#clock.nowMs());
    if (isFinal(state)) this.#lastFailure.delete(streamId);
    if (!notice) return;
    if (notice.failure) {
      const what = `${notice.generation} ${notice.status} ${notice.failure.code}`;
      if (this.#lastFailure.get(streamId) === what) return;
      this.#lastFailure.set(streamId, what);
    }
    for (const queue of this.#queues) queue.offer(notice);
  }

  /** Each that waits is tried once more, at once; resolves when that is done, at the latest at the moment. */
  async drain(untilMs: number): Promise<void> {
    const left = await Promise.all(this.#queues.map((queue) => queue.drain(untilMs)));
    const count = left.reduce((sum, each) => sum + each, 0);
    if (count > 0)
      this.#telemetry.error('notices were not delivered before the end and will not be; receipts and Redis tell', {
        count,
      });
  }

  stop(): void {
    for (const queue of this.#queues) queue.stop();
  }
}

interface Waiting {
  readonly notice: Notice;
  readonly sinceMs: number;
}

class NoticeQueue {
  readonly #notifier: Notifier;
  readonly #clock: Clock;
  readonly #telemetry: Telemetry;
  #waiting: Waiting[] = [];
  #sending: Promise<void> | null = null;
  /** In a row. */
  #failures = 0;
  #isDropping = false;
  #isDraining = false;
  /** Tried in vain since the drain began, or being tried now. */
  #left = 0;
  readonly #stopped = new AbortController();
  /** Ends the present wait. */
  readonly #awake = new AbortController();

  constructor(notifier: Notifier, { clock, telemetry }: NoticesOptions) {
    this.#notifier = notifier;
    this.#clock = clock;
    this.#telemetry = telemetry;
  }

  offer(notice: Notice): void {
    this.#put({ notice, sinceMs: this.#clock.nowMs() });
    this.#sending ??= this.#send().finally(() => {
      this.#sending = null;
    });
  }

  /** Answers how many were not delivered. */
  async drain(untilMs: number): Promise<number> {
    this.#isDraining = true;
    this.#awake.abort();
    if (this.#sending) await Promise.race([this.#sending, this.#clock.waitUntil(untilMs, this.#stopped.signal)]);
    return this.#waiting.length + this.#left;
  }

  stop(): void {
    this.#stopped.abort();
    this.#awake.abort();
  }

  async #send(): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      const next = this.#waiting.shift();
      if (!next) return;
      this.#left += 1;
      const detail = await this.#attempt(next.notice);
      if (this.#stopped.signal.aborted) return;
      if (detail === null) {
        this.#left -= 1;
        this.#noteDelivered();
      } else if (!this.#isDraining) {
        this.#left -= 1;
        this.#noteFailed(detail);
        this.#again(next);
        const delayMs = Math.min(FIRST_RETRY_MS * 2 ** (this.#failures - 1), MAX_RETRY_MS);
        await this.#clock.waitUntil(this.#clock.nowMs() + delayMs, this.#awake.signal);
      }
    }
  }

  /** null: delivered; else why not. */
  async #attempt(notice: Notice): Promise<string | null> {
    try {
      const delivery = await this.#notifier.notify(notice, this.#stopped.signal);
      return delivery.delivered ? null : delivery.detail;
    } catch (error) {
      return `bug: ${error instanceof Error ? error.message : String(error)}`;
    }
  }

  #again(failed: Waiting): void {
    if (this.#clock.nowMs() - failed.sinceMs < NOTICE_KEPT_MS) {
      // What waits is newer.
      if (this.#waiting.length < MAX_WAITING) this.#waiting.push(failed);
      else this.#noteDropped();
      return;
    }
    this.#count('given_up');
    const { stream_id: streamId, status, path } = failed.notice;
    this.#telemetry.error(`the ${this.#notifier.name} did not take a notice for a day: it is given up`, {
      ...{ streamId, status, path },
    });
  }

  #put(one: Waiting): void {
    this.#waiting.push(one);
    if (this.#waiting.length <= MAX_WAITING) return;
    this.#waiting.shift();
    this.#noteDropped();
  }

  #noteDropped(): void {
    this.#count('dropped');
    if (this.#isDropping) return;
    this.#isDropping = true;
    this.#telemetry.error(`too many notices wait for the ${this.#notifier.name}: the oldest are dropped`, {
      ...{ limit: MAX_WAITING, cure: this.#notifier.cure },
    });
  }

  #noteDelivered(): void {
    this.#count('delivered');
    if (this.#failures > 0) this.#telemetry.info(`the ${this.#notifier.name} takes notices again`);
    this.#failures = 0;
    this.#isDropping = false;
  }

  #noteFailed(detail: string): void {
    this.#count('failed');
    this.#failures += 1;
    if (this.#failures > 1) return;
    const { name, cure } = this.#notifier;
    this.#telemetry.warn(`the ${name} did not take a notice; it is tried again`, { detail, cure });
  }

  #count(outcome: 'delivered' | 'failed' | 'given_up' | 'dropped'): void {
    this.#telemetry.count('notices', 1, `${this.#notifier.name}_${outcome}`);
  }
}
