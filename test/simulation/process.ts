// One simulated process: everything that a daemon asks of the world goes through it, so that it can be stopped at any step. A
// dead process hears nothing any more: no timer of its wakes, no answer arrives, and what it still says is not heard.
//
// What it had sent may be executed later all the same: that is for the world outside to decide.

import type { Clock } from '../../src/ports/clock.ts';
import type { VirtualClock } from './virtual-clock.ts';

type State = 'running' | 'paused' | 'dead';

/** `before`: nothing was sent; `after`: the request is on its way, its answer will not be heard. */
export interface Doom {
  readonly inCalls: number;
  readonly when: 'before' | 'after';
}

/** Within one millisecond; a whole verify pass over all files is some hundred. */
const MAX_REQUESTS_AT_ONCE = 5_000;

const never = <T>(): Promise<T> => new Promise<T>(() => {});

export class SimulatedProcess {
  readonly name: string;
  readonly clock: Clock;
  readonly #world: VirtualClock;
  readonly #timers = new Set<() => void>();
  readonly #onDeath: (() => void)[] = [];
  #state: State = 'running';
  #missed: (() => void)[] = [];
  #momentMs = 0;
  #requestsNow = 0;
  isRunningWild = false;
  #doom: { callsLeft: number; readonly when: Doom['when'] } | null = null;

  /** `wallAheadMs`: of its wall clock before the world's. */
  constructor(name: string, world: VirtualClock, wallAheadMs = 0) {
    this.name = name;
    this.#world = world;
    this.clock = {
      nowMs: () => world.nowMs + wallAheadMs,
      waitUntil: (epochMs, signal) => this.#waitUntil(epochMs - wallAheadMs, signal),
    };
  }

  get isAlive(): boolean {
    return this.#state !== 'dead';
  }

  get isPaused(): boolean {
    return this.#state === 'paused';
  }

  /** Timers that wait: a daemon at rest has few. */
  get waiting(): number {
    return this.#timers.size;
  }

  die(): void {
    if (this.#state === 'dead') return;
    this.#state = 'dead';
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
    this.#missed = [];
    for (const tell of this.#onDeath.splice(0)) tell();
  }

  onDeath(tell: () => void): void {
    this.#onDeath.push(tell);
  }

  /** SIGKILL at the n-th request from now. */
  doom({ inCalls, when }: Doom): void {
    this.#doom = { callsLeft: inCalls, when };
  }

  forgive(): void {
    this.#doom = null;
  }

  /** SIGSTOP: answers and timers are heard after SIGCONT, in their order. */
  pause(): void {
    if (this.#state === 'running') this.#state = 'paused';
  }

  resume(): void {
    if (this.#state !== 'paused') return;
    this.#state = 'running';
    for (const work of this.#missed.splice(0)) this.deliver(work);
  }

  /** What reaches the process: now, after its pause, or never. */
  deliver(work: () => void): void {
    if (this.#state === 'running') work();
    else if (this.#state === 'paused') this.#missed.push(work);
  }

  /** A request: `send` begins it, and calls `reply` whenever the answer arrives. */
  ask<T>(send: (reply: (answer: T) => void) => void): Promise<T> {
    if (this.#state === 'dead') return never();
    this.#noteRequest();
    const doom = this.#doom;
    const dies = doom !== null && --doom.callsLeft <= 0;
    if (dies && doom.when === 'before') {
      this.die();
      return never();
    }
    const answer = new Promise<T>((resolve) => {
      send((value) => this.deliver(() => resolve(value)));
    });
    if (dies) this.die();
    return answer;
  }

  /** A timer of the process itself: it dies with it. */
  after(ms: number, work: () => void): void {
    if (this.#state === 'dead') return;
    const cancel = this.#world.after(ms, () => {
      this.#timers.delete(cancel);
      this.deliver(work);
    });
    this.#timers.add(cancel);
  }

  /** A daemon that asks without end while no time passes would keep the simulation for ever: it is stopped as broken. */
  #noteRequest(): void {
    if (this.#world.nowMs !== this.#momentMs) this.#requestsNow = 0;
    this.#momentMs = this.#world.nowMs;
    this.#requestsNow += 1;
    if (this.#requestsNow <= MAX_REQUESTS_AT_ONCE) return;
    this.isRunningWild = true;
    this.die();
  }

  #waitUntil(epochMs: number, signal: AbortSignal): Promise<void> {
    if (this.#state === 'dead') return never();
    if (signal.aborted || !(epochMs > this.#world.nowMs)) return Promise.resolve();
    return new Promise((resolve) => {
      const end = (): void => {
        cancel();
        this.#timers.delete(cancel);
        signal.removeEventListener('abort', end);
        resolve();
      };
      const cancel = this.#world.at(epochMs, () => this.deliver(end));
      this.#timers.add(cancel);
      signal.addEventListener('abort', end);
    });
  }
}
