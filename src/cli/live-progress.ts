// What `tailrace run` shows at a terminal while it works: the streams on their way, the newest activity first.

import { basename } from 'node:path';
import { formatSize } from '../config/values.ts';
import { plainText } from '../plain-text.ts';
import type { StreamView } from '../ports/stream-view.ts';
import { MAX_PAGE, type ReadModel } from '../read-model/read-model.ts';
import type { LiveLines } from './live-lines.ts';

/** Often enough to be alive, seldom enough to cost nothing. */
const REDRAW_EVERY_MS = 500;
/** Five lines of 80 columns: what does not push the log off a small terminal. */
const MAX_STREAMS = 5;
const NAME_CHARS = 24;
const BAR_CHARS = 12;

/** Until the returned function is called, which takes the lines away. */
export function showProgress(shown: Pick<ReadModel, 'list'>, lines: LiveLines): () => void {
  const timer = setInterval(() => lines.show(progressLines(shown.list({ limit: MAX_PAGE }).streams)), REDRAW_EVERY_MS);
  return () => {
    clearInterval(timer);
    lines.show([]);
  };
}

export function progressLines(streams: readonly StreamView[]): readonly string[] {
  const onTheirWay = streams
    .filter(({ state }) => /^(active|pending_completion|finalizing)\b/.test(state))
    .sort((a, b) => b.lastActivityMs - a.lastActivityMs);
  const more = onTheirWay.length - MAX_STREAMS;
  return [
    ...onTheirWay.slice(0, MAX_STREAMS).map(lineOf),
    ...(more > 0 ? [`  ... and ${more} more: tailrace status`] : []),
  ];
}

function lineOf({ path, state, sizeBytes, sentBytes }: StreamView): string {
  const share = sizeBytes === 0 ? 0 : Math.min(1, sentBytes / sizeBytes);
  const bar = '#'.repeat(Math.floor(share * BAR_CHARS)).padEnd(BAR_CHARS, '.');
  const name = plainText(basename(path), NAME_CHARS).padEnd(NAME_CHARS);
  return `  ${name} [${bar}] ${formatSize(sentBytes)} of ${formatSize(sizeBytes)}  ${state}`;
}
