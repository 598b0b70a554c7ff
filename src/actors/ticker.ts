// ticker: the passing of time, as an event. Owed by `running` and, to show that it lives, by `standby`.

import { fromCallback } from 'xstate';
import type { SupervisorEvent } from '../machines/supervisor.machine.ts';
import type { World } from './world.ts';

/** Growth is noticed within a second, a writer's close within two. */
const TICK_MS = 1000;

export const tickerLogic = (world: World) =>
  fromCallback<SupervisorEvent, Record<string, never>, SupervisorEvent>(({ sendBack }) => {
    const stop = new AbortController();
    void (async () => {
      while (!stop.signal.aborted) {
        sendBack({ type: 'tick', atMs: world.clock.nowMs() });
        const dueMs = world.clock.nowMs() + TICK_MS;
        await world.clock.waitUntil(dueMs, stop.signal);
        if (!stop.signal.aborted) world.telemetry.observe('tick_delay', Math.max(0, world.clock.nowMs() - dueMs));
      }
    })();
    return () => stop.abort();
  });
