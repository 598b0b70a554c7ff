// drain: nothing new begins, what runs may end by itself within the grace time, and everything that was decided reaches the
// journal. Owed by `draining`. Whatever is cut off is owed again after the next start.

import { fromCallback } from 'xstate';
import type { SupervisorEvent } from '../machines/supervisor.machine.ts';
import type { RegistryMirror } from './registry-mirror.ts';
import type { World } from './world.ts';

/** The journal answers within milliseconds or not at all; the end must not hang on it. */
const JOURNAL_GRACE_MS = 2000;

export const drainLogic = (world: World, mirror: RegistryMirror | null) =>
  fromCallback<SupervisorEvent, Record<string, never>, SupervisorEvent>(({ sendBack }) => {
    const stop = new AbortController();
    void (async () => {
      const untilMs = world.clock.nowMs() + world.options.shutdownGraceMs;
      world.gate.close();
      await Promise.race([world.gate.idle(), world.clock.waitUntil(untilMs, stop.signal)]);
      await Promise.race([
        world.writeAhead.drain(),
        world.clock.waitUntil(world.clock.nowMs() + JOURNAL_GRACE_MS, stop.signal),
      ]);
      const lastMs = Math.max(untilMs, world.clock.nowMs());
      await Promise.all([mirror?.drain(lastMs), world.notices.drain(lastMs)]);
      sendBack({ type: 'drain.finished', atMs: world.clock.nowMs() });
    })();
    return () => stop.abort();
  });
