// A view as Mermaid text: code hosts draw it where an SVG cannot be shown, and a diff of it can be read.
//
// Mermaid draws no lines between the insides of different compound states; views have none (lines between top states go from
// border to border). Ids are the dotted paths with `_` for `.`; labels lose `:` and `;`, which end a label there.

import type { ChartView, ViewEdge, ViewState } from './chart-view.ts';

const idOf = (path: string): string => path.replaceAll('.', '_');
const labelText = (text: string): string => text.replaceAll(/[:;]/g, ' ');

export function mermaidOf(view: ChartView): string {
  const lines = ['stateDiagram-v2', ...(view.initial ? [`  [*] --> ${idOf(view.initial)}`] : [])];
  for (const state of view.states) lines.push(...stateLines(state, view, '  '));
  lines.push(...edgesBetween(view, null).map((edge) => edgeLine(edge, '  ')));
  return `${lines.join('\n')}\n`;
}

/** Inside a compound state: lines between its own states. Outside: all others. */
function edgesBetween(view: ChartView, parent: string | null): readonly ViewEdge[] {
  const parentOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf('.')));
  const home = (edge: ViewEdge): string => (parentOf(edge.from) === parentOf(edge.to) ? parentOf(edge.from) : '');
  return view.edges.filter((edge) => home(edge) === (parent ?? ''));
}

function stateLines(state: ViewState, view: ChartView, indent: string): readonly string[] {
  const id = idOf(state.path);
  const name = [state.kind === 'final' ? `${state.label} ◉` : state.label, ...state.lines.map(labelText)].join('<br/>');
  if (state.children.length === 0) return [`${indent}state "${name}" as ${id}`];
  const inner = `${indent}  `;
  return [
    `${indent}state "${name}" as ${id} {`,
    ...(state.initial ? [`${inner}[*] --> ${idOf(state.initial)}`] : []),
    ...state.children.flatMap((child) => stateLines(child, view, inner)),
    ...edgesBetween(view, state.path).map((edge) => edgeLine(edge, inner)),
    `${indent}}`,
  ];
}

function edgeLine(edge: ViewEdge, indent: string): string {
  const label = edge.labels.length > 0 ? ` : ${edge.labels.map(labelText).join('<br/>')}` : '';
  return `${indent}${idOf(edge.from)} --> ${idOf(edge.to)}${label}`;
}
