// One stream machine for all simulated daemons: made anew for each, it would be a tenth of a run. What its states owe is done by the
// effects of the daemon in whose actor system they are invoked.

import { type ActorSystem, type ActorSystemInfo, fromCallback } from 'xstate';
import { effectsOf } from '../../src/actors/supervise.ts';
import type { World } from '../../src/actors/world.ts';
import { type StreamMachine, streamMachine } from '../../src/machines/stream.machine.ts';

export type Effects = ReturnType<typeof effectsOf>;
type System = ActorSystem<ActorSystemInfo>;

/** What a planted bug may swap in a stream. */
export interface StreamSwaps {
  readonly effects?: (world: World) => Partial<Effects>;
  /** Its guards and actions. */
  readonly chart?: (machine: StreamMachine) => StreamMachine;
}

const effectsIn = new WeakMap<System, Effects>();
const machines = new Map<StreamSwaps['chart'], StreamMachine>();

/** Before the system starts. */
export const installEffects = (system: System, world: World, { effects }: StreamSwaps): void =>
  void effectsIn.set(system, { ...effectsOf(world), ...effects?.(world) });

export function sharedStream({ chart }: StreamSwaps): StreamMachine {
  const known = machines.get(chart);
  if (known) return known;
  const names = Object.keys(streamMachine.implementations.actors) as (keyof Effects)[];
  const actors = Object.fromEntries(names.map((name) => [name, delegating(name)])) as unknown as Effects;
  const machine = streamMachine.provide({ actors });
  const made = chart?.(machine) ?? machine;
  machines.set(chart, made);
  return made;
}

const delegating = (name: keyof Effects) =>
  fromCallback((args) => {
    const logic = effectsIn.get(args.system as System)?.[name] as unknown as { config(args: unknown): () => void };
    return logic.config(args);
  });
