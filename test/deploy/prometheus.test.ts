// What is shipped for Prometheus and Grafana: the alert rules by promtool's own tests, and that neither rules nor dashboard
// name a metric that does not exist.

import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { COUNTERS, GAUGES, HISTOGRAMS, PROCESS_METRICS } from '../../src/adapters/prometheus-table.ts';

const DEPLOY = new URL('../../deploy/', import.meta.url).pathname;
const RULES = join(DEPLOY, 'prometheus/alerts.yaml');
const RULE_TESTS = join(DEPLOY, 'prometheus/alerts.test.yaml');
const DASHBOARD = join(DEPLOY, 'grafana/tailrace.json');

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}
interface Rules {
  readonly groups: readonly { readonly name: string; readonly rules: readonly Rule[] }[];
}
interface Panel {
  readonly id: number;
  readonly title: string;
  readonly type: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly expr: string }[];
}

const rulesOf = (): Rules => parse(readFileSync(RULES, 'utf8'));
const allRules = (): readonly Rule[] => rulesOf().groups.flatMap((group) => group.rules);
const panels = (): readonly Panel[] => JSON.parse(readFileSync(DASHBOARD, 'utf8')).panels;
const expressions = (): readonly string[] => panels().flatMap((panel) => (panel.targets ?? []).map(({ expr }) => expr));

const KNOWN = new Set<string>([
  'up',
  ...PROCESS_METRICS,
  ...GAUGES.map(({ name }) => name),
  ...Object.values(COUNTERS).map(({ name }) => name),
  ...Object.values(HISTOGRAMS).flatMap(({ name }) => [`${name}_bucket`, `${name}_sum`, `${name}_count`]),
]);
const namesIn = (expr: string): readonly string[] => expr.match(/\b(?:tailrace|process)_[a-z0-9_]+|\bup\b/g) ?? [];

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function promtool(...args: readonly string[]): { readonly status: number | null; readonly said: string } {
  const { status, stdout, stderr, error } = spawnSync('promtool', args, { encoding: 'utf8' });
  if (error) throw error;
  return { status, said: stdout + stderr };
}

/** promtool's verdict on the shipped tests, with these rules instead of the shipped ones. */
function testedWith(rules: unknown): number | null {
  const folder = mkdtempSync(join(tmpdir(), 'tailrace-alerts-'));
  folders.push(folder);
  writeFileSync(join(folder, 'alerts.yaml'), stringify(rules));
  copyFileSync(RULE_TESTS, join(folder, 'alerts.test.yaml'));
  return promtool('test', 'rules', join(folder, 'alerts.test.yaml')).status;
}

const withRule = (alert: string, change: Partial<Rule>): Rules => ({
  groups: rulesOf().groups.map((group) => ({
    ...group,
    rules: group.rules.map((rule) => (rule.alert === alert ? { ...rule, ...change } : rule)),
  })),
});

describe('the alert rules', () => {
  test('do what their own tests say (promtool)', () => {
    expect(promtool('check', 'rules', RULES)).toMatchObject({ status: 0 });
    const tested = promtool('test', 'rules', RULE_TESTS);
    expect(tested.status, tested.said).toBe(0);
  });

  test.each(allRules().map(({ alert }) => alert))('%s: its tests notice when it never fires', (alert) => {
    expect(testedWith(withRule(alert, { expr: 'vector(1) > 2' }))).not.toBe(0);
  });

  test('an alert that always fires is noticed', () => {
    expect(testedWith(rulesOf())).toBe(0);
    expect(testedWith(withRule('TailraceStreamFailed', { expr: 'vector(1)' }))).not.toBe(0);
  });

  test('name only metrics that there are, and labels with values that there are', () => {
    for (const { alert, expr } of allRules()) {
      expect(
        namesIn(expr).filter((name) => !KNOWN.has(name)),
        alert,
      ).toEqual([]);
      expect(namesIn(expr).length, alert).toBeGreaterThan(0);
    }
    const labels = [...Object.values(COUNTERS), ...GAUGES].flatMap(({ label }) => (label ? [label] : []));
    for (const text of [...allRules().map(({ expr }) => expr), ...expressions()]) {
      for (const [, name = '', values = ''] of text.matchAll(/\b(state|code|status|outcome|answer)[=!]~?"([^"]*)"/g)) {
        const known = labels.filter((label) => label.name === name).flatMap((label) => label.values);
        expect(
          values.split('|').filter((value) => !known.includes(value)),
          text,
        ).toEqual([]);
      }
    }
  });

  test('each says what it is, what to do, how urgent it is, and which section tells more', () => {
    for (const { alert, labels, annotations } of allRules()) {
      expect(labels['severity'], alert).toMatch(/^(page|ticket)$/);
      expect(annotations['summary'], alert).not.toBe('');
      expect(annotations['description']?.length, alert).toBeGreaterThan(80);
      expect(annotations['runbook'], alert).toBe(`docs/troubleshooting.md#${alert.toLowerCase()}`);
    }
  });
});

describe('the dashboard', () => {
  test('names only metrics that there are, in queries that Prometheus can read', () => {
    const unknown = expressions()
      .flatMap(namesIn)
      .filter((name) => !KNOWN.has(name));
    expect(unknown).toEqual([]);
    expect(expressions().length).toBeGreaterThan(20);
    const folder = mkdtempSync(join(tmpdir(), 'tailrace-dashboard-'));
    folders.push(folder);
    // Grafana's variables as it fills them in.
    const filled = expressions().map((expr) => expr.replaceAll('$__rate_interval', '5m').replaceAll('$instance', '.*'));
    const rules = filled.map((expr, n) => ({ record: `panel:${n}`, expr }));
    writeFileSync(join(folder, 'panels.yaml'), stringify({ groups: [{ name: 'panels', rules }] }));
    const checked = promtool('check', 'rules', '--lint=none', join(folder, 'panels.yaml'));
    expect(checked.status, checked.said).toBe(0);
  });

  test('has each panel in a place of its own', () => {
    const ids = panels().map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const taken = new Set<string>();
    for (const { title, gridPos } of panels()) {
      expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(24);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
          expect(taken.has(`${x} ${y}`), title).toBe(false);
          taken.add(`${x} ${y}`);
        }
      }
    }
  });
});
