// Which streams are shown: one chip per state that any stream is in, with its number, and a text.

import { useEffect, useRef } from 'preact/hooks';
import type { LiveModel } from '../live/live-model.ts';
import { signOf, TOP_STATES, toneOf, wordOf } from '../model/state-words.ts';
import type { Filter } from '../model/stream-list.ts';
import { countWords } from '../model/words.ts';
import { onKey } from './keys.ts';

interface FilterBarProps {
  readonly model: LiveModel;
  readonly filter: Filter;
  readonly found: number;
  readonly onFilter: (filter: Filter) => void;
}

export function FilterBar({ model, filter, found, onFilter }: FilterBarProps) {
  const input = useRef<HTMLInputElement>(null);
  const byState = model.totals?.byState ?? {};
  const states = TOP_STATES.filter((state) => (byState[state] ?? 0) > 0 || filter.state === state);
  useEffect(
    () =>
      onKey((event) => {
        if (event.key !== '/') return false;
        input.current?.focus();
        input.current?.select();
        return true;
      }),
    [],
  );
  return (
    <div class="filter">
      <fieldset class="chips">
        <legend class="hidden">Show streams by state</legend>
        <Chip isOn={filter.state === null} tone="ink" onPick={() => onFilter({ ...filter, state: null })}>
          all <b>{countWords(model.list.size)}</b>
        </Chip>
        {states.map((state) => (
          <Chip
            key={state}
            isOn={filter.state === state}
            tone={toneOf(state)}
            onPick={() => onFilter({ ...filter, state: filter.state === state ? null : state })}
          >
            <span aria-hidden="true">{signOf(state)}</span> {wordOf(state)} <b>{countWords(byState[state] ?? 0)}</b>
          </Chip>
        ))}
      </fieldset>
      <input
        ref={input}
        type="search"
        placeholder="Filter by name   /"
        aria-label="Filter by name, key or id"
        value={filter.text}
        onInput={(event) => onFilter({ ...filter, text: event.currentTarget.value })}
        onKeyDown={(event) => {
          if (event.key !== 'Escape' && event.key !== 'Enter') return;
          if (event.key === 'Escape') onFilter({ ...filter, text: '' });
          event.currentTarget.blur();
        }}
      />
      <span class="hidden" role="status">
        {countWords(found)} shown
      </span>
    </div>
  );
}

interface ChipProps {
  readonly isOn: boolean;
  readonly tone: string;
  readonly onPick: () => void;
  readonly children: preact.ComponentChildren;
}

const Chip = ({ isOn, tone, onPick, children }: ChipProps) => (
  <button type="button" class={`chip tone-${tone}`} aria-pressed={isOn} onClick={onPick}>
    {children}
  </button>
);
