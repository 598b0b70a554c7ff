// The folders: what appears in them. Events are hints that get lost without a sign (a full kernel queue); `sweep` is what
// makes it correct. Paths are absolute; bytes that are no UTF-8 are kept as lone surrogates U+DC80 to U+DCFF.

import type { FileStat } from '../machines/file-identity.ts';
import type { Outcome } from './outcome.ts';

export interface WatchOptions {
  readonly folders: readonly string[];
  readonly include: readonly string[];
  readonly exclude: readonly string[];
}

export interface PathHint {
  readonly folder: string;
  readonly path: string;
}

export interface SweptPath extends PathHint {
  /** What was there when the sweep came by: older than what others may know by now. Absent: whoever wants to know looks himself. */
  readonly stat?: FileStat;
}

export type SweepFinding = SweptPath | { readonly unreadable: string; readonly detail: string };

export interface Watcher {
  /** Begins to watch; resolves once everything that appears from now on gives a hint. Hints of files that existed before are allowed. */
  start(listener: {
    readonly appeared: (hint: PathHint) => void;
    readonly failed: (detail: string) => void;
  }): Promise<Outcome<null>>;
  /** Every path in the folders that the globs allow, regular files only. Folders that cannot be read are reported, not thrown. */
  sweep(signal: AbortSignal): AsyncIterable<SweepFinding>;
  close(): Promise<void>;
}
