// The stream's own chart, alive: the picture that is generated from the machine, with the present state lit, the line by which it
// came glowing for a moment, and the last transitions beside it.

import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { HistoryEntry } from '../../ports/stream-view.ts';
import type { ShownStream } from '../../read-model/read-model.ts';
import { useMedia } from '../live/hooks.ts';
import { ChartPlayback } from '../model/chart-playback.ts';
import { signOf, toneOf, wordOf } from '../model/state-words.ts';
import { clockWords, durationWords } from '../model/words.ts';
import { LiveChart, loadChart } from './live-chart.ts';

/** As many as stand beside the picture. */
const DRAWN = 14;
const WIDE = '(min-width: 900px)';
/** It is asked for within half a second of a change. */
const HISTORY_IS_LATE_MS = 1_500;

interface ChartProps {
  readonly view: ShownStream;
  readonly history: readonly HistoryEntry[] | null;
  readonly nowMs: number;
}

export function Statechart({ view, history, nowMs }: ChartProps) {
  const [isWhole, setWhole] = useState(useMedia(WIDE));
  const entered = (history ?? []).filter(({ kind }) => kind === 'state');
  return (
    <section class="panel chart" aria-label="Statechart">
      <div class="picture">
        <Picture state={view.state} entered={entered} isWhole={isWhole} />
        <button type="button" class="zoom" aria-pressed={!isWhole} onClick={() => setWhole(!isWhole)}>
          {isWhole ? 'follow' : 'whole chart'}
        </button>
      </div>
      <div class="transitions">
        <h2>Last transitions</h2>
        <ol>
          {entered
            .slice(-DRAWN)
            .reverse()
            .map((entry, index) => (
              <li key={entered.length - index}>
                <time>{clockWords(entry.atMs)}</time>
                <span class={`state tone-${toneOf(entry.name)}`} title={entry.name}>
                  <span aria-hidden="true">{signOf(entry.name)}</span> {wordOf(entry.name)}
                </span>
                <span class="quiet">{stay(entered, entered.length - 1 - index, nowMs)}</span>
              </li>
            ))}
        </ol>
      </div>
    </section>
  );
}

/** How long it stayed there. */
function stay(entered: readonly HistoryEntry[], index: number, nowMs: number): string {
  const fromMs = entered[index]?.atMs ?? nowMs;
  const ms = Math.max(0, (entered[index + 1]?.atMs ?? nowMs) - fromMs);
  return ms < 1_000 ? `${Math.round(ms)} ms` : durationWords(ms);
}

interface PictureProps {
  readonly state: string;
  /** Entries of the history that say where the stream went, oldest first. */
  readonly entered: readonly HistoryEntry[];
  readonly isWhole: boolean;
}

function Picture({ state, entered, isWhole }: PictureProps) {
  const frame = useRef<HTMLDivElement>(null);
  const [chart, setChart] = useState<LiveChart | null>(null);
  const playback = useRef(new ChartPlayback());
  const playedTo = useRef<HistoryEntry | null>(null);
  const stepping = useRef<ReturnType<typeof setTimeout> | null>(null);
  const [, step] = useState(0);

  useEffect(() => {
    let isGone = false;
    void loadChart().then((svg) => {
      if (isGone || !svg || !frame.current) return;
      frame.current.replaceChildren(svg);
      setChart(new LiveChart(svg));
    });
    return () => {
      isGone = true;
    };
  }, []);

  // What was before the page looked is not played.
  const fresh = playedTo.current === null ? [] : newerThan(entered, playedTo.current);
  playedTo.current = entered.at(-1) ?? playedTo.current;
  if (playback.current.newest === null) playback.current.enter([state]);
  playback.current.enter(fresh.map(({ name }) => name));

  // The history knows the states that the views have skipped: it is waited for, but the view's state must be shown in the end.
  const isBehind = playback.current.newest !== state;
  useEffect(() => {
    if (!isBehind) return;
    const timer = setTimeout(() => {
      playback.current.enter([state]);
      step((count) => count + 1);
    }, HISTORY_IS_LATE_MS);
    return () => clearTimeout(timer);
  }, [isBehind, state]);

  useEffect(() => {
    const dueMs = playback.current.nextStepMs;
    if (dueMs === null || stepping.current !== null) return;
    stepping.current = setTimeout(() => {
      stepping.current = null;
      const taken = playback.current.step();
      if (taken) chart?.glow(taken.from, taken.to);
      step((count) => count + 1);
    }, dueMs);
  });
  useEffect(() => () => clearTimeout(stepping.current ?? undefined), []);
  const lit = playback.current.state ?? state;
  useLayoutEffect(() => chart?.light(lit), [chart, lit]);
  useLayoutEffect(() => chart?.look(isWhole ? null : lit), [chart, lit, isWhole]);
  return <div ref={frame} class="svg" role="img" aria-label={`Statechart of the stream. It is in ${state} now.`} />;
}

function newerThan(entered: readonly HistoryEntry[], last: HistoryEntry): readonly HistoryEntry[] {
  return entered.filter(({ atMs, name }) => atMs > last.atMs || (atMs === last.atMs && name !== last.name));
}
