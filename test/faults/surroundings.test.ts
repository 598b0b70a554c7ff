// S3 and what lies before it: throttling, outages, slow lines, credentials, clocks, policies, and providers that do otherwise.
// Rows 31 to 45 of the fault table, as far as faults of S3 can show them.

import { describe, expect, test, vi } from 'vitest';
import { PROVIDERS, type ProviderName } from '../../src/dev-s3/behaviour.ts';
import { content } from '../fixtures/writers/content.ts';
import { type Bed, NAME, openBed, PART_BYTES, PARTS } from './bed.ts';
import { type FaultPromise, hitsOf, keepPromise } from './promise.ts';
import type { Fault } from './proxy/plan.ts';

vi.setConfig({ maxConcurrency: 20, testTimeout: 90_000 });

const answer = (status: number, code: string): Fault => ({ kind: 'answer', status, code });

async function hits(bed: Bed, count: number): Promise<void> {
  await bed.until(`${count} faults have hit`, () => hitsOf(bed) >= count || null);
}

const AVAILABILITY: readonly FaultPromise[] = [
  {
    title: 'F33 503 SlowDown to half of all requests: never failed, and nothing that arrived is sent again',
    faults: [{ on: '*', probability: 0.5, seed: 33, times: 12, fault: answer(503, 'SlowDown') }],
    tells: ['s3_throttled'],
    prove: (bed) => {
      expect([...bed.states].filter((state) => state.startsWith('failed'))).toEqual([]);
      expect(bed.calls('UploadPart').filter(({ executed }) => executed)).toHaveLength(PARTS);
    },
  },
  {
    title: 'F33 Retry-After is honoured: no request before its time',
    faults: [{ on: 'ListParts', times: 1, fault: { ...answer(503, 'SlowDown'), retryAfterSeconds: 3 } as Fault }],
    tells: ['s3_throttled'],
    prove: (bed) => {
      const [first, second] = bed.calls('ListParts');
      expect((second?.startedAtMs ?? 0) - (first?.endedAtMs ?? 0)).toBeGreaterThan(2_950);
    },
  },
  {
    title: 'F33 F34 each try waits longer than the one before',
    faults: [{ on: 'ListParts', times: 4, fault: answer(503, 'ServiceUnavailable') }],
    tells: ['s3_unavailable'],
    prove: (bed) => {
      const starts = bed.calls('ListParts').map(({ startedAtMs }) => startedAtMs);
      const pauses = starts.slice(1).map((start, at) => start - (starts[at] ?? 0));
      // 50 to 100 % of 0.5, 1, 2 and 4 s.
      for (const [at, pause] of pauses.entries()) expect(pause).toBeGreaterThan(250 * 2 ** at);
    },
  },
  {
    title: 'F34 nothing but resets for a while: no patience is lost, no part is lost',
    faults: [{ on: '*', fault: { kind: 'drop request' } }],
    tells: ['s3_unavailable'],
    during: async (bed) => {
      await hits(bed, 4);
      bed.proxy.plan.clear();
    },
  },
  {
    title: 'F34 resets in the middle of half of all bodies',
    faults: [
      { on: 'UploadPart', probability: 0.5, seed: 4, times: 5, fault: { kind: 'drop request', afterShare: 0.7 } },
    ],
    tells: ['s3_unavailable'],
  },
  {
    title: 'F35 every first try of a part stalls: silence is noticed long before its time is over',
    timeouts: { socketIdleMs: 1_500 },
    faults: [1, 2, 3, 4].map((partNumber) => ({
      on: 'UploadPart' as const,
      partNumber,
      times: 1,
      fault: { kind: 'stall', at: 'request body' } as const,
    })),
    tells: ['s3_unavailable'],
    prove: (bed) => {
      for (const n of [1, 2, 3, 4]) {
        const [first, second] = bed.calls('UploadPart').filter(({ partNumber }) => partNumber === n);
        expect((second?.startedAtMs ?? Number.POSITIVE_INFINITY) - (first?.startedAtMs ?? 0)).toBeLessThan(15_000);
      }
    },
  },
  {
    title:
      'F36 a slow line: the time a part may take grows with its size, so every part goes once and none is given up',
    // A part takes 2.6 s and more; what has no large body may take 2 s.
    timeouts: { requestMs: 2_000, slowestBytesPerSecond: 16 * 1024 },
    tells: 'anything',
    faults: [{ on: 'UploadPart', fault: { kind: 'bandwidth', bytesPerSecond: 100_000 } }],
    prove: (bed) => expect(bed.calls('UploadPart')).toHaveLength(PARTS),
  },
  {
    title:
      'F36 a proxy that takes each part at once and passes it on slowly is as silent as a stall: waited for longer, not for ever anew',
    timeouts: { socketIdleMs: 1_000 },
    tells: ['s3_unavailable'],
    faults: [{ on: 'UploadPart', fault: { kind: 'slow', delayMs: 3_000 } }],
    prove: (bed) => expect(bed.calls('UploadPart').length).toBeLessThanOrEqual(2 * PARTS),
  },
];

