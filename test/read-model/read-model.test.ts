import { describe, expect, test } from 'vitest';
import { streamId, uploadId } from '../../src/machines/ids.ts';
import { createReadModel, MAX_FINISHED, type ReadModel } from '../../src/read-model/read-model.ts';
import { MAX_POINTS, UnsentAge } from '../../src/read-model/unsent-age.ts';
import { completedView, failedView, idOf, viewOf } from '../fixtures/stream-views.ts';

function modelOf(...views: readonly ReturnType<typeof viewOf>[]): ReadModel {
  const model = createReadModel();
  for (const view of views) model.streamChanged(view);
  return model;
}
const ids = (model: ReadModel, state?: string): readonly string[] =>
  model.list({ limit: 1_000, ...(state === undefined ? {} : { state }) }).streams.map((view) => view.id);

describe('streams', () => {
  test('the newest view replaces the one before', () => {
    const model = modelOf(viewOf(1), viewOf(1, { state: 'finalizing.verifying', status: 'finalizing' }));
    expect(model.one(idOf(1))?.state).toBe('finalizing.verifying');
    expect(model.totals()).toMatchObject({ streams: 1, byState: { active: 0, finalizing: 1 } });
  });

  test('the beginning of an id is enough where only one stream has it', () => {
    const model = modelOf(viewOf(0x11), viewOf(0x12));
    expect(model.one('00000011')?.id).toBe(idOf(0x11));
    expect(model.one('0000001')).toBeNull();
    expect(model.one('')).toBeNull();
    expect(model.one('ff')).toBeNull();
  });

  test('say since when their oldest unsent byte waits, and nothing once all is safe', () => {
    const model = modelOf(
      viewOf(1, { sizeBytes: 50, sentBytes: 0, atRiskBytes: 50, lastActivityMs: 1_000 }),
      viewOf(1, { sizeBytes: 90, sentBytes: 60, atRiskBytes: 30, lastActivityMs: 4_000 }),
      completedView(2),
    );
    expect(model.one(idOf(1))?.unsentSinceMs).toBe(4_000);
    expect(model.list({ limit: 2 }).streams.map(({ unsentSinceMs }) => unsentSinceMs)).toEqual([4_000, null]);
  });

  test('a forgotten stream is gone from sight and from the sums', () => {
    const model = modelOf(viewOf(1), failedView(2));
    model.streamForgotten(streamId(idOf(2)));
    model.streamForgotten(streamId(idOf(9)));
    expect(ids(model)).toEqual([idOf(1)]);
    expect(model.totals()).toMatchObject({
      streams: 1,
      atRiskBytes: 40,
      byStatus: { active: 1, failed_finalization: 0 },
    });
  });

  test('sums are those of the views, whatever happened before', () => {
    const model = modelOf(
      viewOf(1),
      viewOf(2),
      viewOf(1, { sizeBytes: 500, sentBytes: 100, atRiskBytes: 400 }),
      completedView(2),
    );
    expect(model.totals()).toMatchObject({ streams: 2, sizeBytes: 600, sentBytes: 200, atRiskBytes: 400 });
    expect(model.largestAtRiskBytes()).toBe(400);
  });

  test('pages follow one another without gap or repetition, also when a stream vanishes between them', () => {
    const model = modelOf(...[5, 3, 1, 4, 2].map((n) => viewOf(n)));
    const first = model.list({ limit: 2 });
    expect(first).toMatchObject({ streams: [{ id: idOf(1) }, { id: idOf(2) }], next: idOf(2) });
    model.streamForgotten(streamId(idOf(2)));
    const second = model.list({ limit: 2, after: idOf(2) });
    expect(second).toMatchObject({ streams: [{ id: idOf(3) }, { id: idOf(4) }], next: idOf(4) });
    expect(model.list({ limit: 2, after: idOf(4) })).toMatchObject({ streams: [{ id: idOf(5) }], next: null });
    expect(model.list({ limit: 3, after: idOf(2) }).next).toBeNull();
    model.streamChanged(viewOf(6));
    expect(model.list({ limit: 3, after: idOf(4) })).toMatchObject({ streams: [{ id: idOf(5) }, { id: idOf(6) }] });
  });

  test('a state is found by its whole words', () => {
    const model = modelOf(viewOf(1), viewOf(2, { state: 'active.uploading' }), failedView(3));
    expect(ids(model, 'active')).toEqual([idOf(1), idOf(2)]);
    expect(ids(model, 'active.uploading')).toEqual([idOf(2)]);
    expect(ids(model, 'act')).toEqual([]);
  });

  test('who watches is told which stream changed or went, also one that made room; until it stops', () => {
    const model = modelOf(viewOf(1));
    const told: string[] = [];
    const stop = model.watch({
      streamChanged: (id) => told.push(`changed ${id}`),
      streamForgotten: (id) => told.push(`gone ${id}`),
      daemonChanged: () => told.push('daemon'),
    });
    model.streamChanged(viewOf(1, { sizeBytes: 7 }));
    model.streamForgotten(streamId(idOf(1)));
    model.daemonChanged({ phase: 'running' });
    expect(told).toEqual([`changed ${idOf(1)}`, `gone ${idOf(1)}`, 'daemon']);
    for (let n = 10; n < 10 + MAX_FINISHED + 1; n += 1) model.streamChanged(completedView(n));
    expect(told.filter((each) => each.startsWith('gone'))).toEqual([`gone ${idOf(1)}`, `gone ${idOf(10)}`]);
    stop();
    model.streamChanged(viewOf(2));
    expect(told.at(-1)).not.toContain(idOf(2));
  });

  test('of the finished streams only the newest are kept; failed and living ones always', () => {
    const model = modelOf(failedView(1), viewOf(2));
    for (let n = 10; n < 10 + MAX_FINISHED + 5; n += 1) model.streamChanged(completedView(n));
    expect(model.totals()).toMatchObject({ streams: MAX_FINISHED + 2, byStatus: { completed: MAX_FINISHED } });
    expect(model.one(idOf(14))).toBeNull();
    expect(model.one(idOf(15))).not.toBeNull();
    expect(model.one(idOf(1))).not.toBeNull();
    expect(model.one(idOf(2))).not.toBeNull();
  });

  test("a finished stream that left an upload behind is always kept: gc must not take it for nobody's", () => {
    const target = { bucket: 'takes', key: 'take.mp4' };
    const left = { target, uploadId: uploadId('left'), parts: 2, sentEndBytes: 9, why: 'truncated' } as const;
    const model = modelOf(completedView(1, { leftUploads: [left] }));
    for (let n = 10; n < 10 + MAX_FINISHED + 5; n += 1) model.streamChanged(completedView(n));
    expect(model.one(idOf(1))?.leftUploads).toHaveLength(1);
  });

  test('a finished stream that begins its next generation is not let go as finished', () => {
    const model = modelOf(completedView(1), viewOf(1, { generation: 2 }));
    for (let n = 10; n < 10 + MAX_FINISHED + 1; n += 1) model.streamChanged(completedView(n));
    expect(model.one(idOf(1))?.generation).toBe(2);
  });

  test('a change costs no more with thousands of streams than with a few', () => {
    const model = modelOf(...Array.from({ length: 10_000 }, (_, n) => viewOf(n)));
    const startedAtMs = performance.now();
    for (let n = 0; n < 10_000; n += 1) model.streamChanged(viewOf(n, { sizeBytes: 200 }));
    // One store with 10,000 spread records would take about 2 ms a change; this takes a few us.
    expect((performance.now() - startedAtMs) / 10_000).toBeLessThan(0.5);
  });
});

