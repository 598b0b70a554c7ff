import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { iamPolicy } from '../../src/cli/doctor/iam-policy.ts';
import { checkCapabilities } from '../../src/cli/doctor/s3-capabilities.ts';
import { checkClock } from '../../src/cli/doctor/s3-clock.ts';
import type { StoreCapabilities } from '../../src/ports/object-store.ts';
import { doctorOf, finding } from './doctor-reply.ts';
import { BUCKET, got, type VerbBench, verbBench } from './verb-bench.ts';

let bench: VerbBench;
beforeEach(async () => {
  bench = await verbBench();
});
afterEach(() => bench.close());

const doctor = (...args: readonly string[]) => doctorOf(bench, ...args);

/** Everything in the bucket: objects, and unfinished uploads with their keys. */
async function leftBehind(): Promise<readonly string[]> {
  const uploads = got(await bench.store.listUploads({ bucket: BUCKET, prefix: '' })).map(({ key }) => `upload ${key}`);
  const keys = new Set(bench.s3.requests.all().map(({ key }) => key));
  const objects: string[] = [];
  for (const key of keys) {
    if (key && got(await bench.store.headObject({ bucket: BUCKET, key }))) objects.push(`object ${key}`);
  }
  return [...uploads, ...objects];
}

describe('where all is well', () => {
  test('nothing fails, each check has its finding, and nothing is left behind', async () => {
    bench.env['S3_KEY_PREFIX'] = 'cam 1/';
    writeFileSync(join(bench.recordings, 'a.mp4'), 'a');
    const { exitCode, talk, reply } = await doctor();
    expect(reply.findings.filter(({ verdict }) => verdict === 'fail')).toEqual([]);
    expect(exitCode).toBe(0);
    expect(new Set(reply.findings.map(({ id }) => id))).toEqual(
      new Set([
        ...['node', 'config', 'folder', 'folder.file-system', 'inotify', 'writers', 'open-files'],
        ...['state-dir', 'state-dir.file-system', 'state-dir.space', 'ffprobe'],
        ...['s3.endpoint', 's3.clock', 's3.bucket', 's3.checksums', 's3.conditional', 's3.lifecycle', 's3.head'],
        ...['s3.upload', 'redis'],
      ]),
    );
    expect(reply).toMatchObject({ ok: true, policy: null });
    const tried = bench.s3.requests.all().filter(({ key }) => key.includes('/doctor-'));
    expect(tried.map(({ operation }) => operation)).toEqual([
      ...['HeadObject', 'CreateMultipartUpload', 'UploadPart', 'ListParts', 'AbortMultipartUpload', 'ListParts'],
    ]);
    expect(tried[0]?.key).toMatch(/^cam 1\/\.tailrace-probe\/doctor-/);
    expect(talk).toContain('Trying an upload: s3://takes/cam 1/.tailrace-probe/doctor-');
    expect(await leftBehind()).toEqual([]);
    expect(readdirSync(bench.folder).sort()).toEqual(['recordings', 's3']);
  });

  test('people see a line for each, and the policy with --iam', async () => {
    const { exitCode, out } = await bench.verb('doctor', '--iam');
    expect(exitCode).toBe(0);
    expect(out).toMatch(/^ok {4}s3\.upload +an upload was created, filled, listed and aborted; nothing is left$/m);
    const policy = JSON.parse(out.slice(out.indexOf('{')));
    expect(policy).toEqual(iamPolicy(BUCKET, '', null));
  });
});

