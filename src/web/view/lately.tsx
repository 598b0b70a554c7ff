// What happened since the page was opened: each change of a state, the newest first.

import { hashOfStream } from '../model/route.ts';
import { rowWordOf, signOf, toneOf } from '../model/state-words.ts';
import type { Transition } from '../model/stream-list.ts';
import { clockWords, pathWords, shortened } from '../model/words.ts';

/** Of those that are kept, as many as are drawn. */
const DRAWN = 60;
const NAME_CHARS = 34;

export function Lately({
  transitions,
  isOpen,
}: {
  readonly transitions: readonly Transition[];
  readonly isOpen: boolean;
}) {
  return (
    <details class="lately" open={isOpen}>
      <summary>
        <h2>Lately</h2>
      </summary>
      {transitions.length === 0 && <p class="quiet">Nothing has changed its state since this page was opened.</p>}
      <ol>
        {transitions.slice(0, DRAWN).map((each) => (
          <li key={each.serial}>
            <time>{clockWords(each.atMs)}</time>
            <span class={`state tone-${toneOf(each.to)}`}>
              <span aria-hidden="true">{signOf(each.to)}</span> {rowWordOf(each.to)}
            </span>
            <NameLink transition={each} />
          </li>
        ))}
      </ol>
    </details>
  );
}

function NameLink({ transition: { id, path, folder } }: { readonly transition: Transition }) {
  const { name, whole } = pathWords(path, folder);
  return (
    <a href={hashOfStream(id)} title={whole}>
      <bdi>{shortened(name, NAME_CHARS)}</bdi>
    </a>
  );
}
