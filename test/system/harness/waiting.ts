// Waiting for something to become true, with a deadline that says what was seen last.

const POLL_MS = 100;

/** Far beyond what anything here takes on a busy machine: who waits this long waits for something that does not come. */
export const DEADLINE_MS = 60_000;

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** `look` gives what was waited for, or null. An exception of `look` ends the waiting. */
export async function until<T>(
  what: string,
  look: () => Promise<T | null> | T | null,
  deadlineMs = DEADLINE_MS,
  lastSeen: () => string = () => '',
): Promise<T> {
  const endMs = Date.now() + deadlineMs;
  for (;;) {
    const found = await look();
    if (found !== null) return found;
    if (Date.now() > endMs) throw new Error(`${what}: not within ${deadlineMs} ms. ${lastSeen()}`);
    await pause(POLL_MS);
  }
}
