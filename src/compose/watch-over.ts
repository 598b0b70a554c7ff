// What others learn of the supervisor's own life: the read model when it last had a tick, systemd that it is ready, alive
// (with its ticks alone: a stalled actor system has none, and is restarted), and that it drains.

import type { Supervisor } from '../actors/supervise.ts';
import { createSystemdNotify } from '../adapters/systemd-notify.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import type { ReadModel } from '../read-model/read-model.ts';

const MIB = 2 ** 20;

/** Before the supervisor starts. */
export function watchOver(
  supervisor: Supervisor,
  readModel: ReadModel,
  telemetry: Pick<Telemetry, 'warn'>,
  env: Readonly<Record<string, string | undefined>> = process.env,
): void {
  const systemd = createSystemdNotify({
    env,
    pid: process.pid,
    status: () => statusLine(readModel),
    failed: (detail) => telemetry.warn('systemd cannot be told that tailrace lives, and may restart it', { detail }),
  });
  let tickedAtMs = 0;
  let phase = '';
  supervisor.subscribe({
    next({ value, context }) {
      if (value !== phase && (value === 'running' || value === 'standby')) systemd?.ready();
      if (value !== phase && value === 'draining') systemd?.stopping();
      if (value !== phase) readModel.daemonChanged({ runningSinceMs: value === 'running' ? Date.now() : null });
      phase = value;
      if (context.tickedAtMs === tickedAtMs) return;
      tickedAtMs = context.tickedAtMs;
      readModel.daemonChanged({ lastTickAtMs: tickedAtMs });
      systemd?.alive();
    },
    // Whoever runs the supervisor tells of it, and ends.
    error() {},
  });
}

/** For `systemctl status`. */
function statusLine(readModel: ReadModel): string {
  const { byState, atRiskBytes } = readModel.totals();
  const { failed = 0, s3_completed: done = 0, aborted_no_parts: empty = 0, ...others } = byState;
  const live = Object.values(others).reduce((sum, count) => sum + count, 0);
  const { reasons } = readModel.daemon();
  return [
    `${live} streams on their way, ${Math.ceil(atRiskBytes / MIB)} MiB at risk, ${failed} failed, ${done + empty} done`,
    ...reasons,
  ].join('; ');
}