describe('the age of the oldest unsent byte', () => {
  const at = (lastActivityMs: number, sizeBytes: number, sentBytes: number) =>
    viewOf(1, { lastActivityMs, sizeBytes, sentBytes, atRiskBytes: sizeBytes - sentBytes });

  test('counts from when that byte was written, not from the last activity', () => {
    const model = modelOf(at(1_000, 100, 0), at(2_000, 200, 0), at(3_000, 300, 0));
    expect(model.oldestUnsentAgeMs(5_000)).toBe(4_000);
    model.streamChanged(at(3_000, 300, 100));
    expect(model.oldestUnsentAgeMs(5_000)).toBe(3_000);
    model.streamChanged(at(3_000, 300, 300));
    expect(model.oldestUnsentAgeMs(5_000)).toBe(0);
  });

  test('begins anew when the file was cut off, and when safe bytes were lost', () => {
    const model = modelOf(at(1_000, 100, 0), at(4_000, 10, 0));
    expect(model.oldestUnsentAgeMs(5_000)).toBe(1_000);
    const lost = modelOf(at(1_000, 100, 100), at(2_000, 100, 0));
    expect(lost.oldestUnsentAgeMs(5_000)).toBe(3_000);
  });

  test('stays true within a tenth over thousands of writes, and is never told too low', () => {
    const model = createReadModel();
    for (let second = 1; second <= 5_000; second += 1) {
      const sent = Math.max(0, second - 100);
      model.streamChanged(at(second * 1_000, second, sent));
      const ageMs = model.oldestUnsentAgeMs(second * 1_000);
      const trueAgeMs = Math.min(second - 1, 99) * 1_000;
      expect(ageMs).toBeGreaterThanOrEqual(trueAgeMs);
      expect(ageMs).toBeLessThanOrEqual(trueAgeMs * 1.1);
    }
  });

  test('takes a bounded number of points, however long the backlog', () => {
    const age = new UnsentAge();
    for (let second = 1; second <= 5_000; second += 1) age.note(second, second, second * 1_000);
    expect(age.pointCount()).toBe(MAX_POINTS);
    expect(age.sinceMs()).toBe(1_000);
  });

  test('is that of the worst stream', () => {
    const model = modelOf(viewOf(1, { lastActivityMs: 1_000 }), viewOf(2, { lastActivityMs: 4_000 }), completedView(3));
    expect(model.oldestUnsentAgeMs(5_000)).toBe(4_000);
  });
});

test('it is ready once it runs and nothing stands against it', () => {
  const model = createReadModel();
  expect(model.readiness()).toEqual({ ready: false, reasons: ['booting'] });
  model.daemonChanged({ phase: 'running' });
  expect(model.readiness()).toEqual({ ready: true, reasons: [] });
  model.daemonChanged({ reasons: ['the folder /recordings is gone'] });
  expect(model.readiness()).toEqual({ ready: false, reasons: ['the folder /recordings is gone'] });
  model.daemonChanged({ phase: 'draining', reasons: [] });
  expect(model.readiness()).toEqual({ ready: false, reasons: ['draining'] });
});

test('what does not answer is told with its cure, until it answers; it is still ready', () => {
  const model = createReadModel();
  model.daemonChanged({ phase: 'running', objectStoreReachable: true, registryReachable: true });
  expect(model.daemon().troubles).toEqual([]);
  model.daemonChanged({ registryReachable: false, journalWritable: false, objectStoreReachable: false });
  expect(model.daemon().troubles).toEqual([
    expect.stringContaining('STATE_DIR cannot be written'),
    expect.stringContaining('Redis does not answer'),
    expect.stringContaining('S3 does not answer'),
  ]);
  expect(model.readiness().ready).toBe(true);
  model.daemonChanged({ registryReachable: true, journalWritable: true, objectStoreReachable: true });
  expect(model.daemon().troubles).toEqual([]);
});
