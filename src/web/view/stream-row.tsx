// One stream as a row: how it is, what it is, how far it is, and what of it could still be lost.

import type { ShownStream } from '../../read-model/read-model.ts';
import type { Rate } from '../model/rates.ts';
import { hashOfStream } from '../model/route.ts';
import { rowWordOf, signOf, toneOf } from '../model/state-words.ts';
import { durationWords, pathWords, rateWords, shortened, shown, sizeWords } from '../model/words.ts';

const NAME_CHARS = 72;

interface RowProps {
  readonly view: ShownStream;
  readonly rate: Rate;
  readonly nowMs: number;
  readonly index: number;
  readonly topPx: number;
  readonly isTabStop: boolean;
  readonly onSelect: (id: string) => void;
}

export function StreamRow({ view, rate, nowMs, index, topPx, isTabStop, onSelect }: RowProps) {
  const { name, place, whole } = pathWords(view.path, view.folder);
  const tone = toneOf(view.state);
  const sinceMs = view.unsentSinceMs;
  return (
    <tr class="row" aria-rowindex={index + 2} style={{ transform: `translateY(${topPx}px)` }} data-state={view.state}>
      <td class={`state tone-${tone}`}>
        <span class="sign" aria-hidden="true">
          {signOf(view.state)}
        </span>
        {rowWordOf(view.state)}
      </td>
      <td class="file">
        <a
          href={hashOfStream(view.id)}
          data-id={view.id}
          title={whole}
          tabIndex={isTabStop ? 0 : -1}
          onFocus={() => onSelect(view.id)}
        >
          <bdi>{shortened(name, NAME_CHARS)}</bdi>
        </a>
        {view.failure ? (
          <span class="second tone-bad" title={shown(`${view.failure.detail} ${view.failure.hint}`)}>
            {shown(view.failure.hint)}
          </span>
        ) : (
          <span class="second" title={whole}>
            <bdi>{place !== '' || view.key === null || view.key.endsWith(name) ? place : `as ${shown(view.key)}`}</bdi>
          </span>
        )}
      </td>
      <td class="progress">
        <Bar view={view} />
        <span class="second">
          {sizeWords(view.sentBytes)} of {sizeWords(view.sizeBytes)}
        </span>
      </td>
      <td class={view.atRiskBytes > 0 ? 'number risk tone-wait' : 'number risk'}>
        {view.atRiskBytes > 0 ? sizeWords(view.atRiskBytes) : '–'}
      </td>
      <td class="number rate">
        <RateCell rate={rate} />
      </td>
      <td class="number age">{sinceMs === null ? '–' : durationWords(nowMs - sinceMs)}</td>
    </tr>
  );
}

/** What arrived, and behind it what did not yet. */
export function Bar({ view }: { readonly view: ShownStream }) {
  const share = view.sizeBytes > 0 ? Math.min(1, view.sentBytes / view.sizeBytes) : 0;
  const percent = Math.floor(share * 100);
  return (
    <span
      class={`bar tone-${toneOf(view.state)}`}
      role="img"
      aria-label={`${percent} % uploaded`}
      data-empty={view.sizeBytes === 0}
    >
      <i style={{ width: `${share * 100}%` }} />
    </span>
  );
}

/** While it grows, how fast it grows; then how fast what is left goes up. */
function RateCell({ rate }: { readonly rate: Rate }) {
  if (rate.written >= 1) return <span title="written per second">{rateWords(rate.written)}</span>;
  if (rate.sent >= 1) return <span title="uploaded per second">↑ {rateWords(rate.sent)}</span>;
  return <>–</>;
}
