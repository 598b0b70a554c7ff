// When work that failed transiently is tried again. Jitter is a hash of (stream, attempt), not chance, so that a run can be
// replayed; streams still spread out, because their ids differ.

import type { Failure } from './failure.ts';
import type { StreamId } from './ids.ts';

/** The first retry comes after about half a second: most resets and 503s are over by then. */
const FIRST_DELAY_MS = 500;
/** A minute between tries is what a provider under load asks for; longer ones only delay recovery. */
export const MAX_DELAY_MS = 60_000;
/** A server's own Retry-After is believed up to ten minutes. */
const MAX_RETRY_AFTER_MS = 600_000;

/** Delay before try number `attempt` (1 = the first retry): 50 to 100 % of the doubled delay. Never ends: patience has no limit, only its pace has. */
export function retryDelayMs(id: StreamId, attempt: number, failure?: Failure): number {
  const doubled = Math.min(FIRST_DELAY_MS * 2 ** Math.min(attempt - 1, 20), MAX_DELAY_MS);
  const jittered = Math.round(doubled * (0.5 + 0.5 * fraction(`${id}/${attempt}`)));
  return Math.max(jittered, Math.min(failure?.retryAfterMs ?? 0, MAX_RETRY_AFTER_MS));
}

/** FNV-1a, as a number in [0, 1). */
function fraction(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return (hash >>> 0) / 2 ** 32;
}
