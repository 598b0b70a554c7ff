// /metrics of the built daemon, after things happened to it that are counted: by promtool's measure, and by the table.

import { spawnSync } from 'node:child_process';
import { closeSync, openSync, unlinkSync, writeFileSync, writeSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { COUNTERS, GAUGES, HISTOGRAMS, PROCESS_METRICS } from '../../src/adapters/prometheus-table.ts';
import { content } from '../fixtures/writers/content.ts';
import { CHUNK_BYTES, MIB, openScene, type Scene } from './harness/scene.ts';
import { until } from './harness/waiting.ts';

type Samples = ReadonlyMap<string, number>;

async function scrape({ daemon }: Scene): Promise<{ readonly text: string; readonly samples: Samples }> {
  const text = await daemon.text('/metrics');
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  const pairs = lines.map(
    (line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))] as const,
  );
  return { text, samples: new Map(pairs) };
}

const waitFor = (scene: Scene, series: string, isSo: (value: number) => boolean): Promise<number> =>
  until(series, async () => {
    const value = (await scrape(scene)).samples.get(series) ?? Number.NaN;
    return isSo(value) ? value : null;
  });

describe('/metrics of the daemon', { timeout: 120_000 }, () => {
  test('has every series from the start, keeps to them whatever happens, and promtool finds no fault', async (test) => {
    const scene = await openScene(test, { redis: true });
    const first = await scrape(scene);
    const names = [...GAUGES, ...Object.values(COUNTERS), ...Object.values(HISTOGRAMS)].map(({ name }) => name);
    for (const name of [...names, ...PROCESS_METRICS]) expect(first.text, name).toContain(`# TYPE ${name} `);
    for (const { name, label } of Object.values(COUNTERS)) {
      for (const value of label?.values ?? ['']) {
        expect(first.samples.has(label ? `${name}{${label.name}="${value}"}` : name), `${name} ${value}`).toBe(true);
      }
    }

    await scene.s3.addFaults({ operation: 'UploadPart', key: 'take.mp4', partNumber: 2, fault: 'status503', times: 1 });
    const path = scene.path('take.mp4');
    writeFileSync(path, content(3 * CHUNK_BYTES + MIB));
    await waitFor(scene, 'tailrace_parts_uploaded_total', (value) => value >= 2);
    await waitFor(scene, 'tailrace_open_uploads', (value) => value === 1);
    // The header is patched at the end, as recorders do.
    const fd = openSync(path, 'r+');
    writeSync(fd, Buffer.from('moov'), 0, 4, 40);
    closeSync(fd);
    await scene.daemon.waitForState('take.mp4', 'completed');

    const { text, samples } = await scrape(scene);
    expect([...samples.keys()]).toEqual([...first.samples.keys()]);
    const value = (series: string): number => samples.get(series) ?? Number.NaN;
    expect(value('tailrace_parts_uploaded_total')).toBeGreaterThanOrEqual(5);
    expect(value('tailrace_parts_resent_total')).toBeGreaterThanOrEqual(1);
    expect(value('tailrace_verify_different_parts_total')).toBeGreaterThanOrEqual(1);
    expect(value('tailrace_parts_failed_total')).toBe(1);
    expect(value('tailrace_retries_total{code="s3_throttled"}')).toBe(1);
    expect(value('tailrace_streams_ended_total{status="completed"}')).toBe(1);
    expect(value('tailrace_open_uploads')).toBe(0);
    expect(value('tailrace_registry_reachable')).toBe(1);
    expect(value('tailrace_supervisor_tick_age_seconds')).toBeLessThan(10);
    expect(value('tailrace_tick_delay_seconds_count')).toBeGreaterThan(1);
    expect(value('process_open_fds')).toBeGreaterThan(10);
    const checked = spawnSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' });
    expect(checked.stdout + checked.stderr).toBe('');
    expect(checked.status).toBe(0);
  });

  test('tells bytes of deleted files that only the daemon keeps, until they are carried', async (test) => {
    const scene = await openScene(test);
    const path = scene.path('gone.mkv');
    const fd = openSync(path, 'w');
    writeSync(fd, content(CHUNK_BYTES + MIB));
    await scene.daemon.waitForState('gone.mkv', ({ partsHeld }) => partsHeld === 1);
    unlinkSync(path);
    await waitFor(scene, 'tailrace_held_bytes', (value) => value === CHUNK_BYTES + MIB);
    closeSync(fd);
    await waitFor(scene, 'tailrace_streams_ended_total{status="completed"}', (value) => value === 1);
    await waitFor(scene, 'tailrace_held_bytes', (value) => value === 0);
  });
});
