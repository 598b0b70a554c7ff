// A machine as plain rows: every state, what it owes, and every transition it can take, `always` included.
//
// It is read off the machine object (`root`, `states`, `transitions`, `always`, `invoke`), never off the source, so the charts
// and the path tests count exactly what runs. @xstate/graph's `toDirectedGraph` omits `always`, hence the own walk.
// A guard or an action without a name throws: a chart that cannot be read as a table is a mistake in the machine.

export interface ChartRow {
  /** Dotted path of the state that has the row; '' for the machine itself (heard in every state). */
  readonly state: string;
  /** null: taken at once, without an event (`always`). */
  readonly event: string | null;
  /** null: no condition; with rows of the same event before it, this one is "else". */
  readonly guard: string | null;
  /** Dotted path; null: the state is not left. */
  readonly target: string | null;
  readonly reenter: boolean;
  readonly actions: readonly string[];
}

export interface ChartState {
  readonly path: string;
  readonly name: string;
  readonly parent: string | null;
  readonly kind: 'machine' | 'atomic' | 'compound' | 'final';
  /** Path of the child that is entered first. */
  readonly initial: string | null;
  readonly entry: readonly string[];
  readonly exit: readonly string[];
  /** Names of the work that the state owes as long as it lasts. */
  readonly owes: readonly string[];
  readonly rows: readonly ChartRow[];
}

export interface Chart {
  readonly id: string;
  /** In the order of the source, parents before children; the machine itself first. */
  readonly states: readonly ChartState[];
}

/** The parts of XState's `StateNode` that are read here. */
interface TransitionNode {
  readonly guard?: unknown;
  readonly target?: readonly { readonly id: string }[] | undefined;
  readonly reenter: boolean;
  readonly actions: readonly unknown[];
}
export interface MachineNode {
  readonly id: string;
  readonly key: string;
  readonly type: string;
  readonly entry: readonly unknown[];
  readonly exit: readonly unknown[];
  readonly invoke: readonly { readonly id: string; readonly src: unknown }[];
  readonly initial: { readonly target: readonly { readonly id: string }[] | undefined } | undefined;
  readonly transitions: ReadonlyMap<string, readonly TransitionNode[]>;
  readonly always?: readonly TransitionNode[] | undefined;
  readonly states: Readonly<Record<string, MachineNode>>;
}
export interface MachineObject {
  readonly id: string;
  readonly root: MachineNode;
}

export function chartOf(machine: MachineObject): Chart {
  const pathOf = (id: string): string => id.slice(machine.id.length + 1);
  const states: ChartState[] = [];
  const visit = (node: MachineNode, parent: string | null): void => {
    const path = pathOf(node.id);
    states.push(stateOf(node, path, parent, pathOf));
    for (const child of Object.values(node.states)) visit(child, path);
  };
  visit(machine.root, null);
  return { id: machine.id, states };
}

function stateOf(node: MachineNode, path: string, parent: string | null, pathOf: (id: string) => string): ChartState {
  const row = (event: string | null, from: TransitionNode): ChartRow => {
    const target = from.target?.[0];
    return {
      state: path,
      event,
      guard: from.guard === undefined ? null : nameOf(from.guard, path),
      target: target ? pathOf(target.id) : null,
      reenter: from.reenter,
      actions: from.actions.map((action) => nameOf(action, path)),
    };
  };
  const rows = (node.always ?? []).map((one) => row(null, one));
  for (const [event, alternatives] of node.transitions) rows.push(...alternatives.map((one) => row(event, one)));
  const first = node.initial?.target?.[0];
  return {
    path,
    name: node.key,
    parent,
    kind: parent === null ? 'machine' : kindOf(node),
    initial: first ? pathOf(first.id) : null,
    entry: node.entry.map((action) => nameOf(action, path)),
    exit: node.exit.map((action) => nameOf(action, path)),
    owes: node.invoke.map((owed) => owed.id),
    rows,
  };
}

const kindOf = (node: MachineNode): 'atomic' | 'compound' | 'final' =>
  node.type === 'final' ? 'final' : Object.keys(node.states).length > 0 ? 'compound' : 'atomic';

