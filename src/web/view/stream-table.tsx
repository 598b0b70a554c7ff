// The table of all streams. Only the rows in sight are in the document; the table is as high as if all were, so that the page
// scrolls as people expect. Arrow keys, j and k move, Enter opens.

import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { useMedia } from '../live/hooks.ts';
import type { LiveModel } from '../live/live-model.ts';
import { type RowWindow, rowWindow } from '../model/row-window.ts';
import { onKey } from './keys.ts';
import type { OverviewPlace } from './overview.tsx';
import { StreamRow } from './stream-row.tsx';

/** One height for all rows is what windowing rests on; the style sheet has the same numbers. */
const ROW_PX = 48;
const NARROW_ROW_PX = 92;
export const NARROW = '(max-width: 720px)';
/** What lies over the list at the top of the screen while it scrolls. */
const STICKY_PX = 34;
const PAGE_ROWS = 10;

interface TableProps {
  readonly model: LiveModel;
  readonly ids: readonly string[];
  readonly place: OverviewPlace;
}

export function StreamTable({ model, ids, place }: TableProps) {
  const rowPx = useMedia(NARROW) ? NARROW_ROW_PX : ROW_PX;
  const body = useRef<HTMLTableSectionElement>(null);
  const seen = useWindow(body, ids.length, rowPx);
  const [selectedId, select] = useState(place.selectedId);
  useRowKeys({ body, ids, rowPx, selectedId, select });
  place.selectedId = selectedId;
  const tabId = selectedId !== null && ids.includes(selectedId) ? selectedId : ids[0];
  const nowMs = model.nowMs();
  const drawn = ids.slice(seen.first, seen.end);
  return (
    <>
      <table class="table" aria-rowcount={ids.length + 1} aria-label="Streams, the newest activity first">
        <thead>
          <tr>
            <th scope="col">State</th>
            <th scope="col">File</th>
            <th scope="col">Uploaded of written</th>
            <th scope="col" class="number">
              At risk
            </th>
            <th scope="col" class="number">
              Rate
            </th>
            <th scope="col" class="number">
              Oldest unsent
            </th>
          </tr>
        </thead>
        <tbody ref={body} style={{ height: `${ids.length * rowPx}px` }}>
          {drawn.map((id, offset) => {
            const view = model.list.one(id);
            const index = seen.first + offset;
            return view ? (
              <StreamRow
                key={id}
                view={view}
                rate={model.list.rate(id, nowMs)}
                nowMs={nowMs}
                index={index}
                topPx={index * rowPx}
                isTabStop={id === tabId}
                onSelect={select}
              />
            ) : null;
          })}
        </tbody>
      </table>
      {ids.length === 0 && <p class="quiet nothing">No stream is like that.</p>}
      {ids.length > 0 && (
        <p class="quiet keys" aria-hidden="true">
          <kbd>j</kbd> <kbd>k</kbd> move · <kbd>Enter</kbd> open · <kbd>Esc</kbd> back · <kbd>/</kbd> filter
        </p>
      )}
    </>
  );
}

/** Which rows are in sight; drawn again only when that changes. */
function useWindow(body: { readonly current: HTMLElement | null }, rows: number, rowPx: number): RowWindow {
  const look = (): RowWindow => rowWindow(rows, rowPx, -(body.current?.getBoundingClientRect().top ?? 0), innerHeight);
  const [seen, setSeen] = useState<RowWindow>(() => rowWindow(rows, rowPx, 0, innerHeight));
  const update = () => {
    const next = look();
    setSeen((now) => (now.first === next.first && now.end === next.end ? now : next));
  };
  useLayoutEffect(update);
  useEffect(() => {
    addEventListener('scroll', update, { passive: true });
    addEventListener('resize', update);
    return () => {
      removeEventListener('scroll', update);
      removeEventListener('resize', update);
    };
  }, [rows, rowPx]);
  return seen;
}

interface RowKeys {
  readonly body: { readonly current: HTMLElement | null };
  readonly ids: readonly string[];
  readonly rowPx: number;
  readonly selectedId: string | null;
  readonly select: (id: string) => void;
}

const STEPS: Readonly<Record<string, number>> = {
  j: 1,
  ArrowDown: 1,
  k: -1,
  ArrowUp: -1,
  PageDown: PAGE_ROWS,
  PageUp: -PAGE_ROWS,
  Home: Number.NEGATIVE_INFINITY,
  End: Number.POSITIVE_INFINITY,
};

function useRowKeys(keys: RowKeys): void {
  const newest = useRef(keys);
  newest.current = keys;
  const wanted = useRef<string | null>(keys.selectedId);
  useEffect(
    () =>
      onKey((event) => {
        const { ids, rowPx, selectedId, body, select } = newest.current;
        const step = STEPS[event.key];
        if (step === undefined || ids.length === 0) return false;
        const at = selectedId === null ? -1 : ids.indexOf(selectedId);
        // Nothing is selected yet: the first key goes to the first row, whatever its direction.
        const next = at < 0 && Number.isFinite(step) ? 0 : Math.min(Math.max(at + step, 0), ids.length - 1);
        const id = ids[next];
        if (id === undefined) return false;
        wanted.current = id;
        select(id);
        bringIntoSight(body.current, next, rowPx);
        return true;
      }),
    [],
  );
  // The row may have to be drawn first.
  useLayoutEffect(() => {
    const id = wanted.current;
    const link = id === null ? null : newest.current.body.current?.querySelector<HTMLElement>(`a[data-id="${id}"]`);
    if (!link) return;
    wanted.current = null;
    link.focus({ preventScroll: true });
  });
}

function bringIntoSight(body: HTMLElement | null, index: number, rowPx: number): void {
  if (!body) return;
  const top = body.getBoundingClientRect().top + index * rowPx;
  if (top < STICKY_PX) scrollBy(0, top - STICKY_PX);
  else if (top + rowPx > innerHeight) scrollBy(0, top + rowPx - innerHeight);
}
