// How long to wait before the daemon is called again: soon at first (it was restarted), never more often than is polite.

const FIRST_MS = 500;
/** A person who starts the daemon again looks at the page and waits. */
const MOST_MS = 8_000;
/** Pages of one machine shall not come back all at once. */
const SPREAD = 0.25;

/** `failures`: connections in a row that came to nothing, 1 for the first. `random` from 0 to 1. */
export function backoffMs(failures: number, random: number): number {
  const fullMs = Math.min(MOST_MS, FIRST_MS * 2 ** Math.max(0, failures - 1));
  return Math.round(fullMs * (1 - SPREAD * random));
}
