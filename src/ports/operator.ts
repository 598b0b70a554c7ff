// What a person may ask and wish of one stream, through the API or the command line. Asking changes nothing; wishes are refused
// where the state would not hear them, with the reason.

import type { StreamId } from '../machines/ids.ts';
import type { LeftUpload } from '../machines/stream-record.ts';
import type { Outcome } from './outcome.ts';
import type { HistoryEntry, PartsView } from './stream-view.ts';

export type Wish = 'finalize' | 'retry' | 'abort';
export const WISHES: readonly Wish[] = ['finalize', 'retry', 'abort'];

/** `refused`: by the stream's state. `unavailable`: not now, whatever the stream's state. One sentence for people. */
export interface Refusal {
  readonly why: 'refused' | 'unavailable';
  readonly reason: string;
}

export type Wished = { readonly accepted: true } | ({ readonly accepted: false } & Refusal);

export type Forgotten =
  /** Uploads that still hold parts in S3: nobody here knows them any more. */
  | { readonly accepted: true; readonly leftUploads: readonly Pick<LeftUpload, 'target' | 'uploadId' | 'parts'>[] }
  | ({ readonly accepted: false } & Refusal);

export interface Operator {
  /** Of the present generation, ascending; none of a stream that needs nothing more: its receipt has them. */
  parts(id: StreamId): Promise<Outcome<PartsView>>;
  /** Oldest first; empty for a stream of which nothing happened since this start. */
  history(id: StreamId): readonly HistoryEntry[];
  /** Gives the wish to the stream; what becomes of it is seen in its state. */
  wish(id: StreamId, wish: Wish): Wished;
  /** Drops a stream that is final or failed from the journal, the registry and the views. Never touches S3 or the file. */
  forget(id: StreamId): Promise<Forgotten>;
}
