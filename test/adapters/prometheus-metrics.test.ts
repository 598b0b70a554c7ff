import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { createPrometheusMetrics } from '../../src/adapters/prometheus-metrics.ts';
import { COUNTERS, GAUGES, HISTOGRAMS, PROCESS_METRICS } from '../../src/adapters/prometheus-table.ts';
import { FAILURE_CODES } from '../../src/machines/failure.ts';
import { uploadId } from '../../src/machines/ids.ts';
import { gaugeReadings } from '../../src/read-model/gauge-readings.ts';
import { createReadModel } from '../../src/read-model/read-model.ts';
import { completedView, viewOf } from '../fixtures/stream-views.ts';

const NOW_MS = 10_000;

function metered() {
  const readModel = createReadModel();
  return { readModel, metrics: createPrometheusMetrics(() => gaugeReadings(readModel, NOW_MS)) };
}

const sampleOf = (text: string, series: string): number => {
  const line = text.split('\n').find((found) => found.startsWith(`${series} `));
  return Number(line?.slice(series.length + 1) ?? Number.NaN);
};
const seriesOf = (text: string): readonly string[] =>
  text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.slice(0, line.lastIndexOf(' ')));

describe('metrics', () => {
  test('every series is there at 0 from the start, and no event makes a new one', async () => {
    const { metrics, readModel } = metered();
    const before = await metrics.text();
    for (const code of FAILURE_CODES) expect(sampleOf(before, `tailrace_retries_total{code="${code}"}`)).toBe(0);
    expect(sampleOf(before, 'tailrace_streams{state="finalizing"}')).toBe(0);
    expect(sampleOf(before, 'tailrace_s3_request_duration_seconds_count{operation="UploadPart"}')).toBe(0);
    expect(sampleOf(before, 'tailrace_parts_uploaded_total')).toBe(0);
    expect(sampleOf(before, 'tailrace_verify_pass_duration_seconds_count')).toBe(0);
    for (const { name, label } of Object.values(COUNTERS))
      for (const value of label?.values ?? [''])
        expect(sampleOf(before, label ? `${name}{${label.name}="${value}"}` : name), name).toBe(0);
    for (const { name, label } of Object.values(HISTOGRAMS))
      for (const value of label?.values ?? [''])
        expect(sampleOf(before, label ? `${name}_count{${label.name}="${value}"}` : `${name}_count`), name).toBe(0);
    for (const { name, label } of GAUGES)
      for (const value of label?.values ?? [''])
        expect(sampleOf(before, label ? `${name}{${label.name}="${value}"}` : name), name).not.toBeNaN();
    for (const name of PROCESS_METRICS) expect(sampleOf(before, name), name).not.toBeNaN();

    for (let n = 0; n < 50; n += 1) {
      readModel.streamChanged(viewOf(n, { state: `strange-${n}.x` }));
      metrics.count('retries', 1, `/recordings/take-${n}.mp4`);
      metrics.count('parts_uploaded', 1, `label-${n}`);
      metrics.observe('s3_request', 5, `Operation${n}`);
    }
    const after = await metrics.text();
    expect(seriesOf(after)).toEqual(seriesOf(before));
    expect(sampleOf(after, 'tailrace_retries_total{code="other"}')).toBe(50);
    expect(sampleOf(after, 'tailrace_parts_uploaded_total')).toBe(50);
  });

  test('count what happened, in base units', async () => {
    const { metrics } = metered();
    metrics.count('part_bytes_uploaded', 8_388_608);
    metrics.count('streams_ended', 1, 'completed');
    metrics.count('s3_requests', 2, 's3_throttled');
    metrics.count('registry_saves', 1, 'stale');
    metrics.observe('s3_request', 1_500, 'UploadPart');
    metrics.observe('journal_save', 3);
    const text = await metrics.text();
    expect(sampleOf(text, 'tailrace_part_uploaded_bytes_total')).toBe(8_388_608);
    expect(sampleOf(text, 'tailrace_streams_ended_total{status="completed"}')).toBe(1);
    expect(sampleOf(text, 'tailrace_s3_requests_total{outcome="s3_throttled"}')).toBe(2);
    expect(sampleOf(text, 'tailrace_registry_saves_total{answer="stale"}')).toBe(1);
    expect(sampleOf(text, 'tailrace_s3_request_duration_seconds_sum{operation="UploadPart"}')).toBe(1.5);
    expect(sampleOf(text, 'tailrace_journal_save_duration_seconds_sum')).toBe(0.003);
  });

  test('gauges are those of the read model at the moment of asking', async () => {
    const { metrics, readModel } = metered();
    readModel.streamChanged(viewOf(1, { atRiskBytes: 70, lastActivityMs: 4_000 }));
    const left = {
      target: { bucket: 'takes', key: 'old.mp4' },
      uploadId: uploadId('u-0'),
      parts: 3,
      sentEndBytes: 9,
      why: 'unmatched',
    } as const;
    readModel.streamChanged(
      viewOf(2, { atRiskBytes: 30, lastActivityMs: 6_000, uploadId: uploadId('u-2'), leftUploads: [left] }),
    );
    readModel.streamChanged(completedView(3, { uploadId: uploadId('u-3') }));
    readModel.daemonChanged({
      phase: 'running',
      startedAtMs: 500,
      runningSinceMs: 1_000,
      lastTickAtMs: 9_500,
      lastStaleScanAtMs: 8_000,
      registryReachable: false,
      journalWritable: false,
      heldBytes: 500,
    });
    const text = await metrics.text();
    expect(sampleOf(text, 'tailrace_streams{state="active"}')).toBe(2);
    expect(sampleOf(text, 'tailrace_streams{state="s3_completed"}')).toBe(1);
    expect(sampleOf(text, 'tailrace_at_risk_bytes')).toBe(100);
    expect(sampleOf(text, 'tailrace_at_risk_largest_bytes')).toBe(70);
    expect(sampleOf(text, 'tailrace_oldest_unsent_byte_age_seconds')).toBe(6);
    expect(sampleOf(text, 'tailrace_stale_scan_age_seconds')).toBe(2);
    expect(sampleOf(text, 'tailrace_sweep_age_seconds')).toBe(9);
    expect(sampleOf(text, 'tailrace_ready')).toBe(1);
    expect(sampleOf(text, 'tailrace_object_store_reachable')).toBe(1);
    expect(sampleOf(text, 'tailrace_registry_reachable')).toBe(0);
    expect(sampleOf(text, 'tailrace_journal_writable')).toBe(0);
    expect(sampleOf(text, 'tailrace_supervisor_tick_age_seconds')).toBe(0.5);
    expect(sampleOf(text, 'tailrace_open_uploads')).toBe(1);
    expect(sampleOf(text, 'tailrace_left_uploads')).toBe(1);
    expect(sampleOf(text, 'tailrace_held_bytes')).toBe(500);
    readModel.daemonChanged({ phase: 'standby', runningSinceMs: null });
    const standby = await metrics.text();
    expect(sampleOf(text, 'tailrace_standby')).toBe(0);
    expect(sampleOf(standby, 'tailrace_standby')).toBe(1);
    expect(sampleOf(standby, 'tailrace_sweep_age_seconds')).toBe(0);
    readModel.streamChanged(completedView(1));
    expect(sampleOf(await metrics.text(), 'tailrace_streams{state="active"}')).toBe(1);
  });

  test("promtool finds nothing to complain about (Debian's package prometheus; npm test installs it)", async () => {
    const { metrics } = metered();
    const checked = spawnSync('promtool', ['check', 'metrics'], { input: await metrics.text(), encoding: 'utf8' });
    expect(checked.stderr + checked.stdout).toBe('');
    expect(checked.status).toBe(0);
  });
});