/** `giveUpFor` or, with parameters, `giveUpFor(active.opening)`. */
function nameOf(part: unknown, path: string): string {
  if (typeof part === 'string') return part;
  const { type, params } = part as { readonly type?: unknown; readonly params?: Readonly<Record<string, unknown>> };
  if (typeof part !== 'object' || typeof type !== 'string')
    throw new Error(`a guard or action without a name in state "${path}": give it one in setup()`);
  return params ? `${type}(${Object.values(params).join(', ')})` : type;
}

/** The machine's own transition objects, as seen by an inspector, and the row each of them is. */
export function rowsByDefinition(machine: MachineObject): ReadonlyMap<object, ChartRow> {
  const rows = new Map<object, ChartRow>();
  const chart = chartOf(machine);
  const visit = (node: MachineNode): void => {
    const state = stateAt(chart, node.id.slice(machine.id.length + 1));
    for (const [n, definition] of definitionsOf(node).entries()) {
      const row = state.rows[n];
      if (row) rows.set(definition, row);
    }
    for (const child of Object.values(node.states)) visit(child);
  };
  visit(machine.root);
  return rows;
}

/** In the order of the rows: `always` first. */
const definitionsOf = (node: MachineNode): readonly TransitionNode[] => [
  ...(node.always ?? []),
  ...[...node.transitions.values()].flat(),
];

export const allRows = (chart: Chart): readonly ChartRow[] => chart.states.flatMap((state) => state.rows);

export function stateAt(chart: Chart, path: string): ChartState {
  const found = chart.states.find((state) => state.path === path);
  if (!found) throw new Error(`no state "${path}" in ${chart.id}`);
  return found;
}

/** Where a chart is once it is told to go to `path`: compound states go on to their first child. */
export function leafOf(chart: Chart, path: string): string {
  const { initial } = stateAt(chart, path);
  return initial === null ? path : leafOf(chart, initial);
}

/** A row's guard as people read it: its name, `else` after rows with guards, or nothing. */
export function conditionOf(chart: Chart, row: ChartRow): string | null {
  if (row.guard !== null) return row.guard;
  const alternatives = stateAt(chart, row.state).rows.filter((other) => other.event === row.event);
  return alternatives.length > 1 ? 'else' : null;
}

/**
 * States whose work fails in the usual way: the `effect.failed` rows that most states share. Pictures show these rows once, the
 * tables in every state.
 */
export interface UsualFailure {
  readonly states: readonly string[];
  readonly rows: readonly ChartRow[];
}

const FAILED = 'effect.failed';
/** Fewer states than this with the same rows are no custom of the chart. */
const MIN_STATES_FOR_A_CUSTOM = 3;

export function usualFailure(chart: Chart): UsualFailure {
  const bySignature = new Map<string, ChartState[]>();
  for (const state of chart.states) {
    const failing = failureRows(state);
    if (failing.length === 0) continue;
    const signature = failing
      .map((row) => `${row.guard}>${row.target === row.state ? 'itself' : row.target}`)
      .join('|');
    bySignature.set(signature, [...(bySignature.get(signature) ?? []), state]);
  }
  const largest = [...bySignature.values()].sort((a, b) => b.length - a.length)[0] ?? [];
  const example = largest[0];
  if (!example || largest.length < MIN_STATES_FOR_A_CUSTOM) return { states: [], rows: [] };
  const rows = failureRows(example);
  const states = chart.states.filter((state) => failsLike(rows, state)).map((state) => state.path);
  return { states, rows };
}

const failureRows = (state: ChartState): readonly ChartRow[] => state.rows.filter((row) => row.event === FAILED);

/** Row by row the same guard, and the same target or, like the example, the state itself. */
function failsLike(example: readonly ChartRow[], state: ChartState): boolean {
  const rows = failureRows(state);
  return (
    rows.length === example.length &&
    example.every((usual, n) => {
      const row = rows[n];
      const target = usual.target === usual.state ? state.path : usual.target;
      return row !== undefined && row.guard === usual.guard && row.target === target;
    })
  );
}
