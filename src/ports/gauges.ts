// Values that metrics show as they are at the moment of asking. Taken from the read model; units last.

export interface GaugeReadings {
  /** By the first word of the state. */
  readonly streamsByState: Readonly<Record<string, number>>;
  readonly atRiskBytes: number;
  readonly largestAtRiskBytes: number;
  readonly oldestUnsentAgeMs: number;
  /** Since the last stale scan; before the first one, since the start. */
  readonly staleScanAgeMs: number;
  readonly sweepAgeMs: number;
  readonly partsInFlight: number;
  readonly heldBytes: number;
  readonly ready: boolean;
  /** False only when it was asked and did not answer. */
  readonly objectStoreReachable: boolean;
  /** False only when it is configured and does not answer. */
  readonly registryReachable: boolean;
}