const PEOPLE: readonly FaultPromise[] = [
  {
    title: 'F37 an expired token: patience, no abort, and on it goes with the next',
    faults: [{ on: 'UploadPart', times: 6, fault: answer(400, 'ExpiredToken') }],
    tells: ['s3_credentials_expired'],
    prove: (bed) => expect(bed.calls('AbortMultipartUpload')).toEqual([]),
  },
  {
    title: 'F38 a clock that is off: told, tried again',
    faults: [{ on: 'CreateMultipartUpload', times: 2, fault: answer(403, 'RequestTimeTooSkewed') }],
    tells: ['s3_clock_skew'],
  },
  ...(['CreateMultipartUpload', 'UploadPart', 'ListParts', 'CompleteMultipartUpload'] as const).map(
    (operation): FaultPromise => ({
      title: `F39 AccessDenied to ${operation} only: the stream waits, with everything kept, and goes on by itself when it is cured`,
      faults: [{ on: operation, fault: answer(403, 'AccessDenied') }],
      parks: 's3_access_denied',
      prove: (bed) => {
        expect(bed.calls('AbortMultipartUpload')).toEqual([]);
        expect(bed.calls('UploadPart').filter(({ executed }) => executed)).toHaveLength(PARTS);
      },
    }),
  ),
  {
    title: 'F39 wrong credentials: the stream waits, and goes on by itself when they are right',
    faults: [{ on: 'UploadPart', fault: answer(403, 'InvalidAccessKeyId') }],
    parks: 's3_credentials_wrong',
  },
  {
    title: 'F40 NoSuchBucket to everything: the stream waits, and no generation is begun blindly',
    faults: [{ on: '*', fault: answer(404, 'NoSuchBucket') }],
    parks: 's3_no_such_bucket',
  },
  {
    title: 'F40 NoSuchBucket while parts are sent: the upload is kept, and gone on with',
    faults: [{ on: 'UploadPart', from: 2, fault: answer(404, 'NoSuchBucket') }],
    parks: 's3_no_such_bucket',
    prove: (bed) => expect(bed.calls('CreateMultipartUpload')).toHaveLength(1),
  },
];

const REFUSED_CHECKSUM = { on: '*', key: '*', header: 'x-amz-checksum-' } as const;
const PROVIDER: readonly FaultPromise[] = [
  {
    title: 'F42 checksum headers refused with 501: found at start, parts are verified by Content-MD5',
    faults: [
      { ...REFUSED_CHECKSUM, fault: answer(501, 'NotImplemented') },
      { ...REFUSED_CHECKSUM, header: 'x-amz-sdk-checksum-algorithm', fault: answer(501, 'NotImplemented') },
    ],
    fromStart: true,
  },
  {
    title: 'F42 checksum headers refused with InvalidArgument',
    faults: [{ ...REFUSED_CHECKSUM, fault: answer(400, 'InvalidArgument') }],
    fromStart: true,
  },
  ...(Object.keys(PROVIDERS) as ProviderName[]).map(
    (provider): FaultPromise => ({
      title: `F42 as ${provider} behaves: found at start, and the object is the file`,
      behaviour: PROVIDERS[provider],
      faults: [],
      completes: 1,
    }),
  ),
  ...(Object.keys(PROVIDERS) as ProviderName[]).map(
    (provider): FaultPromise => ({
      title: `F13 as ${provider} behaves, with the reply to Complete lost: the object proves it`,
      behaviour: PROVIDERS[provider],
      faults: [{ on: 'CompleteMultipartUpload', times: 1, fault: { kind: 'drop reply' } }],
      tells: ['s3_unavailable'],
      completes: 1,
    }),
  ),
  ...(Object.keys(PROVIDERS) as ProviderName[]).map(
    (provider): FaultPromise => ({
      title: `F14 as ${provider} behaves, with the upload aborted before Complete: the next generation`,
      behaviour: PROVIDERS[provider],
      faults: [
        { on: 'CompleteMultipartUpload', times: 1, fault: { kind: 'meanwhile', deed: 'the upload is aborted' } },
      ],
      tells: [provider === 'ceph' ? 's3_unavailable' : 'upload_not_found'],
      generation: 2,
    }),
  ),
];

