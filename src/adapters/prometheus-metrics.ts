// Counters, histograms and gauges in prom-client, in a registry of their own. Every combination of labels is there at 0 from the
// start, so that a rate exists before the first event; a label value outside its list is counted as `other`, never as a new series.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { GaugeReadings } from '../ports/gauges.ts';
import type { CounterName, DurationName, Telemetry } from '../ports/telemetry.ts';
import { COUNTERS, GAUGES, type GaugeRow, HISTOGRAMS, type LabelRow, OTHER } from './prometheus-table.ts';

export interface PrometheusMetrics extends Pick<Telemetry, 'count' | 'observe'> {
  /** Prometheus' text format. */
  text(): Promise<string>;
}

/** `readings` is asked at each scrape. */
export function createPrometheusMetrics(readings: () => GaugeReadings): PrometheusMetrics {
  const registry = new Registry();
  const counters = mapRows(COUNTERS, (row) => counterOf(registry, row));
  const histograms = mapRows(HISTOGRAMS, (row) => histogramOf(registry, row));
  const setters = GAUGES.map((row) => gaugeOf(registry, row));
  addProcess(registry);
  if (existsSync(OWN_DESCRIPTORS)) addDescriptors(registry);
  return {
    count(name: CounterName, by = 1, label?: string) {
      counters[name].inc(labelsOf(COUNTERS[name].label, label), by);
    },
    observe(name: DurationName, ms: number, label?: string) {
      histograms[name].observe(labelsOf(HISTOGRAMS[name].label, label), ms / 1_000);
    },
    text() {
      const now = readings();
      for (const set of setters) set(now);
      return registry.metrics();
    },
  };
}

function mapRows<Name extends string, Row, Made>(rows: Readonly<Record<Name, Row>>, make: (row: Row) => Made) {
  return Object.fromEntries(Object.entries<Row>(rows).map(([name, row]) => [name, make(row)])) as Record<Name, Made>;
}

function labelsOf(row: LabelRow | undefined, value: string | undefined): Record<string, string> {
  if (!row) return {};
  return { [row.name]: value !== undefined && row.values.includes(value) ? value : OTHER };
}

const namesOf = (row: LabelRow | undefined): string[] => (row ? [row.name] : []);

function counterOf(registry: Registry, { name, help, label }: (typeof COUNTERS)[CounterName]): Counter {
  const counter = new Counter({ name, help, labelNames: namesOf(label), registers: [registry] });
  for (const value of label?.values ?? []) counter.inc(labelsOf(label, value), 0);
  return counter;
}

function histogramOf(registry: Registry, { name, help, label, buckets }: (typeof HISTOGRAMS)[DurationName]): Histogram {
  const options = { name, help, labelNames: namesOf(label), buckets: [...buckets], registers: [registry] };
  const histogram = new Histogram(options);
  for (const value of label?.values ?? []) histogram.zero(labelsOf(label, value));
  return histogram;
}

function gaugeOf(registry: Registry, { name, help, label, read }: GaugeRow): (now: GaugeReadings) => void {
  const gauge = new Gauge({ name, help, labelNames: namesOf(label), registers: [registry] });
  return (now) => {
    const value = read(now);
    if (typeof value === 'number') return gauge.set(value);
    for (const known of label?.values ?? []) gauge.set(labelsOf(label, known), value[known] ?? 0);
  };
}

/** Those that every dashboard of a process begins with, under the names that all of them use. */
function addProcess(registry: Registry): void {
  const registers = [registry];
  const startedAtSeconds = Math.round(performance.timeOrigin) / 1_000;
  new Gauge({ name: 'process_start_time_seconds', help: 'Start of the process since 1970.', registers }).set(
    startedAtSeconds,
  );
  new Gauge({
    name: 'process_resident_memory_bytes',
    help: 'Resident memory.',
    registers,
    collect() {
      this.set(process.memoryUsage.rss());
    },
  });
  new Counter({
    name: 'process_cpu_seconds_total',
    help: 'User and system CPU time spent.',
    registers,
    collect() {
      const { user, system } = process.cpuUsage();
      this.reset();
      this.inc((user + system) / 1e6);
    },
  });
}

/** Of each process, on Linux. */
const OWN_DESCRIPTORS = '/proc/self/fd';

function addDescriptors(registry: Registry): void {
  const registers = [registry];
  new Gauge({ name: 'process_max_fds', help: 'Files that may be open at once.', registers }).set(openFilesLimit());
  new Gauge({
    name: 'process_open_fds',
    help: 'Files that are open; tailrace keeps those of its streams open.',
    registers,
    collect() {
      this.set(readdirSync(OWN_DESCRIPTORS).length);
    },
  });
}

/** Infinity where it is not told: then it is not what runs out. */
function openFilesLimit(): number {
  const [, limit] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
  return limit === undefined ? Number.POSITIVE_INFINITY : Number(limit);
}
