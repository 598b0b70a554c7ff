// A canvas as sharp as the screen, in the page's own colours.

export interface Canvas {
  readonly element: HTMLCanvasElement;
  readonly context: CanvasRenderingContext2D;
  readonly widthPx: number;
  readonly heightPx: number;
}

/** Empty, and scaled so that one unit is one CSS pixel. */
export function canvasOf(element: HTMLCanvasElement, widthPx: number, heightPx: number): Canvas | null {
  const context = element.getContext('2d');
  if (!context) return null;
  const density = devicePixelRatio || 1;
  const [width, height] = [Math.round(widthPx * density), Math.round(heightPx * density)];
  if (element.width !== width || element.height !== height) {
    element.width = width;
    element.height = height;
    element.style.width = `${widthPx}px`;
    element.style.height = `${heightPx}px`;
  }
  context.setTransform(density, 0, 0, density, 0, 0);
  context.clearRect(0, 0, widthPx, heightPx);
  return { element, context, widthPx, heightPx };
}

/** A colour of the style sheet: `--flow`. Light and dark are its business. */
export const colourOf = (element: Element, name: string): string =>
  getComputedStyle(element).getPropertyValue(name).trim();
