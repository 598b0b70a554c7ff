// What of the daemon's surroundings does not answer, as sentences that name the cure. Nothing stops for them, so `reasons` is silent.

import { failureRow } from '../machines/failure.ts';
import type { DaemonView } from '../ports/views.ts';

/** An S3 that refused at the start is among the `reasons`, with its own words. */
export function troublesOf(daemon: Omit<DaemonView, 'troubles'>): readonly string[] {
  const { journalWritable, registryReachable, objectStoreReachable, reasons } = daemon;
  return [
    ...(journalWritable ? [] : [failureRow('journal_unavailable').hint]),
    ...(registryReachable === false ? [failureRow('registry_unavailable').hint] : []),
    ...(objectStoreReachable === false && reasons.length === 0 ? [failureRow('s3_unavailable').hint] : []),
  ];
}
