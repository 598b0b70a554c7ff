// What the stream saw, where it went and what it did, the newest first: the machine's own words, as the chart and the tables use
// them.

import type { HistoryEntry } from '../../ports/stream-view.ts';
import { toneOf } from '../model/state-words.ts';
import { clockWords, shown } from '../model/words.ts';

/** A person reads from the top; the daemon keeps more. */
const DRAWN = 150;

const KINDS: Readonly<Record<HistoryEntry['kind'], string>> = {
  fact: 'saw',
  state: 'is now',
  effect: 'does',
  outcome: 'got',
};

interface HistoryProps {
  /** null: not known yet. */
  readonly entries: readonly HistoryEntry[] | null;
  readonly problem: string | null;
}

export function HistoryList({ entries, problem }: HistoryProps) {
  const known = entries ?? [];
  return (
    <section class="panel history" aria-label="What happened">
      <h2>What happened</h2>
      {problem !== null && <p class="tone-bad">{problem}</p>}
      {entries !== null && known.length === 0 && (
        <p class="quiet">Nothing since the daemon was started. What was before is in its log.</p>
      )}
      <ol aria-label="The newest first">
        {known
          .slice(-DRAWN)
          .reverse()
          .map((entry, index) => (
            <Entry key={known.length - index} entry={entry} />
          ))}
      </ol>
    </section>
  );
}

const Entry = ({ entry: { atMs, kind, name, detail } }: { readonly entry: HistoryEntry }) => (
  <li class={`kind-${kind}`}>
    <time>{clockWords(atMs)}</time>
    <span class="kind">{KINDS[kind]}</span>
    <span class={kind === 'state' ? `name tone-${toneOf(name)}` : 'name'}>
      {shown(name)} {detail !== '' && <span class="detail">{shown(detail)}</span>}
    </span>
  </li>
);
