// What the demo looks at while it runs: its one stream, over the daemon's own API, as any other program would.

import type { StreamView } from '../ports/stream-view.ts';

const LOOK_EVERY_MS = 250;

/** Calls `looked` with the newest view until one is final, or the deadline has passed: then null. */
export async function watchStream(
  address: string,
  path: string,
  deadlineMs: number,
  looked: (view: StreamView) => void,
  signal: AbortSignal,
): Promise<StreamView | null> {
  while (!signal.aborted && Date.now() < deadlineMs) {
    const view = await viewOf(address, path);
    if (view) {
      looked(view);
      if (['s3_completed', 'completed'].includes(view.status) || view.state === 'failed.ended') return view;
    }
    await new Promise((done) => setTimeout(done, LOOK_EVERY_MS));
  }
  return null;
}

async function viewOf(address: string, path: string): Promise<StreamView | undefined> {
  try {
    const response = await fetch(`${address}/api/v1/streams`);
    const { streams } = (await response.json()) as { readonly streams: readonly StreamView[] };
    return streams.find((view) => view.path === path);
  } catch {
    // The daemon is not there (any more): the deadline or its end tells.
    return undefined;
  }
}
