// Whether what is shown is true now: a small sign when it is, and a sentence across the page when it is not.

import { useState } from 'preact/hooks';
import { keepToken } from '../live/access-token.ts';
import type { Connection, LiveModel } from '../live/live-model.ts';
import { durationWords } from '../model/words.ts';
import { TokenField } from './token-field.tsx';

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
  if (connection.needsToken) return <TokenNotice why={connection.why} onGiven={() => model.retryNow()} />;
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

/** Kept for this tab; a wrong one is asked for again by the daemon's next answer. */
function TokenNotice({ why, onGiven }: { readonly why: string; readonly onGiven: () => void }) {
  const [token, setToken] = useState('');
  const give = (event: Event) => {
    event.preventDefault();
    keepToken(token.trim());
    onGiven();
  };
  return (
    <form class="notice notice-bad" onSubmit={give}>
      <p role="alert">
        <strong>{why}</strong>
      </p>
      <TokenField token={token} onToken={setToken} />
      <button type="submit" disabled={token.trim() === ''}>
        Show the streams
      </button>
    </form>
  );
}
