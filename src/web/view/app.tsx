// The frame around both views: the name, how the connection is, and which view the address asks for.

import { useEffect, useRef } from 'preact/hooks';
import { useModel, useRoute } from '../live/hooks.ts';
import { OVERVIEW_HASH } from '../model/route.ts';
import { plural, shown } from '../model/words.ts';
import { ConnectionNotice, ConnectionSign } from './connection.tsx';
import { Overview, type OverviewPlace } from './overview.tsx';
import { StreamPage } from './stream-page.tsx';

export function App() {
  const model = useModel();
  const route = useRoute();
  // What the overview looked like when a stream was opened: coming back finds it again.
  const place = useRef<OverviewPlace>({ filter: { state: null, text: '' }, selectedId: null, scrollPx: 0 });
  const atRisk = model.totals?.atRiskBytes ?? 0;
  const failed = model.totals?.byState['failed'] ?? 0;
  const stream = route.view === 'stream' ? model.list.find(route.id) : null;
  useEffect(() => {
    const what = failed > 0 ? `${plural(failed, 'failure')} · ` : atRisk > 0 ? '● ' : '';
    document.title = `${what}tailrace`;
  }, [failed, atRisk > 0]);
  return (
    <>
      <header class="top">
        <a class="name" href={OVERVIEW_HASH}>
          <Mark />
          tailrace
        </a>
        <span class="instance">{shown(model.daemon?.instance ?? '')}</span>
        <span class="push" />
        {model.version !== '' && <span class="version">{shown(model.version)}</span>}
        <ConnectionSign connection={model.connection} />
      </header>
      <ConnectionNotice model={model} />
      <main class={model.connection.kind === 'lost' ? 'is-old' : ''}>
        {route.view === 'overview' ? (
          <Overview model={model} place={place.current} />
        ) : (
          <StreamPage key={stream?.id ?? route.id} model={model} id={stream?.id ?? route.id} />
        )}
      </main>
    </>
  );
}

const Mark = () => (
  <svg class="mark" viewBox="0 0 32 32" aria-hidden="true">
    <path d="M3 12c4.3-5 8.7-5 13 0s8.7 5 13 0M3 22c4.3-5 8.7-5 13 0s8.7 5 13 0" />
  </svg>
);
