// What went wrong, what cures it, who can, and when it is tried again: in this order, in plain words.

import type { ShownStream } from '../../read-model/read-model.ts';
import { topOf } from '../model/state-words.ts';
import { durationWords, shown } from '../model/words.ts';

const CURED_BY: Readonly<Record<string, string>> = {
  'nobody needed': 'Nobody has to do anything.',
  operator: 'Whoever runs this daemon can cure it.',
  'bucket owner': 'Whoever owns the bucket can cure it.',
  'file owner': 'Whoever owns the file can cure it.',
  developers: 'The developers of tailrace have to cure it.',
};

export function FailureNotice({ view, nowMs }: { readonly view: ShownStream; readonly nowMs: number }) {
  const { failure } = view;
  const waitMs = view.notBeforeMs - nowMs;
  if (!failure) return waitMs > 0 && view.attempt > 0 ? <Waiting attempt={view.attempt} waitMs={waitMs} /> : null;
  return (
    <section class={`notice ${topOf(view.state) === 'failed' ? 'notice-bad' : 'notice-wait'}`} aria-label="Failure">
      <p class="cure">
        <strong>{shown(failure.hint)}</strong>
      </p>
      <p>
        {CURED_BY[failure.cure] ?? shown(failure.cure)} <Next view={view} waitMs={waitMs} />
      </p>
      <p class="quiet">
        <code>{failure.code}</code> {shown(failure.detail)}
      </p>
    </section>
  );
}

function Next({ view, waitMs }: { readonly view: ShownStream; readonly waitMs: number }) {
  if (view.state === 'failed.ended') return <>It is not tried again by itself.</>;
  if (waitMs > 0) return <>It tries again in {durationWords(waitMs + 999)}.</>;
  return <>It goes on by itself as soon as the cause is gone.</>;
}

const Waiting = ({ attempt, waitMs }: { readonly attempt: number; readonly waitMs: number }) => (
  <p class="notice notice-wait" role="status">
    Try {attempt} came to nothing. It tries again in {durationWords(waitMs + 999)}.
  </p>
);
