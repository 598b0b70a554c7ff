// The probe learns what a server can do by what it does, whatever that is, and cleans up after itself.

import { afterEach, describe, expect, test } from 'vitest';
import type { StoreCapabilities } from '../../../src/ports/object-store.ts';
import type { LogFields, Telemetry } from '../../../src/ports/telemetry.ts';
import { got } from '../../contracts/object-store-fixture.ts';
import { connectTo, startServer, type TestServer } from './fixture.ts';
import { type Habits, StubbornServer } from './stubborn-server.ts';

const AWS: StoreCapabilities = {
  checksum: 'crc32',
  checksumsInComplete: true,
  conditionalComplete: true,
  requiresEqualParts: false,
  maxUploadAgeMs: null,
};

describe('probe', () => {
  const closers: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const close of closers.splice(0)) await close();
  });

  async function devServer(): Promise<TestServer> {
    const server = await startServer();
    closers.push(server.close);
    return server;
  }

  async function stubborn(habits: Habits): Promise<StubbornServer> {
    const server = await StubbornServer.start(habits);
    closers.push(() => server.raw.close());
    return server;
  }

  test('the upload that a killed probe left is ended by a later one, a probe under way is not disturbed', async () => {
    const clock = { aheadMs: -120_000 };
    const server = await startServer({ now: () => Date.now() + clock.aheadMs });
    closers.push(server.close);
    const store = server.connect();
    const target = (name: string) => ({ bucket: 'streams', key: `.tailrace-probe/${name}` });
    got(await store.createUpload({ target: target('killed'), metadata: {} }));
    clock.aheadMs = 0;
    got(await store.createUpload({ target: target('under-way'), metadata: {} }));
    got(await store.probe('streams'));
    const left = got(await store.listUploads({ bucket: 'streams', prefix: '.tailrace-probe/' }));
    expect(left.map(({ key }) => key)).toEqual(['.tailrace-probe/under-way']);
  });

  test.each<[string, Habits, Partial<StoreCapabilities>]>([
    ['does as AWS', {}, {}],
    ['ignores checksums (Ceph, Swift)', { ignoresChecksums: true }, { checksum: 'md5', checksumsInComplete: false }],
    [
      'refuses every checksum header (R2, B2 once)',
      { refuses: ['x-amz-checksum-algorithm', 'x-amz-checksum-crc32'] },
      { checksum: 'md5', checksumsInComplete: false },
    ],
    [
      'refuses a checksum on the part only',
      { refuses: ['x-amz-checksum-crc32'] },
      { checksum: 'md5', checksumsInComplete: false },
    ],
    [
      'refuses it there, though it took it when the upload was opened',
      { refuses: ['x-amz-checksum-crc32'], demandsAnnouncedChecksums: true },
      { checksum: 'md5', checksumsInComplete: false },
    ],
    ['knows no checksum type', { refuses: ['x-amz-checksum-type'] }, {}],
    ['refuses checksums in Complete', { refusesChecksumsInComplete: true }, { checksumsInComplete: false }],
    ['ignores conditions (Ceph)', { ignores: ['if-none-match', 'if-match'] }, { conditionalComplete: false }],
    ['ignores If-Match only', { ignores: ['if-match'] }, { conditionalComplete: false }],
    ['refuses conditions', { refuses: ['if-none-match'] }, { conditionalComplete: false }],
    [
      'refuses both',
      { refuses: ['if-none-match'], refusesChecksumsInComplete: true },
      { checksumsInComplete: false, conditionalComplete: false },
    ],
  ])('a server that %s', async (_, habits, differences) => {
    const server = await stubborn(habits);
    const { store } = server.raw;
    expect(got(await store.probe('streams'))).toEqual({ ...AWS, ...differences });
    expect(store.capabilities).toEqual({ ...AWS, ...differences });
    expect(server.leftovers()).toEqual({ objects: [], uploads: [] });
    // What was learned is used: nothing is refused any more.
    const target = { bucket: 'streams', key: 'after' };
    got(await store.createUpload({ target, metadata: {} }));
    const condition = { kind: 'absent' } as const;
    got(await store.putObject({ target, body: Buffer.from('x'), contentType: 'text/plain', metadata: {}, condition }));
    // Asked again, it answers the same.
    expect(got(await store.probe('streams'))).toEqual({ ...AWS, ...differences });
  });

  test('a server that can more than it could is found out by the next probe', async () => {
    const server = await stubborn({ ignoresChecksums: true, refuses: ['if-none-match'] });
    const { store } = server.raw;
    expect(got(await store.probe('streams'))).toMatchObject({ checksum: 'md5', conditionalComplete: false });
    server.habits = {};
    expect(got(await store.probe('streams'))).toEqual(AWS);
  });

  test('the age at which the provider aborts uploads is read off its announcement', async () => {
    const server = await stubborn({ abortsAfterMs: 7 * 86_400_000 });
    const { maxUploadAgeMs } = got(await server.raw.store.probe('streams'));
    expect(Math.abs((maxUploadAgeMs ?? 0) - 7 * 86_400_000)).toBeLessThan(60_000);
  });

  test('what is given is not asked, and nothing is written but a part', async () => {
    const server = await stubborn({ ignores: ['if-none-match', 'if-match'], ignoresChecksums: true });
    const given = { ...AWS, requiresEqualParts: true, maxUploadAgeMs: 1000 };
    const store = connectTo(server.raw.url, { capabilities: given });
    closers.push(async () => store.close());
    expect(got(await store.probe('streams'))).toEqual(given);
    expect(server.raw.seen.filter(({ method, url }) => method === 'PUT' && !url.search.includes('uploadId'))).toEqual(
      [],
    );
    expect(server.leftovers()).toEqual({ objects: [], uploads: [] });
  });

  test('it writes below its prefix only, and deletes what it wrote', async () => {
    const server = await devServer();
    const store = server.connect({ probePrefix: 'allowed/' });
    got(await store.probe('streams'));
    const keys = new Set(server.s3.requests.all().map(({ key }) => key));
    keys.delete('');
    expect([...keys]).toEqual([expect.stringMatching(/^allowed\/\.tailrace-probe\/[0-9a-f-]{36}$/)]);
    for (const key of keys) expect(got(await store.headObject({ bucket: 'streams', key }))).toBeNull();
    expect(got(await store.listUploads({ bucket: 'streams', prefix: '' }))).toEqual([]);
  });

  test.each([
    ['CreateMultipartUpload', 'AccessDenied', 's3_access_denied'],
    ['UploadPart', 'InternalError', 's3_unavailable'],
    ['ListParts', 'AccessDenied', 's3_access_denied'],
    ['PutObject', 'AccessDenied', 's3_access_denied'],
    ['CompleteMultipartUpload', 'SlowDown', 's3_throttled'],
    ['ListMultipartUploads', 'ExpiredToken', 's3_credentials_expired'],
  ] as const)(
    '%s answered %s: the probe fails so, learns nothing and leaves nothing',
    async (operation, code, expected) => {
      const server = await devServer();
      const store = server.connect();
      server.s3.faults.add({ operation, fault: 'status503', code });
      expect(await store.probe('streams')).toMatchObject({ ok: false, failure: { code: expected } });
      expect(store.capabilities).toEqual(AWS);
      server.s3.faults.clear();
      expect(got(await store.listUploads({ bucket: 'streams', prefix: '' }))).toEqual([]);
      const keys = server.s3.requests.all().filter((entry) => entry.operation === 'PutObject');
      for (const { key } of keys) expect(got(await store.headObject({ bucket: 'streams', key }))).toBeNull();
    },
  );

  test('what may not be deleted is told', async () => {
    const server = await devServer();
    const told: LogFields[] = [];
    const telemetry: Telemetry = {
      debug() {},
      info() {},
      warn: (_, fields = {}) => told.push(fields),
      error() {},
      count() {},
      observe() {},
    };
    const store = server.connect({ telemetry });
    server.s3.faults.add({ operation: 'DeleteObject', fault: 'status503', code: 'AccessDenied' });
    expect(got(await store.probe('streams'))).toEqual(AWS);
    expect(told).toEqual([
      { key: expect.stringContaining('.tailrace-probe/'), reason: expect.stringContaining('AccessDenied') },
    ]);
  });

  test('every request is counted by its end and timed by its name', async () => {
    const server = await devServer();
    const counted: unknown[] = [];
    const telemetry: Telemetry = {
      debug() {},
      info() {},
      warn() {},
      error() {},
      count: (...row) => counted.push(row),
      observe: (name, ms, label) => counted.push([name, ms >= 0, label]),
    };
    const store = server.connect({ telemetry });
    await store.headObject({ bucket: 'streams', key: 'x' });
    await store.abortUpload({ target: { bucket: 'streams', key: 'x' }, uploadId: 'u' as never });
    expect(counted).toEqual([
      ['s3_requests', 1, 'ok'],
      ['s3_request', true, 'HeadObject'],
      ['s3_requests', 1, 'upload_not_found'],
      ['s3_request', true, 'AbortMultipartUpload'],
    ]);
  });
});
