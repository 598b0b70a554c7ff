// Notices: every end of a stream is told outside, again and again until it is taken, and nothing waits for that.

import { afterEach, describe, expect, it } from 'vitest';
import { Notices } from '../../src/actors/notices.ts';
import { failureOf } from '../../src/machines/failure.ts';
import { initialContext, type StreamContext } from '../../src/machines/stream.context.ts';
import type { Delivery } from '../../src/ports/notifier.ts';
import { createHandClock } from '../fakes/hand-clock.ts';
import { DELIVERED, REFUSED, type ScriptedNotifier, scriptedNotifier } from '../fakes/scripted-notifier.ts';
import { sampleId, sampleMemory, sampleRecord } from '../fixtures/records/sample-record.ts';
import { startFakeDaemon } from './fake-daemon.ts';
import { createStage, FOLDER, SETTINGS, settle } from './stage.ts';

const DAY_MS = 86_400_000;
const ended: Notices[] = [];
afterEach(() => {
  for (const each of ended.splice(0)) each.stop();
});

function contextOf(n: number, memory: Parameters<typeof sampleMemory>[0] = {}): StreamContext {
  const record = sampleRecord(sampleId(n), { state: 'active.waiting', memory: sampleMemory(memory) });
  const { folder, path, identity } = record.memory;
  const file = { streamId: record.streamId, folder, path, identity };
  return initialContext({ file, settings: SETTINGS, record, mustRecall: false, stat: null, atMs: 0 });
}

function open(notifiers: readonly ScriptedNotifier[] = [scriptedNotifier()]) {
  const clock = createHandClock();
  const log: string[] = [];
  const counted: string[] = [];
  const tell = (message: string) => void log.push(message);
  const telemetry = {
    ...{ debug: tell, info: tell, warn: tell, error: tell, observe() {} },
    count: (_name: string, _by = 1, label = '') => void counted.push(label),
  };
  const notices = new Notices({ notifiers, clock, telemetry });
  ended.push(notices);
  const completed = (n: number) => notices.changed('s3_completed.done', contextOf(n));
  const [notifier = scriptedNotifier()] = notifiers;
  const toldIds = () => notifier.told.map((notice) => Number.parseInt(notice.stream_id, 16));
  async function pass(ms: number): Promise<void> {
    const untilMs = clock.nowMs() + ms;
    for (;;) {
      await settle();
      const next = clock.nextDueMs();
      if (next === null || next > untilMs) break;
      clock.advanceTo(next);
    }
    clock.advanceTo(untilMs);
    await settle();
  }
  return { notices, notifier, clock, log, counted, completed, toldIds, pass };
}

describe('what is told', () => {
  it('is each completion, with what was proven, and each failure, with its cure', async () => {
    const { notices, notifier } = open();
    const completion = {
      ...{ target: { bucket: 'b', key: 'k' }, generation: 1, etag: 'e-1', sizeBytes: 7, crc32: 'c', digest: 'd' },
      ...{ plan: SETTINGS.plan, freeze: sampleMemory().freeze!, completedAtMs: 0, provenBy: [] },
    };
    notices.changed('s3_completed.publishing', contextOf(1, { completion }));
    notices.changed('s3_completed.done', contextOf(1, { completion }));
    notices.changed('failed.parked', contextOf(2, { failure: failureOf('s3_access_denied', 'no s3:PutObject') }));
    notices.changed('failed.ended', contextOf(3, { failure: failureOf('source_gone', 'unlinked') }));
    notices.changed('aborted_no_parts.done', contextOf(4));
    await settle();
    expect(notifier.told).toMatchObject([
      {
        ...{ id: `${sampleId(1)}-1-completed`, status: 'completed', stream_id: sampleId(1), generation: 1 },
        ...{ path: '/recordings/lecture.mkv', bucket: 'b', key: 'k', size: 7, etag: 'e-1', crc32: 'c' },
        ...{ failure: null, will_retry: false },
      },
      {
        ...{ status: 'failed_finalization', etag: null, will_retry: true, bucket: 'lectures', key: 'lecture.mkv' },
        failure: {
          code: 's3_access_denied',
          detail: 'no s3:PutObject',
          hint: expect.stringContaining('s3:ListBucket'),
        },
      },
      { status: 'failed_source', will_retry: false },
    ]);
  });

  it('N4: a failure that comes again at each look is told once, another one again', async () => {
    const { notices, notifier, clock } = open();
    const denied = contextOf(1, { failure: failureOf('s3_access_denied', 'no') });
    for (let look = 0; look < 5; look += 1) {
      notices.changed('failed.parked', denied);
      notices.changed('recovering', denied);
      clock.advanceMs(60_000);
      await settle();
    }
    expect(notifier.told).toHaveLength(1);
    clock.advanceMs(1);
    notices.changed('failed.parked', contextOf(1, { failure: failureOf('s3_no_such_bucket', 'no') }));
    await settle();
    expect(notifier.told).toHaveLength(2);
    clock.advanceMs(1);
    notices.changed('s3_completed.done', contextOf(1));
    notices.changed('failed.parked', denied);
    await settle();
    expect(notifier.told).toHaveLength(4);
    expect(new Set(notifier.told.map(({ id }) => id)).size).toBe(4);
  });
});

