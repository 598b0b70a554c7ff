// The one shape of all effects: wait for the journal where the work cannot be undone, wait for the moment, ask whether the
// stream still lives, act, and report one outcome.
//
// E1. The snapshot that owes the work was offered to the journal in the same turn in which the effect began; one microtask
//     later `settled` covers it.
// E2. An actor that died of an error does not stop what it invoked: so each effect asks before it acts and before it reports.
// E3. An exception in here is a bug: it stops this stream, with everything kept, and touches no other.

import { type CallbackActorLogic, fromCallback } from 'xstate';
import { failureOf, kindOf } from '../machines/failure.ts';
import type { Owed } from '../machines/stream.effects.ts';
import type { StreamEvent } from '../machines/stream.events.ts';
import type { StopSending } from '../machines/stream.setup.ts';
import type { World } from './world.ts';

export interface Run {
  /** Fires when the state was left or the process hurries: stop, report nothing. */
  readonly signal: AbortSignal;
  /** Fires when no new part may begin: the stream asked, or the daemon drains. */
  readonly stopSignal: AbortSignal;
  report(fact: StreamEvent): void;
  now(): number;
}

interface Shape {
  readonly name: string;
  /** True for what cannot be undone: the journal holds the snapshot that owes it before it begins. */
  readonly waitsForJournal: boolean;
  readonly afterBug?: (detail: string, atMs: number) => StreamEvent;
}

/** Nobody asks why; left out, it would be an exception with its stack each time, a twentieth of what an effect costs. */
const OVER = 'over';

type Perform<I> = (input: I, run: Run, world: World) => Promise<StreamEvent>;
export type EffectLogic<I> = CallbackActorLogic<StreamEvent | StopSending, I, StreamEvent>;

export const effect =
  <I extends Owed>(shape: Shape, perform: Perform<I>) =>
  (world: World): EffectLogic<I> =>
    fromCallback(({ input, sendBack, receive, self }) => {
      const left = new AbortController();
      const stop = new AbortController();
      const lives = () => !left.signal.aborted && self._parent?.getSnapshot().status === 'active';
      const report = (fact: StreamEvent) => {
        if (lives()) sendBack(fact);
      };
      receive((message) => {
        if (message.type === 'sending.stop') stop.abort(OVER);
      });
      const takeBack = world.gate.whenClosed(() => stop.abort(OVER));
      const run: Run = { signal: left.signal, stopSignal: stop.signal, report, now: () => world.clock.nowMs() };
      void undertake(shape, perform, input, run, world, lives)
        .then((outcome) => outcome && report(outcome))
        .finally(takeBack);
      return () => {
        left.abort(OVER);
        stop.abort(OVER);
      };
    });

async function undertake<I extends Owed>(
  shape: Shape,
  perform: Perform<I>,
  input: I,
  run: Run,
  world: World,
  lives: () => boolean,
): Promise<StreamEvent | null> {
  try {
    await Promise.resolve(); // E1
    // Who is asked to stop need not wait: it has nothing to send any more.
    await world.clock.waitUntil(input.notBeforeMs, run.stopSignal);
    if (shape.waitsForJournal) await world.writeAhead.settled(input.streamId);
    if (!lives() || world.gate.isClosed) return null;
    return counted(await world.gate.pass(() => perform(input, run, world)), world);
  } catch (error) {
    const detail = error instanceof Error ? `${shape.name}: ${error.message}` : shape.name;
    world.telemetry.error('bug: an effect threw', {
      streamId: input.streamId,
      operation: shape.name,
      detail: error instanceof Error ? (error.stack ?? error.message) : String(error),
    });
    const atMs = run.now();
    return shape.afterBug?.(detail, atMs) ?? { type: 'effect.failed', failure: failureOf('bug', detail), atMs };
  }
}

/** What is tried again by itself. Parts were counted one by one. */
function counted(outcome: StreamEvent, world: World): StreamEvent {
  if (outcome.type !== 'effect.failed' && outcome.type !== 'upload.completion_failed') return outcome;
  const kind = kindOf(outcome.failure);
  if (kind === 'transient' || kind === 'diverged') world.telemetry.count('retries', 1, outcome.failure.code);
  return outcome;
}
