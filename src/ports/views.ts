// Where the actors tell what can be seen: the read model takes it, status, API and metrics show it. Telling never fails, never
// waits, and nothing is decided from it.

import type { StreamId } from '../machines/ids.ts';
import type { StreamView } from './stream-view.ts';

export interface DaemonView {
  readonly phase: 'booting' | 'standby' | 'running' | 'draining' | 'stopped';
  /** Why the daemon does not do its work right now, one line each; empty while it watches and carries. */
  readonly reasons: readonly string[];
  readonly instance: string;
  /** Watched, absolute. */
  readonly folders: readonly string[];
  readonly startedAtMs: number;
  /** Since when it watches and carries: a standby's daemon may have started long before. null: it does not. */
  readonly runningSinceMs: number | null;
  /** null: not asked yet. */
  readonly objectStoreReachable: boolean | null;
  /** null: not configured. */
  readonly registryReachable: boolean | null;
  readonly journalWritable: boolean;
  /** What does not answer, with its cure, one sentence each: derived by who shows it. Uploading goes on as far as it can. */
  readonly troubles: readonly string[];
  /** When the supervisor last had a tick. */
  readonly lastTickAtMs: number | null;
  readonly lastStaleScanAtMs: number | null;
  readonly lastSweepAtMs: number | null;
  readonly partsInFlight: number;
  /** Bytes of deleted files that only our descriptors keep. */
  readonly heldBytes: number;
}

export interface Views {
  /** The stream's newest view; replaces the one before. */
  streamChanged(view: StreamView): void;
  /** The operator dropped it: it is gone from sight at once. */
  streamForgotten(id: StreamId): void;
  /** What changed of the daemon. */
  daemonChanged(change: Partial<DaemonView>): void;
}
