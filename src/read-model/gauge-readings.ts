// The read model as the values that metrics show. Walks all streams: asked once per scrape, not per event.

import type { GaugeReadings } from '../ports/gauges.ts';
import type { StreamView } from '../ports/stream-view.ts';
import { MAX_PAGE, type ReadModel } from './read-model.ts';

export function gaugeReadings(readModel: ReadModel, nowMs: number): GaugeReadings {
  const totals = readModel.totals();
  const daemon = readModel.daemon();
  const ageMs = (atMs: number | null, sinceMs = daemon.startedAtMs || nowMs): number =>
    Math.max(0, nowMs - Math.max(atMs ?? 0, sinceMs));
  // A standby looks at no file.
  const lookAgeMs = (atMs: number | null): number =>
    daemon.runningSinceMs === null ? 0 : ageMs(atMs, daemon.runningSinceMs);
  const uploads = countUploads(readModel);
  return {
    streamsByState: totals.byState,
    atRiskBytes: totals.atRiskBytes,
    largestAtRiskBytes: readModel.largestAtRiskBytes(),
    oldestUnsentAgeMs: readModel.oldestUnsentAgeMs(nowMs),
    staleScanAgeMs: lookAgeMs(daemon.lastStaleScanAtMs),
    sweepAgeMs: lookAgeMs(daemon.lastSweepAtMs),
    tickAgeMs: ageMs(daemon.lastTickAtMs),
    openUploads: uploads.open,
    leftUploads: uploads.left,
    partsInFlight: daemon.partsInFlight,
    heldBytes: daemon.heldBytes,
    ready: readModel.readiness().ready,
    standby: daemon.phase === 'standby',
    objectStoreReachable: daemon.objectStoreReachable !== false,
    journalWritable: daemon.journalWritable,
    registryReachable: daemon.registryReachable !== false,
  };
}

function countUploads(readModel: ReadModel): { readonly open: number; readonly left: number } {
  const counts = { open: 0, left: 0 };
  let after: string | null = '';
  while (after !== null) {
    const page = readModel.list({ limit: MAX_PAGE, ...(after === '' ? {} : { after }) });
    for (const view of page.streams) {
      counts.open += Number(hasOpenUpload(view));
      counts.left += view.leftUploads.length;
    }
    after = page.next;
  }
  return counts;
}

/** A proven object's upload is over, though its id stays on record. */
const hasOpenUpload = ({ uploadId, state }: StreamView): boolean =>
  uploadId !== null && !state.startsWith('s3_completed') && state !== 'aborted_no_parts';
