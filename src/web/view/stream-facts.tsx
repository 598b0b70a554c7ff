// What is known of the stream, as a list to look things up in and to copy from.

import type { ShownStream } from '../../read-model/read-model.ts';
import { durationWords, momentWords, plural, shown, sizeWords } from '../model/words.ts';

const WRITER: Readonly<Record<ShownStream['writer'], string>> = {
  open: 'a program holds the file open for writing',
  none: 'no program holds the file open for writing',
  unknown: 'it cannot be seen whether a program holds the file open',
  unasked: 'nobody looked yet',
};

const REASONS: Readonly<Record<NonNullable<ShownStream['finalizeReason']>, string>> = {
  writer_closed: 'the writer closed the file',
  idle: 'nothing was written for the idle time',
  idle_writer_unknown: 'nothing was written for the longer idle time (the writer cannot be seen)',
  operator: 'a person asked for it',
};

const LEFT: Readonly<Record<ShownStream['leftUploads'][number]['why'], string>> = {
  truncated: 'the file was cut off',
  foreign_object: "somebody else's object holds its key",
  excess_parts: 'it holds parts beyond the end of the file',
  unmatched: 'the file holds none of its parts any more',
  rolled_over: 'a newer upload took its place before the provider would have ended it',
};

export function StreamFacts({ view, nowMs }: { readonly view: ShownStream; readonly nowMs: number }) {
  const { completion } = view;
  return (
    <section class="panel facts" aria-label="Facts">
      <h2>Facts</h2>
      <dl>
        <Fact name="File" value={view.path} />
        <Fact name="Writer" value={WRITER[view.writer]} />
        <Fact name="Last byte" value={`${durationWords(nowMs - view.lastActivityMs)} ago`} />
        <Fact name="Seen since" value={momentWords(view.startedAtMs)} />
        {view.notBeforeMs > nowMs && (
          <Fact name="Tried again" value={`in ${durationWords(view.notBeforeMs - nowMs + 999)}`} />
        )}
        {view.finalizeReason !== null && <Fact name="Finalized because" value={REASONS[view.finalizeReason]} />}
        <Fact name="Bucket" value={view.bucket} />
        <Fact name="Key" value={view.key} />
        <Fact name="Upload" value={view.uploadId} />
        <Fact name="Generation" value={String(view.generation)} />
        {completion && (
          <>
            <Fact
              name="Object"
              value={`${sizeWords(completion.sizeBytes)}, proven ${momentWords(completion.completedAtMs)}`}
            />
            <Fact name="ETag" value={completion.etag} />
            <Fact name="CRC32" value={completion.crc32} />
            <Fact name="Proven by" value={completion.provenBy.join(', ')} />
          </>
        )}
        <Fact name="Stream" value={view.id} />
        {view.leftUploads.map((left) => (
          <Fact
            key={left.uploadId}
            name="Left in S3"
            value={`${plural(left.parts, 'part')} of upload ${left.uploadId} for ${left.target.key}: ${LEFT[left.why] ?? left.why}`}
          />
        ))}
      </dl>
    </section>
  );
}

const Fact = ({ name, value }: { readonly name: string; readonly value: string | null }) => (
  <div>
    <dt>{name}</dt>
    <dd>{value === null ? <span class="quiet">none yet</span> : <bdi>{shown(value)}</bdi>}</dd>
  </div>
);
