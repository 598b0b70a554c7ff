// The read model as the values that metrics show. Walks all streams: asked once per scrape, not per event.

import type { GaugeReadings } from '../ports/gauges.ts';
import type { ReadModel } from './read-model.ts';

export function gaugeReadings(readModel: ReadModel, nowMs: number): GaugeReadings {
  const totals = readModel.totals();
  const daemon = readModel.daemon();
  const ageMs = (atMs: number | null): number => Math.max(0, nowMs - (atMs ?? (daemon.startedAtMs || nowMs)));
  return {
    streamsByState: totals.byState,
    atRiskBytes: totals.atRiskBytes,
    largestAtRiskBytes: readModel.largestAtRiskBytes(),
    oldestUnsentAgeMs: readModel.oldestUnsentAgeMs(nowMs),
    staleScanAgeMs: ageMs(daemon.lastStaleScanAtMs),
    sweepAgeMs: ageMs(daemon.lastSweepAtMs),
    partsInFlight: daemon.partsInFlight,
    heldBytes: daemon.heldBytes,
    ready: readModel.readiness().ready,
    objectStoreReachable: daemon.objectStoreReachable !== false,
    registryReachable: daemon.registryReachable !== false,
  };
}
