// What becomes of a source file after its object was proven: the only port that changes anything in a watched folder, used by one effect
// and only where the user asked for it (AFTER_COMPLETE).
//
// Nothing is ever put over another file. Between the steps the file lies aside: in its folder, under a name that is excluded from
// watching and that tells its own.

import type { FileRef } from '../machines/file-identity.ts';
import type { Outcome } from './outcome.ts';

export type SourcePlace = 'in_place' | 'aside' | 'gone';

export interface SourceDisposal {
  /** Where the stream's own file is, by identity. `gone`: neither name leads to it. */
  find(file: FileRef): Promise<Outcome<SourcePlace>>;
  /** The file with the path that it has aside. */
  aside(file: FileRef): FileRef;
  /** Gives it its aside name. `source_gone` when another file was in its place: that one is put back. */
  setAside(file: FileRef): Promise<Outcome<null>>;
  /** From aside to its own name, or to the next free one (`name~2.ext`) where another file has that by now. Resolves to the path. */
  putBack(file: FileRef): Promise<Outcome<string>>;
  /** Removes it, from aside. */
  remove(file: FileRef): Promise<Outcome<null>>;
  /** From aside to its place below `target`, which is made when missing; never over another file. Resolves to the path. */
  move(file: FileRef, target: string): Promise<Outcome<string>>;
}
