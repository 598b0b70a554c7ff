// Values that metrics show as they are at the moment of asking. Taken from the read model; units last.

export interface GaugeReadings {
  /** By the first word of the state. */
  readonly streamsByState: Readonly<Record<string, number>>;
  readonly atRiskBytes: number;
  readonly largestAtRiskBytes: number;
  readonly oldestUnsentAgeMs: number;
  /** Since the last stale scan, or since it runs; 0 while it does not. */
  readonly staleScanAgeMs: number;
  readonly sweepAgeMs: number;
  /** Since the supervisor last had a tick; before the first one, since the start. */
  readonly tickAgeMs: number;
  /** Uploads that streams carry on now. */
  readonly openUploads: number;
  /** Unfinished uploads that no stream carries on, listed until a person or `gc` ends them. */
  readonly leftUploads: number;
  readonly partsInFlight: number;
  readonly heldBytes: number;
  readonly ready: boolean;
  /** Waits for the lease of another daemon, which carries. */
  readonly standby: boolean;
  /** False only when it was asked and did not answer. */
  readonly objectStoreReachable: boolean;
  readonly journalWritable: boolean;
  /** False only when it is configured and does not answer. */
  readonly registryReachable: boolean;
}
