// A view as an SVG picture, laid out by state-machine-cat (Graphviz as WebAssembly: no browser, the same bytes every time).
//
// Every state is a group with `id` and `data-state` (its dotted path), every line one with `data-from` and `data-to`, so that a
// page can light the state a stream is in by adding the class `is-active`. Colours are rules scoped to the picture, for light
// and dark surroundings; nothing is loaded from anywhere.

import { type IState, type ITransition, render } from 'state-machine-cat';
import type { ChartView, ViewState } from './chart-view.ts';
import { ARRANGEMENTS, type Arrangement, bestOf } from './picture-layout.ts';

export async function svgOf(view: ChartView, chartId: string): Promise<string> {
  const laid = await bestOf(ARRANGEMENTS, (arrangement) => layOut(view, arrangement));
  return `${addressed(laid, view, chartId)}\n`;
}

async function layOut(view: ChartView, { rotation, rankInches, nodeInches }: Arrangement): Promise<string> {
  const states = [...view.states.slice(rotation), ...view.states.slice(0, rotation)];
  const lines = view.edges.map((edge) => ({ from: edge.from, to: edge.to, label: edge.labels.join('\n') }));
  return await render(
    {
      states: [...startOf(view.initial, ''), ...states.map(stateOf)],
      transitions: [...startLine(view.initial, ''), ...lines].map((line, n): ITransition => ({ ...line, id: n + 1 })),
    },
    {
      inputType: 'json',
      outputType: 'svg',
      direction: view.direction,
      dotGraphAttrs: [
        { name: 'ranksep', value: String(rankInches) },
        { name: 'nodesep', value: String(nodeInches) },
        { name: 'bgcolor', value: 'transparent' },
        { name: 'pad', value: '0.2' },
      ],
    },
  );
}

const startName = (parent: string): string => `${parent}/start`;
const startOf = (initial: string | null, parent: string): IState[] =>
  initial === null ? [] : [{ name: startName(parent), type: 'initial' }];
const startLine = (initial: string | null, parent: string): ITransition[] =>
  initial === null ? [] : [{ id: 0, from: startName(parent), to: initial }];

function stateOf(state: ViewState): IState {
  const own: IState = {
    name: state.path,
    label: state.kind === 'final' ? `${state.label} ◉` : state.label,
    type: 'regular',
    class: [`top-${state.path.split('.')[0]}`, `is-${state.kind}`].join(' '),
    ...(state.lines.length > 0 ? { actions: state.lines.map((body) => ({ type: 'activity', body })) } : {}),
  };
  if (state.children.length === 0) return own;
  return {
    ...own,
    statemachine: {
      states: [...startOf(state.initial, state.path), ...state.children.map(stateOf)],
      transitions: startLine(state.initial, state.path),
    },
  };
}

const decoded = (text: string): string =>
  text.replaceAll('&#45;', '-').replaceAll('&gt;', '>').replaceAll('&lt;', '<').replaceAll('&amp;', '&');
const encoded = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

/** Graphviz numbers its groups; here they get names that stay. Its `<title>`s become what a person sees on hovering. */
function addressed(raw: string, view: ChartView, chartId: string): string {
  const named = raw
    .slice(raw.indexOf('<svg'))
    .replaceAll(/<!--[\s\S]*?-->\n/g, '')
    .replaceAll(
      /<g id="[^"]*" class="(node|cluster|edge)([^"]*)">\n<title>([^<]*)<\/title>/g,
      (_, kind, classes, title) =>
        kind === 'edge' ? edgeGroup(decoded(title), classes) : stateGroup(decoded(title), kind, decoded(classes), view),
    )
    .replace(/<g id="graph0"([^>]*)>\n<title>[^<]*<\/title>\n/, '<g$1>\n')
    .replace(/<svg (width="[^"]*" height="[^"]*")/, `<svg $1 class="tailrace-chart" data-chart="${chartId}"`)
    .replace(/(<svg[^>]*>)/, `$1\n<title>${encoded(view.title)}</title>\n<style>${STYLE}</style>`)
    .replaceAll(' xml:space="preserve"', '')
    .replaceAll(/ &#160;&#160;(?=<\/text>)/g, '');
  return named.trimEnd();
}

function stateGroup(title: string, kind: string, classes: string, view: ChartView): string {
  const path = title.replace(/^cluster_/, '');
  if (path.endsWith('/start')) return '<g class="start">';
  return `<g id="${view.name}.${path}" class="${kind}${classes}" data-state="${path}">\n<title>${path}</title>`;
}

function edgeGroup(title: string, classes: string): string {
  const [from = '', to = ''] = title.split('->');
  const shown = from.endsWith('/start') ? 'start' : from;
  return `<g class="edge${classes}" data-from="${shown}" data-to="${to}">\n<title>${encoded(`${shown} → ${to}`)}</title>`;
}

/** Muted lines, plain boxes; the border's colour tells the top state. */
const STYLE = `
.tailrace-chart{max-width:100%;height:auto;background:#fff;color-scheme:light dark}
.tailrace-chart text{font:11px Helvetica,Arial,'Liberation Sans',sans-serif;fill:#1f2733}
.tailrace-chart .edge text{font-size:9.2px;fill:#3c4757;paint-order:stroke;stroke:#fff;stroke-width:3px;stroke-linejoin:round}
.tailrace-chart .edge path{stroke:#8c96a5}
.tailrace-chart .edge polygon{fill:#8c96a5;stroke:#8c96a5}
.tailrace-chart .node>path,.tailrace-chart .cluster>path{stroke:#5b6675;stroke-width:1.5}
.tailrace-chart .node>path{fill:none}
.tailrace-chart .node>polygon{fill:#fff;fill-opacity:1;stroke:none}
.tailrace-chart .node>polygon~polygon{fill:#c3cad4;stroke:#c3cad4}
.tailrace-chart .cluster>path{fill:#f6f8fa}
.tailrace-chart .start ellipse{fill:#5b6675;stroke:#5b6675}
.tailrace-chart .top-active>path{stroke:#2e8b57}
.tailrace-chart .top-pending_completion>path{stroke:#b7791f}
.tailrace-chart .top-finalizing>path{stroke:#2b6cb0}
.tailrace-chart .top-s3_completed>path{stroke:#1c7c54;stroke-width:2.5}
.tailrace-chart .top-failed>path{stroke:#c0392b}
.tailrace-chart .top-recovering>path{stroke:#805ad5}
.tailrace-chart .is-active>path{stroke-width:3.5}
.tailrace-chart .node.is-active>polygon:first-of-type,.tailrace-chart .cluster.is-active>path{fill:#ffe9a8}
@media (prefers-color-scheme:dark){
.tailrace-chart{background:#12161c}
.tailrace-chart text{fill:#e4e9f0}
.tailrace-chart .edge text{fill:#b4bfcd;stroke:#12161c}
.tailrace-chart .edge path{stroke:#6d7886}
.tailrace-chart .edge polygon{fill:#6d7886;stroke:#6d7886}
.tailrace-chart .node>polygon{fill:#12161c}
.tailrace-chart .node>polygon~polygon{fill:#3a4553;stroke:#3a4553}
.tailrace-chart .cluster>path{fill:#191f27}
.tailrace-chart .node.is-active>polygon:first-of-type{fill:#5a4a12}
.tailrace-chart .cluster.is-active>path{fill:#3a3318}
}
`;
