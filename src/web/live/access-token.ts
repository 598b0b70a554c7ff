// The token that changing verbs need: taken from the address once, kept for this tab only, never shown and never put anywhere else.

import { tokenIn } from '../model/route.ts';

const KEY = 'tailrace-token';

export function takeTokenFromAddress(): void {
  const found = tokenIn(location.hash);
  if (!found) return;
  keepToken(found.token);
  history.replaceState(null, '', found.hash);
}

export const keptToken = (): string | null => sessionStorage.getItem(KEY);

export function keepToken(token: string | null): void {
  if (token === null) sessionStorage.removeItem(KEY);
  else sessionStorage.setItem(KEY, token);
}
