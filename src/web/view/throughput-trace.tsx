// The trace: two minutes of bytes written (a line) and bytes that arrived in S3 (an area), drawn on a canvas.

import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { useWidth } from '../live/hooks.ts';
import type { LiveModel } from '../live/live-model.ts';
import { MOST_SLOTS, SECONDS, type Slot, scaleOf } from '../model/throughput.ts';
import { rateWords } from '../model/words.ts';
import { type Canvas, canvasOf, colourOf } from './canvas.ts';

const HEIGHT_PX = 112;
/** The trace glides between the seconds. */
const DRAW_EVERY_MS = 250;
const TOP_PX = 16;
const BOTTOM_PX = 16;

export function ThroughputTrace({ model }: { readonly model: LiveModel }) {
  const frame = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const widthPx = useWidth(frame);
  const draw = () => {
    const drawing = canvas.current && widthPx > 0 ? canvasOf(canvas.current, widthPx, HEIGHT_PX) : null;
    if (drawing) drawTrace(drawing, model.throughput.slots(model.nowMs()), (model.nowMs() % 1_000) / 1_000);
  };
  useLayoutEffect(draw);
  useEffect(() => {
    const timer = setInterval(() => document.hidden || draw(), DRAW_EVERY_MS);
    return () => clearInterval(timer);
  });
  return (
    <div class="trace" ref={frame}>
      <canvas ref={canvas} role="img" aria-label="Bytes written and uploaded per second, the last two minutes" />
    </div>
  );
}

/** `passed`: how much of the present second is over, 0 to 1. */
function drawTrace({ context, element, widthPx, heightPx }: Canvas, slots: readonly Slot[], passed: number): void {
  const scale = scaleOf(slots);
  const floorPx = heightPx - BOTTOM_PX;
  const x = (index: number): number => widthPx - ((slots.length - 2 - index + passed) / (MOST_SLOTS - 2)) * widthPx;
  const y = (value: number): number => floorPx - (value / scale) * (floorPx - TOP_PX);
  drawGrid({ context, element, widthPx, heightPx }, floorPx, scale);
  if (slots.length < 2) return;

  context.beginPath();
  context.moveTo(x(0), floorPx);
  for (const [index, slot] of slots.entries()) context.lineTo(x(index), y(slot.sent));
  context.lineTo(x(slots.length - 1), floorPx);
  context.fillStyle = colourOf(element, '--flow');
  context.globalAlpha = 0.22;
  context.fill();
  context.globalAlpha = 1;
  line(context, slots, (slot, index) => [x(index), y(slot.sent)], colourOf(element, '--flow'), 1.5);
  line(context, slots, (slot, index) => [x(index), y(slot.written)], colourOf(element, '--ink'), 1.25);
}

function line(
  context: CanvasRenderingContext2D,
  slots: readonly Slot[],
  at: (slot: Slot, index: number) => readonly [number, number],
  colour: string,
  width: number,
): void {
  context.beginPath();
  for (const [index, slot] of slots.entries()) context.lineTo(...at(slot, index));
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.lineJoin = 'round';
  context.stroke();
}

function drawGrid({ context, element, widthPx }: Canvas, floorPx: number, scale: number): void {
  context.strokeStyle = colourOf(element, '--line');
  context.lineWidth = 1;
  for (const share of [0, 0.5, 1]) {
    const at = Math.round(floorPx - share * (floorPx - TOP_PX)) + 0.5;
    context.beginPath();
    context.moveTo(0, at);
    context.lineTo(widthPx, at);
    context.stroke();
  }
  context.fillStyle = colourOf(element, '--soft');
  context.font = `11px ${getComputedStyle(element).fontFamily}`;
  context.fillText(rateWords(scale), 0, TOP_PX - 5);
  context.fillText(`${SECONDS / 60} min ago`, 0, floorPx + 13);
  context.textAlign = 'right';
  context.fillText('now', widthPx, floorPx + 13);
  context.textAlign = 'left';
}
