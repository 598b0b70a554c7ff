// What a picture shows of a chart. A chart with all its lines in one picture is a knot, so there are two kinds of view:
//
// - the overview: all states, nested; lines between top states go from border to border and carry no labels, which Graphviz
//   would heap on each other;
// - close views, one of each large compound state and one of the others: with guards; what leads out of a top state stands in the
//   boxes (`⇢`).
//
// Never lines, in either: rows that stay in their state (`↺` when they enter it again), the usual ways out after a failure (`✱`
// in the box), and in the overview all ways to `failed`. Nothing is lost: the tables have every row.

import {
  type Chart,
  type ChartRow,
  type ChartState,
  conditionOf,
  leafOf,
  stateAt,
  usualFailure,
} from './chart-model.ts';

export interface ViewState {
  /** The dotted path of the state: stable, and what `data-state` says in the picture. */
  readonly path: string;
  readonly label: string;
  readonly kind: 'state' | 'final';
  /** What stands in the box under the name. */
  readonly lines: readonly string[];
  readonly initial: string | null;
  readonly children: readonly ViewState[];
}

export interface ViewEdge {
  readonly from: string;
  readonly to: string;
  readonly labels: readonly string[];
}

export interface ChartView {
  /** File name without extension. */
  readonly name: string;
  readonly title: string;
  /** States that no lines connect stand below each other from left to right, and beside each other from top to bottom. */
  readonly direction: 'top-down' | 'left-right';
  readonly initial: string | null;
  readonly states: readonly ViewState[];
  readonly edges: readonly ViewEdge[];
}

/** Stands in the box of a state whose work fails in the usual way. */
export const USUAL_FAILURE_MARK = '✱';

const kebab = (text: string): string => text.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

export const fileNameOf = (chart: Chart): string => kebab(chart.id);

const childrenOf = (chart: Chart, path: string): readonly ChartState[] =>
  chart.states.filter((state) => state.parent === path);

const topOf = (path: string): string => path.split('.')[0] ?? path;

/** Any work may fail for good; drawn from every state, those lines would hide all others. */
const LAST_RESORT = 'failed';
/** Compound states large enough for a picture of their own. */
const MIN_STATES_FOR_A_CLOSE_VIEW = 3;
/** Name of the picture of all states that have none of their own. */
const OTHERS = 'others';

export function viewsOf(chart: Chart): readonly ChartView[] {
  const tops = childrenOf(chart, '').map((state) => state.path);
  const large = tops.filter((path) => childrenOf(chart, path).length >= MIN_STATES_FOR_A_CLOSE_VIEW);
  if (large.length === 0) return [{ ...closeView(chart, tops), initial: stateAt(chart, '').initial }];
  const others = tops.filter((path) => !large.includes(path));
  return [
    overview(chart),
    ...large.map((path) => named(closeView(chart, [path]), path, path)),
    othersView(chart, others),
  ];
}

const named = (view: ChartView, name: string, title: string): ChartView => ({
  ...view,
  name: `${view.name}-${name.replaceAll('_', '-')}`,
  title: `${view.title}: ${title}`,
});

/** One below the other. From left to right Graphviz stacks upwards, hence the reversal; no line enters them here. */
function othersView(chart: Chart, others: readonly string[]): ChartView {
  const view = named(closeView(chart, others), OTHERS, others.join(', '));
  return {
    ...view,
    direction: 'left-right',
    states: view.states.map((state) => ({ ...state, initial: null })).reverse(),
  };
}

function overview(chart: Chart): ChartView {
  const usual = usualFailure(chart).states;
  const edges = chart.states
    .flatMap((state) => state.rows)
    .filter((row) => isDrawn(row, usual) && topOf(row.target ?? '') !== LAST_RESORT)
    .map((row) => overviewEdge(chart, row));
  const box = (state: ChartState): ViewState => ({
    ...shownAs(state),
    lines: [...owedLines(state), ...failureMark(usual, state)],
    initial: null,
    children: childrenOf(chart, state.path).map(box),
  });
  return {
    name: fileNameOf(chart),
    title: `${chart.id}: all states`,
    direction: 'top-down',
    initial: stateAt(chart, '').initial,
    states: childrenOf(chart, '').map(box),
    edges: merged(edges),
  };
}