describe('N1: it is tried until it is taken', () => {
  it('later and later, under the same id', async () => {
    const { notifier, completed, pass, clock, counted, log } = open([scriptedNotifier(() => REFUSED)]);
    const momentsMs: number[] = [];
    notifier.answer = () => {
      momentsMs.push(clock.nowMs());
      return momentsMs.length === 6 ? DELIVERED : REFUSED;
    };
    completed(1);
    await pass(3_600_000);
    const waitsMs = momentsMs.slice(1).map((moment, at) => moment - (momentsMs[at] ?? 0));
    expect(waitsMs).toEqual([1_000, 2_000, 4_000, 8_000, 16_000]);
    expect(new Set(notifier.told.map(({ id }) => id)).size).toBe(1);
    expect(counted).toEqual([...Array(5).fill('webhook_failed'), 'webhook_delivered']);
    expect(log, 'told when it begins and when it is over').toEqual([
      'the webhook did not take a notice; it is tried again',
      'the webhook takes notices again',
    ]);
  });

  it('at least every five minutes, for a day', async () => {
    const { notifier, completed, pass, counted, log } = open([scriptedNotifier(() => REFUSED)]);
    completed(1);
    await pass(DAY_MS + 600_000);
    expect(notifier.told.length).toBeGreaterThan(288);
    expect(counted.at(-1)).toBe('webhook_given_up');
    expect(log.at(-1)).toContain('given up');
    const { length } = notifier.told;
    await pass(DAY_MS);
    expect(notifier.told).toHaveLength(length);
  });

  it('also when the notifier threw', async () => {
    const { notifier, completed, pass } = open();
    notifier.answer = () => {
      notifier.answer = () => DELIVERED;
      throw new Error('a bug');
    };
    completed(1);
    await pass(1_000);
    expect(notifier.told).toHaveLength(2);
  });
});

describe('N2: one does not hold up the others', () => {
  it('a notice that is never taken goes behind the others', async () => {
    const { notifier, completed, toldIds, pass } = open();
    notifier.answer = ({ stream_id }) => (stream_id === sampleId(1) ? REFUSED : DELIVERED);
    for (const n of [1, 2, 3]) completed(n);
    await pass(1_000);
    expect(toldIds()).toEqual([1, 2, 3, 1]);
  });

  it('nor does a receiver that hangs hold up another receiver', async () => {
    const hanging = scriptedNotifier(() => new Promise<Delivery>(() => {}));
    const other = scriptedNotifier();
    const { completed } = open([hanging, other]);
    for (const n of [1, 2]) completed(n);
    await settle();
    expect([hanging.told.length, other.told.length]).toEqual([1, 2]);
  });

  it('nor a stream', async () => {
    const stage = await createStage();
    const hanging = scriptedNotifier(() => new Promise<Delivery>(() => {}));
    stage.notifiers = [hanging];
    await stage.restart();
    const daemon = await startFakeDaemon(stage);
    stage.files.write(`${FOLDER}/take.mkv`, 'a few bytes');
    await daemon.waitFor(`${FOLDER}/take.mkv`, 'completed');
    expect(hanging.told).toMatchObject([{ status: 'completed', key: 'take.mkv', size: 11 }]);
    daemon.crash();
  });
});

describe('N3: bounded', () => {
  it('beyond a thousand the oldest is dropped, and that is counted and told once', async () => {
    const { notifier, completed, toldIds, pass, counted, log } = open([scriptedNotifier(() => REFUSED)]);
    for (let n = 1; n <= 1_100; n += 1) completed(n);
    await settle();
    expect(counted.filter((label) => label === 'webhook_dropped')).toHaveLength(99 + 1);
    expect(log.filter((line) => line.includes('dropped'))).toHaveLength(1);
    notifier.told.length = 0;
    notifier.answer = () => DELIVERED;
    await pass(1_000);
    expect(toldIds()).toHaveLength(1_000);
    expect(toldIds().at(-1)).toBe(1_100);
  });
});

describe('drain', () => {
  it('tries at once what waits for its turn, and ends when all is delivered', async () => {
    const { notices, notifier, completed, toldIds, clock } = open([scriptedNotifier(() => REFUSED)]);
    for (const n of [1, 2]) completed(n);
    await settle();
    notifier.answer = () => DELIVERED;
    await notices.drain(clock.nowMs() + 20_000);
    expect(toldIds()).toEqual([1, 2, 1]);
  });

  it('tries each once, and says how many were left', async () => {
    const { notices, notifier, completed, log, clock } = open([scriptedNotifier(() => REFUSED)]);
    for (const n of [1, 2, 3]) completed(n);
    await settle();
    await notices.drain(clock.nowMs() + 20_000);
    expect(notifier.told).toHaveLength(4);
    expect(log.at(-1)).toContain('were not delivered');
  });

  it('ends at its moment when the receiver hangs', async () => {
    const { notices, completed, log, clock } = open([scriptedNotifier(() => new Promise<Delivery>(() => {}))]);
    completed(1);
    await settle();
    const draining = notices.drain(clock.nowMs() + 5_000);
    await settle();
    clock.advanceMs(5_000);
    await draining;
    expect(log.at(-1)).toContain('were not delivered');
  });

  it('has nothing to do when nothing waits, and nothing is told after the stop', async () => {
    const { notices, notifier, completed, log, clock } = open();
    await notices.drain(clock.nowMs() + 5_000);
    expect(log).toEqual([]);
    notices.stop();
    completed(1);
    await settle();
    expect(notifier.told).toEqual([]);
  });
});
