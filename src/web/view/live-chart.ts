// The generated picture as a living thing: which of its elements are lit, and which part of it is looked at. It is parsed as SVG,
// not written as markup, and its own style is left out: the content policy forbids it, and the page has its own colours.

import { type ChartLine, lineOf, withAncestors } from '../model/chart-paths.ts';

const CHART_ADDRESS = new URL('../../../docs/statecharts/stream.svg', import.meta.url).href;
const GLOW_MS = 1_800;
const GLIDE_MS = 450;
/** Around the state that is looked at: its neighbours are in sight. */
const MARGIN = 90;
/** No state fills the picture so much that its text shouts. */
const LEAST_WIDTH = 460;

let loading: Promise<Document | null> | null = null;

/** A copy of the picture; null: it cannot be had (the page was built anew). */
export async function loadChart(): Promise<SVGSVGElement | null> {
  loading ??= fetch(CHART_ADDRESS)
    .then(async (reply) => (reply.ok ? parsedSvg(await reply.text()) : null))
    .catch(() => null);
  const parsed = await loading;
  const root = parsed?.documentElement;
  if (!(root instanceof SVGSVGElement)) {
    loading = null;
    return null;
  }
  const svg = document.importNode(root, true);
  for (const each of svg.querySelectorAll('style, script, foreignObject')) each.remove();
  svg.removeAttribute('width');
  svg.removeAttribute('height');
  svg.setAttribute('aria-hidden', 'true');
  return svg;
}

/** Even a parsed document's own style is a breach of the content policy: it is cut out before. */
const parsedSvg = (text: string): Document =>
  new DOMParser().parseFromString(text.replace(/<style>[^<]*<\/style>/g, ''), 'image/svg+xml');

interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export class LiveChart {
  readonly #svg: SVGSVGElement;
  readonly #states: ReadonlyMap<string, SVGGraphicsElement>;
  readonly #lines: readonly SVGElement[];
  readonly #lineEnds: readonly ChartLine[];
  readonly #whole: Box;
  #box: Box;
  #gliding = 0;

  constructor(svg: SVGSVGElement) {
    this.#svg = svg;
    const states = [...svg.querySelectorAll<SVGGraphicsElement>('[data-state]')];
    this.#states = new Map(states.map((element) => [element.dataset['state'] ?? '', element]));
    this.#lines = [...svg.querySelectorAll<SVGElement>('[data-from]')];
    this.#lineEnds = this.#lines.map(({ dataset }) => ({ from: dataset['from'] ?? '', to: dataset['to'] ?? '' }));
    const { x, y, width, height } = svg.viewBox.baseVal;
    this.#whole = { x, y, width, height };
    this.#box = this.#whole;
  }

  /** Lights the state and those around it, and nothing else. */
  light(state: string): void {
    const lit = new Set(withAncestors(state));
    for (const [name, element] of this.#states) element.classList.toggle('is-active', lit.has(name));
  }

  /** The line between them glows for a moment. */
  glow(from: string, to: string): void {
    const line = this.#lines[lineOf(this.#lineEnds, from, to)];
    if (!line) return;
    line.classList.add('is-taken');
    // Drawn over the others while it glows.
    line.parentElement?.append(line);
    setTimeout(() => line.classList.remove('is-taken'), GLOW_MS);
  }

  /** null: the whole picture. Otherwise the surroundings of a state. */
  look(state: string | null): void {
    const element = state === null ? undefined : this.#states.get(state.split('.')[0] ?? state);
    this.#glideTo(element ? this.#around(element) : this.#whole);
  }

  #around(element: SVGGraphicsElement): Box {
    const seen = element.getBoundingClientRect();
    const toPicture = this.#svg.getScreenCTM()?.inverse();
    if (!toPicture) return this.#whole;
    const corner = new DOMPoint(seen.left, seen.top).matrixTransform(toPicture);
    const inner = { width: seen.width * toPicture.a, height: seen.height * toPicture.d };
    const width = Math.max(LEAST_WIDTH, inner.width + 2 * MARGIN);
    const height = Math.max((width * this.#whole.height) / this.#whole.width, inner.height + 2 * MARGIN);
    // Not beyond the picture's edges, as far as that is possible.
    const { x, y } = this.#whole;
    return {
      x: Math.min(Math.max(corner.x + inner.width / 2 - width / 2, x), Math.max(x, x + this.#whole.width - width)),
      y: Math.min(Math.max(corner.y + inner.height / 2 - height / 2, y), Math.max(y, y + this.#whole.height - height)),
      width,
      height,
    };
  }

  #glideTo(target: Box): void {
    cancelAnimationFrame(this.#gliding);
    const start = this.#box;
    const isCalm = matchMedia('(prefers-reduced-motion: reduce)').matches;
    const beganAt = performance.now();
    const draw = (now: number) => {
      const share = isCalm ? 1 : Math.min(1, Math.max(0, (now - beganAt) / GLIDE_MS));
      const eased = 1 - (1 - share) ** 3;
      const between = (a: number, b: number): number => a + (b - a) * eased;
      this.#box = {
        x: between(start.x, target.x),
        y: between(start.y, target.y),
        width: between(start.width, target.width),
        height: between(start.height, target.height),
      };
      const { x, y, width, height } = this.#box;
      this.#svg.setAttribute('viewBox', `${x} ${y} ${width} ${height}`);
      if (share < 1) this.#gliding = requestAnimationFrame(draw);
    };
    draw(beganAt);
  }
}
