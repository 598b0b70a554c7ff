// The parts of the file from its first byte to its last, on one canvas however many they are, and their numbers below it.

import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { PartView } from '../../ports/stream-view.ts';
import { useMedia, useWidth } from '../live/hooks.ts';
import { countByState, partAt, type StripState, stripLines, stripRuns } from '../model/part-strip.ts';
import { plural, shown, sizeWords } from '../model/words.ts';
import { type Canvas, canvasOf, colourOf } from './canvas.ts';

const HEIGHT_PX = 34;

const COLOURS: Readonly<Record<StripState, string>> = {
  verified: '--good',
  sent: '--flow',
  in_flight: '--work',
  dirty: '--bad',
  unsent: '--hollow',
};
const WORDS = { verified: 'verified', sent: 'sent', in_flight: 'in flight', dirty: 'to be sent again' } as const;
const LEGEND = ['verified', 'sent', 'in_flight', 'dirty'] as const;

interface StripProps {
  /** null: not known yet. */
  readonly parts: readonly PartView[] | null;
  readonly fileBytes: number;
  /** The object is proven: its ledger has gone into the receipt. */
  readonly isProven: boolean;
}

export function PartStrip({ parts, fileBytes, isProven }: StripProps) {
  const frame = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const widthPx = useWidth(frame);
  const [pointed, setPointed] = useState<PartView | null>(null);
  useMedia('(prefers-color-scheme: dark)');
  const known = parts ?? [];
  const counts = countByState(known);
  useLayoutEffect(() => {
    const drawing = canvas.current && widthPx > 0 ? canvasOf(canvas.current, widthPx, HEIGHT_PX) : null;
    const isWhole = isProven && known.length === 0 && fileBytes > 0;
    if (drawing) drawStrip(drawing, isWhole ? [wholeOf(fileBytes)] : known, fileBytes);
  });
  const summary = LEGEND.filter((state) => counts[state] > 0).map((state) => `${counts[state]} ${WORDS[state]}`);
  return (
    <>
      <div class="strip" ref={frame}>
        <canvas
          ref={canvas}
          role="img"
          aria-label={`${plural(known.length, 'part')}: ${summary.join(', ') || 'none sent'}`}
          onPointerMove={(event) => setPointed(partAt(known, fileBytes, widthPx, event.offsetX))}
          onPointerLeave={() => setPointed(null)}
        />
      </div>
      <p class="legend">
        {pointed && <span>{partWords(pointed)}</span>}
        {!pointed && isProven && known.length === 0 && (
          <span>Every byte is proven to be in the object. Its receipt, beside it, lists the parts.</span>
        )}
        {!pointed && !(isProven && known.length === 0) && (
          <>
            <b>{parts === null ? 'Parts' : plural(known.length, 'part')}</b>
            {LEGEND.map((state) => (
              <span key={state} class={`key key-${state}`} data-none={counts[state] === 0}>
                <i aria-hidden="true" />
                {counts[state]} {WORDS[state]}
              </span>
            ))}
          </>
        )}
      </p>
    </>
  );
}

const wholeOf = (sizeBytes: number): PartView => ({
  ...{ partNumber: 1, offset: 0, sizeBytes, state: 'verified' as const },
  ...{ etag: null, crc32: null, uploadedAt: null },
});

const partWords = ({ partNumber, offset, sizeBytes, state, etag, crc32 }: PartView): string =>
  [
    `Part ${partNumber}: ${sizeWords(sizeBytes)} from ${sizeWords(offset)}, ${WORDS[state]}`,
    ...(crc32 === null ? [] : [`CRC32 ${shown(crc32)}`]),
    ...(etag === null ? [] : [`ETag ${shown(etag)}`]),
  ].join(' · ');

function drawStrip({ context, element, widthPx, heightPx }: Canvas, parts: readonly PartView[], bytes: number): void {
  context.fillStyle = colourOf(element, '--hollow');
  context.fillRect(0, 0, widthPx, heightPx);
  for (const { fromPx, toPx, state } of stripRuns(parts, bytes, widthPx)) {
    context.fillStyle = colourOf(element, COLOURS[state]);
    context.fillRect(fromPx, 0, toPx - fromPx, heightPx);
  }
  context.fillStyle = colourOf(element, '--panel');
  for (const px of stripLines(parts, bytes, widthPx)) context.fillRect(px - 1, 0, 1, heightPx);
}
