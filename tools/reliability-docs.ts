// docs/reliability.md: what is promised, which faults it is promised under, and the test that covers each. Run as a program it
// writes the file; a test compares the two.
//
// A test covers a row of the fault table by beginning its title with the row's number, so titles are read out of the sources of the
// tests, without running them: any text that begins with `F33 ` counts, wherever the title is put together from.

import { existsSync, globSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseSync } from 'vite';
import { FAULT_GROUPS, INVARIANTS } from '../test/faults/fault-rows.ts';

const ROOT = join(import.meta.dirname, '..');
export const RELIABILITY_FILE = join(ROOT, 'docs', 'reliability.md');

export interface CoveringTest {
  readonly file: string;
  /** With the rows that it begins with. */
  readonly title: string;
  readonly rows: readonly number[];
}

interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [field: string]: unknown;
}

const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && typeof (value as Node).type === 'string';

const childrenOf = (node: Node): readonly Node[] => Object.values(node).flat().filter(isNode);

const rowsNamed = (text: string): readonly number[] =>
  [...(/^(?:F\d+ )+/.exec(text)?.[0].matchAll(/\d+/g) ?? [])].map(([digits]) => Number(digits));

/** The text of a literal; what a template fills in is an ellipsis, except for the rows that it may name. */
function textOf(node: Node | undefined): string | null {
  if (node?.type === 'Literal') return typeof node['value'] === 'string' ? node['value'] : null;
  if (node?.type !== 'TemplateLiteral') return null;
  const filled = (node['expressions'] as readonly Node[]).map((each) => rowsInside(each).join('') || '…');
  return (node['quasis'] as readonly { value: { cooked: string } }[])
    .map(({ value }, at) => value.cooked + (filled[at] ?? ''))
    .join('');
}

function rowsInside(node: Node): readonly string[] {
  const text = node.type === 'Literal' ? textOf(node) : null;
  return text && /^(?:F\d+ )+$/.test(text) ? [text] : childrenOf(node).flatMap(rowsInside);
}

/** `rows: 'F34', what: '502 with a page'` of a table whose titles are made of its fields. */
function titleOfFields(node: Node): string | null {
  if (node.type !== 'ObjectExpression') return null;
  const field = (name: string) =>
    (node['properties'] as readonly Node[]).find(({ key }) => (key as Node | undefined)?.['name'] === name)?.['value'];
  const rows = textOf(field('rows') as Node | undefined);
  return rows && /^F\d+( F\d+)*$/.test(rows) ? `${rows} ${textOf(field('what') as Node | undefined) ?? '…'}` : null;
}

function titlesIn(node: Node): readonly string[] {
  const title = titleOfFields(node) ?? textOf(node);
  if (title !== null && rowsNamed(title).length > 0) return [title];
  return childrenOf(node).flatMap(titlesIn);
}

/** What the source of a test file covers. */
export function coveredBy(file: string, source: string): readonly CoveringTest[] {
  const { program, errors } = parseSync(file, source);
  if (errors.length > 0) throw new Error(`${file}: ${errors[0]?.message}`);
  return titlesIn(program as unknown as Node).map((title) => ({ file, title, rows: rowsNamed(title) }));
}

/** Contracts are tests too, under other names; the table itself and what tests this program are none. */
const NO_TESTS = ['test/faults/fault-rows.ts', 'test/project/reliability.test.ts'];

export function coveringTests(): readonly CoveringTest[] {
  const files = globSync('test/**/*.ts', { cwd: ROOT }).filter((file) => !NO_TESTS.includes(file));
  return files.sort().flatMap((file) => coveredBy(file, readFileSync(join(ROOT, file), 'utf8')));
}

/** The promises are the titles of their tests. */
function promises(): readonly string[] {
  const source = readFileSync(join(ROOT, 'test/semantics/promises.test.ts'), 'utf8');
  const found: string[] = [];
  const walk = (node: Node): void => {
    const called = (node['callee'] as Node | undefined)?.['name'];
    const title =
      node.type === 'CallExpression' && called === 'test' ? (node['arguments'] as readonly Node[])[0] : null;
    const text = textOf(title ?? undefined);
    if (text) found.push(text);
    childrenOf(node).forEach(walk);
  };
  walk(parseSync('promises.ts', source).program as unknown as Node);
  return found;
}

const FIGURES = [
  ['simulation.md', 'the deterministic simulation: seeds, runs, what it found, planted bugs'],
  ['kill-campaign.md', 'the kill campaign on real processes: kills, streams, bytes sent again'],
  ['standby.md', 'two daemons, one folder: stopped past the lease and continued'],
  ['registry.md', 'Redis and STATE_DIR killed, emptied, rolled back, damaged'],
  ['performance.md', 'what it costs'],
] as const;

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('<', '&lt;').replaceAll('*', '\\*');

/** Of titles in tables: `%s`, `%j`, `$name`. */
const FILLED_IN = /%[a-z]|\$\w+/g;

function testsCell(covering: readonly CoveringTest[]): string {
  const files = [...new Set(covering.map(({ file }) => file))];
  return files
    .map((file) => {
      const titles = [...new Set(covering.filter((test) => test.file === file).map(({ title }) => title))];
      const shown = titles.map((title) => cell(title.replace(/^(?:F\d+ )+/, '').replaceAll(FILLED_IN, '…')));
      return `[${file.replace(/^test\//, '').replace(/\.test\.ts$|\.ts$/, '')}](../${file}): ${shown.join(' · ')}`;
    })
    .join('<br>');
}

function groupText({ name, rows }: (typeof FAULT_GROUPS)[number], tests: readonly CoveringTest[]): readonly string[] {
  return [
    `### ${name}`,
    '',
    '| | what happens | what tailrace does | keeps | tests |',
    '|---|---|---|---|---|',
    ...rows.map(({ id, fault, right, keeps }) => {
      const covering = tests.filter((test) => test.rows.includes(id));
      return `| F${id} | ${cell(fault)} | ${cell(right)} | ${keeps.join(' ')} | ${testsCell(covering)} |`;
    }),
    '',
  ];
}

export function reliabilityText(tests: readonly CoveringTest[] = coveringTests()): string {
  const figures = FIGURES.filter(([file]) => existsSync(join(ROOT, 'docs', file)));
  return [
    '<!-- Generated by `npm run reliability` from the fault table and the titles of the tests. Do not edit. -->',
    readFileSync(join(import.meta.dirname, 'reliability-page.md'), 'utf8')
      .replace(
        '{promises}',
        promises()
          .map((sentence, at) => `${at + 1}. ${sentence}`)
          .join('\n'),
      )
      .replace('{figures}', figures.map(([file, what]) => `- [${file}](${file}): ${what}`).join('\n'))
      .replace(
        '{invariants}',
        Object.entries(INVARIANTS)
          .map(([id, what]) => `**${id}** ${what}`)
          .join(' · '),
      )
      .trimEnd(),
    '',
    ...FAULT_GROUPS.flatMap((group) => groupText(group, tests)),
  ].join('\n');
}

if (import.meta.main) await writeFile(RELIABILITY_FILE, reliabilityText());
