// A chart as Markdown tables: one section for each state, one row for each transition, nothing left out.

import { type Chart, type ChartRow, type ChartState, conditionOf, leafOf, stateAt } from './chart-model.ts';

const code = (text: string): string => `\`${text}\``;
const codes = (texts: readonly string[]): string => texts.map(code).join(', ');
const HEAD = ['| event | guard | next | next owes | actions |', '|---|---|---|---|---|'];

export function tablesOf(chart: Chart): string {
  return chart.states.map((state) => sectionOf(chart, state).join('\n')).join('\n\n');
}

function sectionOf(chart: Chart, state: ChartState): readonly string[] {
  return [
    `### ${state.kind === 'machine' ? machineTitle(state) : code(state.path)}`,
    '',
    ...factsOf(state),
    ...(state.rows.length > 0 ? ['', ...HEAD, ...state.rows.map((row) => rowOf(chart, row))] : []),
  ];
}

const machineTitle = (machine: ChartState): string =>
  machine.rows.length > 0 ? 'Heard in every state' : 'At the start';

function factsOf(state: ChartState): readonly string[] {
  const facts = [
    state.kind === 'final' ? 'Final: nothing is owed any more.' : null,
    state.initial !== null ? `Entered at ${code(state.initial)}.` : null,
    state.owes.length > 0 ? `Owes ${codes(state.owes)}.` : null,
    state.entry.length > 0 ? `On entry: ${codes(state.entry)}.` : null,
    state.exit.length > 0 ? `On exit: ${codes(state.exit)}.` : null,
  ].filter((fact) => fact !== null);
  return [facts.length > 0 ? facts.join(' ') : 'Owes nothing.'];
}

function rowOf(chart: Chart, row: ChartRow): string {
  const condition = conditionOf(chart, row);
  const owes = row.target === null ? [] : stateAt(chart, leafOf(chart, row.target)).owes;
  const cells = [
    row.event === null ? 'at once' : code(row.event),
    condition === null ? '' : condition === 'else' ? 'else' : code(condition),
    nextOf(chart, row),
    codes(owes),
    row.target === null && row.actions.length === 0 ? 'none: ignored here' : codes(row.actions),
  ];
  return `| ${cells.join(' | ')} |`.replaceAll('|  |', '| |');
}

function nextOf(chart: Chart, row: ChartRow): string {
  if (row.target === null) return 'stays';
  const leaf = leafOf(chart, row.target);
  return row.target === row.state && row.reenter ? `${code(leaf)} again` : code(leaf);
}
