// Who writes: whether any process holds a file open for writing, or has a shared writable mapping of it.

import type { FileRef } from '../machines/file-identity.ts';
import type { StreamId } from '../machines/ids.ts';
import type { Outcome } from './outcome.ts';

/** `unknown`: not being allowed to look into some process is never "none". */
export type WriterPresence = 'open' | 'none' | 'unknown';

export interface WriterCheck {
  /** One look for all the files given. Our own descriptors (read-only) do not count. */
  look(files: readonly FileRef[]): Promise<Outcome<ReadonlyMap<StreamId, WriterPresence>>>;
}
