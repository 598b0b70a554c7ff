// What the address says: which view, and once, at the first visit, the token. The token stands in the fragment, which is never
// sent to a server, and must not stay there: addresses are copied, photographed and kept in histories.

export type Route = { readonly view: 'overview' } | { readonly view: 'stream'; readonly id: string };

export function routeOf(hash: string): Route {
  const id = /^#\/streams\/([0-9a-f]{4,32})(?:[?&]|$)/.exec(hash)?.[1];
  return id === undefined ? { view: 'overview' } : { view: 'stream', id };
}

export const OVERVIEW_HASH = '#/';
export const hashOfStream = (id: string): string => `#/streams/${id}`;

export interface FoundToken {
  readonly token: string;
  /** The fragment without it. */
  readonly hash: string;
}

/** null: there is none. */
export function tokenIn(hash: string): FoundToken | null {
  const [whole, token] = /[#&?]token=([^&]+)/.exec(hash) ?? [];
  if (whole === undefined || token === undefined) return null;
  const rest = hash.replace(whole, '');
  return { token: safelyDecoded(token), hash: rest.startsWith('#/') ? rest : OVERVIEW_HASH };
}

function safelyDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