for (const [name, rows] of Object.entries({ availability: AVAILABILITY, people: PEOPLE, providers: PROVIDER })) {
  describe.concurrent(name, () => {
    test.for(rows.map((row) => [row.title, row] as const))('%s', async ([, row], context) => {
      await keepPromise(row, context);
    });
  });
}

test('F43 equal parts are wanted, and they grew: it waits for PART_PLAN, with all that was sent, and does not try for ever', async (context) => {
  const plan = { version: 1, kind: 'growing', firstPartBytes: PART_BYTES, growthDivisor: 0.5 } as const;
  const bed = await openBed(context, { behaviour: { partSizes: 'equal' }, settings: { plan } });
  await bed.probed();
  // 256 KiB, 1 MiB, and the rest.
  await bed.putFile(content(3 * 1024 * 1024));
  const { failure, uploadId } = await bed.waitFor('failed.parked');
  expect(failure).toMatchObject({ code: 'parts_refused', detail: expect.stringContaining('the same length') });
  expect(bed.calls('CompleteMultipartUpload')).toHaveLength(5);
  expect(bed.calls('UploadPart')).toHaveLength(3);
  expect(await bed.openUploads()).toEqual([uploadId]);
});

describe.concurrent('an operator gives up', () => {
  const ABORTED = 'aborted_by_operator';

  test('F25 an Abort that leaves its parts behind is repeated until the upload is gone', async (context) => {
    const bed = await openBed(context);
    await bed.probed();
    bed.proxy.plan.add(
      { on: 'UploadPart', partNumber: 3, key: NAME, fault: answer(503, 'SlowDown') },
      { on: 'AbortMultipartUpload', key: NAME, times: 4, fault: { kind: 'answer', status: 204 } },
    );
    await bed.putFile();
    await bed.until('two parts are there', () => ((bed.stream?.partsHeld ?? 0) >= 2 ? true : null));
    bed.tellOperator('abort');
    await bed.waitFor(ABORTED);
    expect(await bed.openUploads()).toEqual([]);
    expect(bed.calls('AbortMultipartUpload')).toHaveLength(5);
  });

  test('F25 an Abort waits for a part that was given up, and nothing of it is left', async (context) => {
    const bed = await openBed(context);
    await bed.probed();
    bed.proxy.plan.add(
      { on: 'UploadPart', partNumber: 2, key: NAME, times: 1, fault: { kind: 'hold' } },
      { on: 'AbortMultipartUpload', key: NAME, times: 1, fault: { kind: 'release', when: 'after' } },
      { on: 'UploadPart', partNumber: 2, key: NAME, fault: answer(503, 'SlowDown') },
    );
    await bed.putFile();
    await bed.until('a part is held back', () => (hitsOf(bed) > 0 ? true : null));
    bed.tellOperator('abort');
    await bed.waitFor(ABORTED);
    expect(await bed.openUploads()).toEqual([]);
    const held = bed.calls('UploadPart').find(({ fault }) => fault === 'hold');
    const [abort] = bed.calls('AbortMultipartUpload');
    expect((abort?.startedAtMs ?? 0) - (held?.endedAtMs ?? 0)).toBeGreaterThan(550);
  });

  test('F39 AccessDenied to Abort only: the stream waits and ends it when that is cured', async (context) => {
    const bed = await openBed(context);
    await bed.probed();
    bed.proxy.plan.add(
      { on: 'UploadPart', partNumber: 3, key: NAME, fault: answer(503, 'SlowDown') },
      { on: 'AbortMultipartUpload', key: NAME, fault: answer(403, 'AccessDenied') },
    );
    await bed.putFile();
    await bed.until('two parts are there', () => ((bed.stream?.partsHeld ?? 0) >= 2 ? true : null));
    bed.tellOperator('abort');
    const parked = await bed.waitFor('failed.parked');
    expect(parked.failure?.code).toBe('s3_access_denied');
    bed.proxy.plan.clear();
    await bed.waitFor('completed');
  });
});
