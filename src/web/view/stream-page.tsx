// One stream, whole: what it is doing now and what that means, its chart, its parts, what happened to it, and what may be done.

import { useEffect } from 'preact/hooks';
import type { ShownStream } from '../../read-model/read-model.ts';
import type { LiveModel } from '../live/live-model.ts';
import { useDetails } from '../live/stream-details.ts';
import { OVERVIEW_HASH } from '../model/route.ts';
import { meaningOf, signOf, toneOf, wordOf } from '../model/state-words.ts';
import { durationWords, pathWords, rateWords, sizeWords } from '../model/words.ts';
import { ActionBar } from './action-bar.tsx';
import { FailureNotice } from './failure-notice.tsx';
import { HistoryList } from './history-list.tsx';
import { onKey } from './keys.ts';
import { PartStrip } from './part-strip.tsx';
import { Statechart } from './statechart.tsx';
import { StreamFacts } from './stream-facts.tsx';
import { Bar } from './stream-row.tsx';

export function StreamPage({ model, id }: { readonly model: LiveModel; readonly id: string }) {
  const view = model.list.one(id);
  const details = useDetails(view);
  useEffect(
    () =>
      onKey((event) => {
        if (event.key !== 'Escape' && event.key !== 'Backspace') return false;
        location.hash = OVERVIEW_HASH;
        return true;
      }),
    [],
  );
  useEffect(() => scrollTo(0, 0), []);
  if (!view) return <Absent isLoaded={model.isLoaded} id={id} />;
  const nowMs = model.nowMs();
  return (
    <article class="stream">
      <StreamHead model={model} view={view} nowMs={nowMs} />
      <FailureNotice view={view} nowMs={nowMs} />
      <section class="panel parts" aria-label="Parts">
        <PartStrip parts={details.parts} fileBytes={view.sizeBytes} isProven={view.state === 's3_completed.done'} />
      </section>
      <Statechart view={view} history={details.history} nowMs={nowMs} />
      <div class="halves">
        <StreamFacts view={view} nowMs={nowMs} />
        <HistoryList entries={details.history} problem={details.problem} />
      </div>
    </article>
  );
}

function StreamHead({
  model,
  view,
  nowMs,
}: {
  readonly model: LiveModel;
  readonly view: ShownStream;
  readonly nowMs: number;
}) {
  const { name, place, whole } = pathWords(view.path, view.folder);
  const rate = model.list.rate(view.id, nowMs);
  const sinceMs = view.unsentSinceMs;
  return (
    <header class="head">
      <a class="back" href={OVERVIEW_HASH} aria-label="Back to all streams">
        ‹ all streams
      </a>
      <h1 title={whole}>
        <bdi class="place">{place}</bdi>
        <bdi>{name}</bdi>
      </h1>
      <p class="now" role="status">
        <span class={`pill tone-${toneOf(view.state)}`}>
          <span aria-hidden="true">{signOf(view.state)}</span> {wordOf(view.state)}
        </span>
        <span class="means">{meaningOf(view.state)}</span>
      </p>
      <ActionBar view={view} />
      <dl class="numbers">
        <Figure
          name="Written"
          value={sizeWords(view.sizeBytes)}
          more={rate.written >= 1 ? rateWords(rate.written) : ''}
        />
        <Figure name="Uploaded" value={sizeWords(view.sentBytes)} more={rate.sent >= 1 ? rateWords(rate.sent) : ''} />
        <Figure
          name="At risk"
          value={view.atRiskBytes > 0 ? sizeWords(view.atRiskBytes) : 'nothing'}
          more={sinceMs === null ? '' : `since ${durationWords(nowMs - sinceMs)}`}
        />
      </dl>
      <Bar view={view} />
    </header>
  );
}

const Figure = ({ name, value, more }: { readonly name: string; readonly value: string; readonly more: string }) => (
  <div>
    <dt>{name}</dt>
    <dd>
      {value} <span class="more">{more}</span>
    </dd>
  </div>
);

function Absent({ isLoaded, id }: { readonly isLoaded: boolean; readonly id: string }) {
  if (!isLoaded) return <p class="quiet waiting">Waiting for the daemon …</p>;
  return (
    <div class="empty">
      <h2>No such stream</h2>
      <p>
        Nothing is known of <code>{id}</code>. It may have been forgotten, or it finished long ago: its receipt lies
        beside its object.
      </p>
      <p>
        <a href={OVERVIEW_HASH}>‹ all streams</a>
      </p>
    </div>
  );
}
