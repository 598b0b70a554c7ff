// The head of the instrument: what is at risk now, how old it is, and the trace of what is written and what arrives.

import type { ShownStream } from '../../read-model/read-model.ts';
import type { LiveModel } from '../live/live-model.ts';
import { hashOfStream } from '../model/route.ts';
import { durationWords, pathWords, plural, rateWords, sizeWords } from '../model/words.ts';
import { ThroughputTrace } from './throughput-trace.tsx';

export function TotalsPanel({ model }: { readonly model: LiveModel }) {
  const nowMs = model.nowMs();
  const { written, sent } = model.throughput.present(nowMs);
  const atRisk = model.totals?.atRiskBytes ?? 0;
  const longest = model.list.longestUnsent();
  const inFlight = model.daemon?.partsInFlight ?? 0;
  return (
    <section class="totals" aria-label="Totals">
      <dl class="figures">
        <Figure name="At risk" value={sizeWords(atRisk)} tone={atRisk > 0 ? 'wait' : 'good'}>
          {inFlight > 0
            ? `${plural(inFlight, 'part')} in flight`
            : atRisk > 0
              ? 'not in S3 yet'
              : 'everything is in S3'}
        </Figure>
        <Figure
          name="Oldest unsent byte"
          value={longest ? durationWords(nowMs - (longest.unsentSinceMs ?? nowMs)) : '–'}
        >
          {longest ? <NameLink view={longest} /> : 'all bytes are sent'}
        </Figure>
        <Figure name="Written" value={rateWords(written)} tone="ink" sign="trace-written">
          {sizeWords(model.totals?.sizeBytes ?? 0)} in {plural(model.totals?.streams ?? 0, 'file')}
        </Figure>
        <Figure name="Uploaded" value={rateWords(sent)} tone="flow" sign="trace-sent">
          {sizeWords(model.totals?.sentBytes ?? 0)} in S3
        </Figure>
      </dl>
      <ThroughputTrace model={model} />
    </section>
  );
}

function NameLink({ view: { id, path, folder } }: { readonly view: ShownStream }) {
  const { name, whole } = pathWords(path, folder);
  return (
    <a href={hashOfStream(id)} title={whole}>
      <bdi>{name}</bdi>
    </a>
  );
}

interface FigureProps {
  readonly name: string;
  readonly value: string;
  readonly tone?: string;
  /** The line of the trace that it belongs to. */
  readonly sign?: string;
  readonly children?: preact.ComponentChildren;
}

function Figure({ name, value, tone = 'ink', sign, children }: FigureProps) {
  return (
    <div class="figure">
      <dt>
        {sign !== undefined && <i class={sign} aria-hidden="true" />}
        {name}
      </dt>
      <dd class={`tone-${tone}`}>{value}</dd>
      <dd class="under">{children}</dd>
    </div>
  );
}
