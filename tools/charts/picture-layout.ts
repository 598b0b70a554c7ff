// Chooses how a picture is laid out: Graphviz places labels well or badly depending on small things, so a few arrangements are
// tried, always the same ones in the same order, and the one with the fewest labels on top of each other is kept.
//
// Purely a matter of looks; what is shown is decided before (chart-view.ts).

export interface Arrangement {
  /** The first so many top states are moved to the end. */
  readonly rotation: number;
  readonly rankInches: number;
  readonly nodeInches: number;
}

interface Laid {
  readonly svg: string;
  readonly collisions: number;
  readonly area: number;
}

const ROTATIONS = [0, 1, 2, 3, 4, 5, 6];
const DISTANCES = [
  [0.35, 0.35],
  [0.6, 0.35],
  [0.35, 0.6],
] as const;

export const ARRANGEMENTS: readonly Arrangement[] = DISTANCES.flatMap(([rankInches, nodeInches]) =>
  ROTATIONS.map((rotation) => ({ rotation, rankInches, nodeInches })),
);

/** The first arrangement without collisions; else the one with the fewest, then the smallest. */
export async function bestOf(
  arrangements: readonly Arrangement[],
  layOut: (arrangement: Arrangement) => Promise<string>,
): Promise<string> {
  let best: Laid | null = null;
  for (const arrangement of arrangements) {
    const svg = await layOut(arrangement);
    const laid = { svg, collisions: collisionsIn(svg), area: areaOf(svg) };
    if (laid.collisions === 0) return svg;
    if (!best || isBetter(laid, best)) best = laid;
  }
  return best?.svg ?? '';
}

const isBetter = (one: Laid, other: Laid): boolean =>
  one.collisions < other.collisions || (one.collisions === other.collisions && one.area < other.area);

interface Box {
  readonly group: number;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** Of a character of the label font, as a share of its size: enough to see what touches. */
const CHARACTER_WIDTH = 0.55;

/** Pairs of labels of different lines that touch, and labels that lie on the text of a state. */
function collisionsIn(svg: string): number {
  const groups = svg.split('<g id=').slice(1);
  const labels = groups.flatMap((text, group) => (isEdge(text) ? boxesIn(text, group) : []));
  const names = groups.flatMap((text, group) => (isEdge(text) ? [] : boxesIn(text, group)));
  let count = 0;
  for (const [n, label] of labels.entries()) {
    count += labels.slice(n + 1).filter((other) => other.group !== label.group && touches(label, other)).length;
    count += names.filter((name) => touches(label, name)).length;
  }
  return count;
}

const isEdge = (group: string): boolean => /^"[^"]*" class="edge/.test(group);

function boxesIn(text: string, group: number): readonly Box[] {
  const lines = text.matchAll(/<text[^>]* x="([\d.-]+)" y="([\d.-]+)"[^>]* font-size="([\d.]+)"[^>]*>([^<]*)<\/text>/g);
  return [...lines].flatMap(([, x, y, size, content = '']) => {
    const shown = content.replaceAll(/&#?\w+;/g, ' ').trim();
    const left = Number(x);
    const bottom = Number(y);
    const right = left + shown.length * Number(size) * CHARACTER_WIDTH;
    return shown === '' ? [] : [{ group, left, right, top: bottom - Number(size), bottom }];
  });
}

const touches = (a: Box, b: Box): boolean =>
  a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;

function areaOf(svg: string): number {
  const [, width = '0', height = '0'] = /viewBox="[\d.-]+ [\d.-]+ ([\d.]+) ([\d.]+)"/.exec(svg) ?? [];
  return Number(width) * Number(height);
}
