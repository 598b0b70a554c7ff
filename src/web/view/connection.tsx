// Whether what is shown is true now: a small sign when it is, and a sentence across the page when it is not.

import type { Connection, LiveModel } from '../live/live-model.ts';
import { durationWords } from '../model/words.ts';

const SIGNS = { connecting: 'connecting', live: 'live', lost: 'not connected' } as const;

export function ConnectionSign({ connection }: { readonly connection: Connection }) {
  return (
    <span class={`sign sign-${connection.kind}`} role="status">
      <i class="lamp" aria-hidden="true" />
      {SIGNS[connection.kind]}
    </span>
  );
}

export function ConnectionNotice({ model }: { readonly model: LiveModel }) {
  const { connection, lastHeardAtMs } = model;
  if (connection.kind !== 'lost') return null;
  const heard =
    lastHeardAtMs === null
      ? 'It was not heard yet'
      : `It was last heard ${durationWords(Date.now() - lastHeardAtMs)} ago`;
  const nextMs = connection.nextTryAtMs - Date.now();
  return (
    <div class="notice notice-bad" role="alert">
      <p>
        <strong>{connection.why}</strong> {heard}
        {model.isLoaded ? '; what you see is from then.' : '.'}{' '}
        {nextMs > 0 ? `Trying again in ${durationWords(nextMs + 999)}.` : 'Trying again now.'}
      </p>
      <button type="button" onClick={() => model.retryNow()}>
        Try now
      </button>
    </div>
  );
}
