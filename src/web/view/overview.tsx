// All streams at a glance: the sums and the trace, the lamps, the filter, the table, and what happened lately.

import { useLayoutEffect, useState } from 'preact/hooks';
import { useMedia } from '../live/hooks.ts';
import type { LiveModel } from '../live/live-model.ts';
import { reasonsOf } from '../model/health.ts';
import type { Filter } from '../model/stream-list.ts';
import { EmptyList } from './empty-list.tsx';
import { FilterBar } from './filter-bar.tsx';
import { Lamps } from './lamps.tsx';
import { Lately } from './lately.tsx';
import { StreamTable } from './stream-table.tsx';
import { TotalsPanel } from './totals-panel.tsx';

/** Kept by the frame while a stream is looked at. */
export interface OverviewPlace {
  filter: Filter;
  selectedId: string | null;
  scrollPx: number;
}

export const WIDE = '(min-width: 1100px)';

export function Overview({ model, place }: { readonly model: LiveModel; readonly place: OverviewPlace }) {
  const [filter, setFilter] = useState(place.filter);
  const isWide = useMedia(WIDE);
  const ids = model.list.ids(filter, model.nowMs());
  place.filter = filter;
  useLayoutEffect(() => {
    scrollTo(0, place.scrollPx);
    const keep = () => {
      place.scrollPx = scrollY;
    };
    addEventListener('scroll', keep, { passive: true });
    return () => removeEventListener('scroll', keep);
  }, [place]);
  if (!model.daemon) return <p class="quiet waiting">Waiting for the daemon …</p>;
  return (
    <div class="overview">
      <TotalsPanel model={model} />
      <Lamps daemon={model.daemon} nowMs={model.nowMs()} />
      <Reasons reasons={reasonsOf(model.daemon)} />
      <div class="columns">
        <section class="streams" aria-label="Streams">
          {model.isLoaded && model.list.size === 0 ? (
            <EmptyList daemon={model.daemon} />
          ) : (
            <>
              <FilterBar model={model} filter={filter} found={ids.length} onFilter={setFilter} />
              <StreamTable model={model} ids={ids} place={place} />
            </>
          )}
        </section>
        <Lately transitions={model.list.lately} isOpen={isWide} />
      </div>
    </div>
  );
}

function Reasons({ reasons }: { readonly reasons: readonly string[] }) {
  if (reasons.length === 0) return null;
  return (
    <div class="notice notice-wait" role="status">
      <ul>
        {reasons.map((reason) => (
          <li key={reason}>{reason}</li>
        ))}
      </ul>
    </div>
  );
}