describe('what S3 refuses', () => {
  test('a wrong secret is 78, said once, and never shown', async () => {
    bench.env['S3_SECRET_ACCESS_KEY'] = 'a-very-wrong-secret';
    const { exitCode, talk, reply } = await doctor();
    expect(exitCode).toBe(78);
    expect(finding(reply, 's3.bucket')).toMatchObject({
      verdict: 'fail',
      found: expect.stringContaining('s3_credentials_wrong'),
      cure: expect.stringContaining('S3_SECRET_ACCESS_KEY'),
    });
    expect(JSON.stringify(reply) + talk).not.toContain('a-very-wrong-secret');
  });

  test('a bucket that is not there is 78', async () => {
    bench.env['S3_BUCKET_NAME'] = 'nowhere';
    const { exitCode, reply } = await doctor();
    expect(exitCode).toBe(78);
    expect(finding(reply, 's3.bucket').found).toContain('s3_no_such_bucket');
  });

  test('a server that does not answer is 69', async () => {
    bench.env['S3_ENDPOINT_URL'] = 'http://127.0.0.1:1';
    const { exitCode, reply } = await doctor();
    expect(exitCode).toBe(69);
    expect(finding(reply, 's3.endpoint').found).toContain('ECONNREFUSED');
  });

  test.each([
    ['ListMultipartUploads', 's3.bucket'],
    ['HeadObject', 's3.head'],
    ['CreateMultipartUpload', 's3.create'],
    ['UploadPart', 's3.part'],
    ['ListParts', 's3.list-parts'],
  ] as const)('%s denied is told as %s, with the policy; nothing is left behind', async (operation, id) => {
    bench.s3.faults.add({ operation, fault: 'status503', code: 'AccessDenied' });
    const { exitCode, reply } = await doctor();
    expect(exitCode).toBe(78);
    expect(finding(reply, id)).toMatchObject({ verdict: 'fail', cure: expect.stringContaining('policy') });
    expect(reply.policy).toEqual(iamPolicy(BUCKET, '', null));
    bench.s3.faults.clear();
    expect(await leftBehind()).toEqual([]);
  });

  test('Abort denied: it says which upload it leaves', async () => {
    bench.s3.faults.add({ operation: 'AbortMultipartUpload', fault: 'status503', code: 'AccessDenied' });
    const { exitCode, reply } = await doctor();
    expect(exitCode).toBe(78);
    const { means } = finding(reply, 's3.abort');
    bench.s3.faults.clear();
    const left = got(await bench.store.listUploads({ bucket: BUCKET, prefix: '' })).filter(({ key }) =>
      key.includes('/doctor-'),
    );
    expect(left).toHaveLength(1);
    expect(means).toContain(left[0]?.uploadId);
  });

  test.each(['CreateMultipartUpload', 'UploadPart', 'ListParts', 'AbortMultipartUpload'] as const)(
    'told to end during %s, it cleans up and ends by the signal',
    async (operation) => {
      bench.onTalk = (text) => {
        if (!text.startsWith('Trying an upload')) return;
        // The answer comes after the signal.
        bench.s3.faults.add({ operation, fault: 'slow', delayMs: 800 });
        setTimeout(() => bench.signal('SIGTERM'), 300);
      };
      const { exitCode, reply } = await doctor();
      expect(exitCode).toBe(143);
      expect(finding(reply, 's3.upload').found).toContain('nothing is left');
      expect(reply.findings.filter(({ verdict }) => verdict === 'fail')).toEqual([]);
      bench.s3.faults.clear();
      expect(await leftBehind()).toEqual([]);
    },
  );

  test('a Create without an answer is looked for by its key, and ended', async () => {
    bench.onTalk = (text) => {
      if (text.startsWith('Trying an upload'))
        bench.s3.faults.add({ operation: 'CreateMultipartUpload', fault: 'dropReply', times: 1 });
    };
    const { exitCode, reply } = await doctor();
    expect(exitCode).toBe(69);
    expect(finding(reply, 's3.create').verdict).toBe('fail');
    expect(finding(reply, 's3.upload').found).toContain('nothing is left');
    expect(await leftBehind()).toEqual([]);
  });

  test('an unknown clock difference, a small and a large one', async () => {
    let date: string | undefined;
    const server = createServer((_, response) => {
      response.sendDate = false;
      response.writeHead(403, date === undefined ? {} : { date });
      response.end();
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const verdictAt = async (skewMs: number | null): Promise<string | undefined> => {
      date = skewMs === null ? undefined : new Date(Date.now() - skewMs).toUTCString();
      return (await checkClock(url, new AbortController().signal)).find(({ id }) => id === 's3.clock')?.verdict;
    };
    expect(await verdictAt(null)).toBe('skipped');
    expect(await verdictAt(0)).toBe('ok');
    expect(await verdictAt(-5 * 60_000)).toBe('warn');
    expect(await verdictAt(3_600_000)).toBe('fail');
    server.close();
  });

  test.each([
    [{ checksum: 'md5' }, 's3.checksums', 'warn'],
    [{ conditionalComplete: false }, 's3.conditional', 'warn'],
    [{ maxUploadAgeMs: 86_400_000 }, 's3.lifecycle', 'warn'],
    [{ maxUploadAgeMs: 7 * 86_400_000 }, 's3.lifecycle', 'ok'],
    [{ maxUploadAgeMs: null }, 's3.lifecycle', 'ok'],
  ] as const)('a server with %o: %s is %s', async (differs, id, verdict) => {
    const value: StoreCapabilities = { ...bench.store.capabilities, ...differs };
    const store = { ...bench.store, probe: async () => ({ ok: true, value }) as const };
    const s3 = { store } as unknown as Parameters<typeof checkCapabilities>[1];
    const asked = { examined: { config: { s3BucketName: BUCKET } }, hurry: new AbortController().signal };
    const findings = await checkCapabilities(asked as never, s3, []);
    expect(findings.find((each) => each.id === id)?.verdict).toBe(verdict);
  });
});

describe('this machine', () => {
  test('every mistake of the configuration is a finding, and the other checks still run', async () => {
    bench.env['CHUNK_SIZE_BYTES'] = 'x';
    bench.env['WATCH_DIR'] = join(bench.folder, 'missing');
    bench.env['FFPROBE_PATH'] = join(bench.folder, 'no-ffprobe');
    const { exitCode, reply } = await doctor();
    expect(exitCode).toBe(78);
    const mistakes = reply.findings.filter(({ id }) => id === 'config').map(({ found }) => found);
    expect(mistakes).toEqual([
      expect.stringContaining('CHUNK_SIZE_BYTES = x'),
      expect.stringMatching(/^WATCH_DIR = .*missing does not exist$/),
    ]);
    expect(finding(reply, 'folder').verdict).toBe('skipped');
    expect(finding(reply, 'ffprobe').verdict).toBe('warn');
    expect(finding(reply, 's3.upload').verdict).toBe('ok');
  });

  test('a STATE_DIR that cannot be made is 78, and is not made by looking', async () => {
    writeFileSync(join(bench.folder, 'file'), '');
    bench.env['STATE_DIR'] = join(bench.folder, 'file', 'state');
    const { exitCode, reply } = await doctor();
    expect(exitCode).toBe(78);
    expect(finding(reply, 'state-dir').found).toContain('ENOTDIR');
  });

  test('a watched folder with many folders is counted', async () => {
    for (let n = 0; n < 30; n += 1) mkdirSync(join(bench.recordings, `day-${n}`));
    writeFileSync(join(bench.recordings, 'day-1', 'a.mp4'), randomBytes(10));
    const { reply } = await doctor();
    expect(finding(reply, 'folder').found).toContain('1 files, all readable');
    expect(finding(reply, 'inotify').found).toContain('at most 32 of');
  });
});

test('the policy names an access point by its own ARN, and the partition of the region', () => {
  const point = 'arn:aws:s3:eu-west-1:1:accesspoint/cams';
  expect(iamPolicy(point, 'a/', null).Statement.map(({ Resource }) => Resource)).toEqual([
    ...[point, `${point}/object/a/*`, `${point}/object/a/.tailrace-probe/*`],
  ]);
  expect(iamPolicy('b', '', 'cn-north-1').Statement[0]?.Resource).toBe('arn:aws-cn:s3:::b');
});
