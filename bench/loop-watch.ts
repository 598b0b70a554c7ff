// Loaded into the daemon by --import: how long its main thread does not come back to its event loop. Written to LOOP_REPORT at exit.
//
// A timer that is late was held up by our own work or by other programs; our own is bounded by the CPU time that the thread
// used meanwhile. So each gap counts as the smaller of the two, and a busy machine adds little.

import { writeFileSync } from 'node:fs';

const TICK_MS = 2;

export interface LoopReport {
  readonly longestMs: number;
  readonly over20Ms: number;
  readonly longestGapMs: number;
}

let longestMs = 0;
let over20Ms = 0;
let longestGapMs = 0;
let lastMs = performance.now();
let lastCpu = process.threadCpuUsage();
let watching = false;

setInterval(() => {
  const nowMs = performance.now();
  const cpu = process.threadCpuUsage();
  const gapMs = nowMs - lastMs - TICK_MS;
  const usedMs = (cpu.user + cpu.system - lastCpu.user - lastCpu.system) / 1000;
  [lastMs, lastCpu] = [nowMs, cpu];
  if (!watching) return;
  const heldMs = Math.min(gapMs, usedMs);
  longestMs = Math.max(longestMs, heldMs);
  longestGapMs = Math.max(longestGapMs, gapMs);
  if (heldMs > 20) over20Ms += 1;
}, TICK_MS).unref();

// Loading the modules is not what is measured: the benchmark says when it begins and ends.
process.on('SIGUSR2', () => {
  watching = !watching;
  if (watching) return;
  const report: LoopReport = { longestMs, over20Ms, longestGapMs };
  writeFileSync(process.env['LOOP_REPORT'] ?? '/dev/null', JSON.stringify(report));
});