function overviewEdge(chart: Chart, row: ChartRow): ViewEdge {
  const leaf = leafOf(chart, row.target ?? '');
  return topOf(row.state) === topOf(leaf)
    ? { from: row.state, to: leaf, labels: [row.event ?? `[${row.guard}]`] }
    : { from: topOf(row.state), to: topOf(leaf), labels: [] };
}

function closeView(chart: Chart, tops: readonly string[]): ChartView {
  const usual = usualFailure(chart).states;
  // A chart without large states is one picture: all its lines are drawn.
  const isWhole = tops.length === childrenOf(chart, '').length;
  const isNear = (from: string, to: string): boolean => isWhole || topOf(from) === topOf(to);
  const edges = chart.states
    .flatMap((state) => state.rows)
    .filter((row) => isDrawn(row, usual) && tops.includes(topOf(row.state)) && isNear(row.state, row.target ?? ''))
    .map((row) => ({ from: row.state, to: row.target ?? '', labels: [closeLabel(chart, row)] }));
  const box = (state: ChartState): ViewState => ({
    ...shownAs(state),
    lines: [...closeLines(chart, state, (to) => isNear(state.path, to)), ...failureMark(usual, state)],
    initial: state.initial,
    children: childrenOf(chart, state.path).map(box),
  });
  return {
    name: fileNameOf(chart),
    title: chart.id,
    direction: 'top-down',
    initial: null,
    states: tops.map((path) => box(stateAt(chart, path))),
    edges: merged(edges),
  };
}

const shownAs = (state: ChartState): Pick<ViewState, 'path' | 'label' | 'kind'> => ({
  path: state.path,
  label: state.name,
  kind: state.kind === 'final' ? 'final' : 'state',
});

const failureMark = (usual: readonly string[], state: ChartState): readonly string[] =>
  usual.includes(state.path) ? [`may fail ${USUAL_FAILURE_MARK}`] : [];

const isDrawn = (row: ChartRow, usual: readonly string[]): boolean =>
  row.target !== null && row.target !== row.state && !(row.event === 'effect.failed' && usual.includes(row.state));

const owedLines = (state: ChartState): readonly string[] => state.owes.map((work) => `owes ${work}`);

function closeLines(chart: Chart, state: ChartState, isNear: (path: string) => boolean): readonly string[] {
  const usual = usualFailure(chart).states.includes(state.path);
  const told = state.rows.filter(
    (row) =>
      (row.target === null || row.target === state.path || !isNear(row.target)) &&
      !(usual && row.event === 'effect.failed'),
  );
  return [
    ...(state.entry.length > 0 ? [`entry / ${state.entry.join(', ')}`] : []),
    ...owedLines(state),
    ...told.map((row) => closeLabel(chart, row) + outcomeOf(row)),
  ];
}

function outcomeOf(row: ChartRow): string {
  if (row.target === row.state) return ' ↺';
  if (row.target !== null) return ` ⇢ ${row.target}`;
  return row.actions.length > 0 ? ` / ${row.actions.join(', ')}` : ' / (ignored)';
}

function closeLabel(chart: Chart, row: ChartRow): string {
  const condition = conditionOf(chart, row);
  return [row.event, condition ? `[${condition}]` : null].filter((part) => part !== null).join(' ');
}

/** One line per pair of states, its labels in the order of the chart. */
function merged(edges: readonly ViewEdge[]): readonly ViewEdge[] {
  const byPair = new Map<string, { readonly from: string; readonly to: string; readonly labels: Set<string> }>();
  for (const edge of edges) {
    const key = `${edge.from}>${edge.to}`;
    const known = byPair.get(key) ?? { from: edge.from, to: edge.to, labels: new Set<string>() };
    for (const label of edge.labels) known.labels.add(label);
    byPair.set(key, known);
  }
  return [...byPair.values()].map((edge) => ({ ...edge, labels: [...edge.labels] }));
}
