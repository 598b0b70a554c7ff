// What the page says: numbers, names, health, actions, and what its address means.

import { describe, expect, test } from 'vitest';
import { createReadModel } from '../../../src/read-model/read-model.ts';
import { backoffMs } from '../../../src/web/model/backoff.ts';
import { lampsOf, reasonsOf } from '../../../src/web/model/health.ts';
import { hashOfStream, routeOf, tokenIn } from '../../../src/web/model/route.ts';
import { meaningOf, rowWordOf, toneOf, wordOf } from '../../../src/web/model/state-words.ts';
import { actionsOf } from '../../../src/web/model/stream-actions.ts';
import { durationWords, pathWords, rateWords, shortened, shown, sizeWords } from '../../../src/web/model/words.ts';
import { idOf, viewOf } from '../../fixtures/stream-views.ts';

const view = (state: string) => ({ ...viewOf(1, { state }), unsentSinceMs: null });

describe('numbers', () => {
  test('have a unit and at most four characters before it', () => {
    expect([0, 999, 1_023, 1_024, 12_345_678, 107_374_182_400].map(sizeWords)).toEqual([
      ...['0 B', '999 B', '1.0 KiB', '1.0 KiB', '11.8 MiB', '100 GiB'],
    ]);
    expect([0.4, 2_048].map(rateWords)).toEqual(['–', '2.0 KiB/s']);
    expect([0, 61_000, 7_200_000, 190_000_000].map(durationWords)).toEqual(['0 s', '1 min 1 s', '2 h', '2 d 4 h']);
    expect(durationWords(-5)).toBe('0 s');
  });
});

describe('names', () => {
  test('are told by their place below the watched folder', () => {
    expect(pathWords('/srv/rec/cam/a.mp4', '/srv/rec')).toEqual({
      ...{ name: 'a.mp4', place: 'cam/', whole: '/srv/rec/cam/a.mp4' },
    });
    expect(pathWords('/srv/recorder/a.mp4', '/srv/rec').place).toBe('/srv/recorder/');
  });

  test('that are long lose their middle, not their end', () => {
    const short = shortened(`${'x'.repeat(200)}-take-17.mp4`, 40);
    expect([...short]).toHaveLength(40);
    expect(short.endsWith('-take-17.mp4')).toBe(true);
    expect(shortened('short', 40)).toBe('short');
    expect(shortened('😀'.repeat(50), 11)).toBe(`${'😀'.repeat(4)}…${'😀'.repeat(6)}`);
  });

  test('that are hostile are shown as what they are', () => {
    expect(pathWords('/r/evil\u202egpj.exe\n', '/r').name).toBe('evil\\u202egpj.exe\\x0a');
    expect(shown('<img src=x>')).toBe('<img src=x>');
  });
});

describe('states', () => {
  test('that this page does not know are shown by their own name', () => {
    expect([wordOf('hibernating.deep'), toneOf('hibernating.deep'), meaningOf('hibernating')]).toEqual([
      ...['hibernating.deep', 'none', ''],
    ]);
  });

  test('of a growing stream are one word in its row', () => {
    expect(['active.waiting', 'active.uploading', 'active.opening'].map(rowWordOf)).toEqual(Array(3).fill('active'));
    expect(rowWordOf('finalizing.proving')).toBe('proving');
  });
});

describe('actions', () => {
  const names = (state: string) => actionsOf(view(state)).map(({ name }) => name);

  test('are those that make sense in the state', () => {
    expect(names('active.waiting')).toEqual(['finalize', 'abort']);
    expect(names('finalizing.verifying')).toEqual(['abort']);
    expect(names('finalizing.completing')).toEqual([]);
    expect(names('failed.parked')).toEqual(['retry', 'abort', 'forget']);
    expect(names('s3_completed.done')).toEqual(['forget']);
    expect(names('s3_completed.publishing')).toEqual([]);
  });

  test('say what will happen, and which of them lose something', () => {
    const [finalize, abort] = actionsOf({ ...view('active.waiting'), writer: 'open' });
    expect(finalize?.effects.join(' ')).toContain('A writer is seen to hold it open');
    expect([finalize?.isDestructive, abort?.isDestructive]).toEqual([false, true]);
    expect(abort?.effects.join(' ')).toContain('cannot be undone');
  });
});

describe('health', () => {
  const model = createReadModel();

  test('is a lamp for the daemon and for each thing that it leans on', () => {
    model.daemonChanged({ phase: 'running', objectStoreReachable: false, lastStaleScanAtMs: 1_000 });
    const lamps = Object.fromEntries(
      lampsOf(model.daemon(), 3_000).map(({ what, how, tone }) => [what, `${tone} ${how}`]),
    );
    expect(lamps).toEqual({
      Daemon: 'good running',
      S3: 'bad does not answer',
      Redis: 'none not used',
      Journal: 'good writable',
      'Last scan': 'good 2 s ago',
    });
    expect(lampsOf(model.daemon(), 60_000).at(-1)?.tone).toBe('wait');
  });

  test('has its reasons when the daemon does not do its work', () => {
    model.daemonChanged({ journalWritable: true, objectStoreReachable: true, registryReachable: true });
    expect(reasonsOf(model.daemon())).toEqual([]);
    model.daemonChanged({ phase: 'draining', reasons: ['S3 refuses'] });
    expect(reasonsOf(model.daemon())).toEqual([expect.stringContaining('drains'), 'S3 refuses']);
    model.daemonChanged({ registryReachable: false });
    expect(reasonsOf(model.daemon()).at(-1)).toContain('Redis does not answer');
  });
});

describe('the address', () => {
  test('names the overview or a stream, by its whole id or the beginning of it', () => {
    expect(routeOf('')).toEqual({ view: 'overview' });
    expect(routeOf(hashOfStream(idOf(7)))).toEqual({ view: 'stream', id: idOf(7) });
    expect(routeOf('#/streams/abcd')).toEqual({ view: 'stream', id: 'abcd' });
    expect(routeOf('#/streams/../../x')).toEqual({ view: 'overview' });
  });

  test('gives its token once and goes on without it', () => {
    expect(tokenIn('#token=a%2Fb')).toEqual({ token: 'a/b', hash: '#/' });
    expect(tokenIn('#/streams/abcd?token=s3')).toEqual({ token: 's3', hash: '#/streams/abcd' });
    expect(tokenIn('#/streams/abcd')).toBeNull();
    expect(tokenIn('#token=%E0%A4%A')?.token).toBe('%E0%A4%A');
  });
});

describe('coming back', () => {
  test('is tried soon, then more and more seldom, never more seldom than a person waits', () => {
    const waits = [1, 2, 3, 4, 5, 50].map((failures) => backoffMs(failures, 0));
    expect(waits).toEqual([500, 1_000, 2_000, 4_000, 8_000, 8_000]);
    expect(backoffMs(3, 1)).toBe(1_500);
  });
});
