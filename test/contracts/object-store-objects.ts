// The object store's contract, second chapter: whole objects and their keys.

import { describe, expect, test } from 'vitest';
import type { CompleteCondition } from '../../src/machines/stream-record.ts';
import { answerOf, type Bed, bytesOf, collect, got } from './object-store-fixture.ts';

/** Names that recorders and people give to files. */
const NAMES = [
  'plain.mp4',
  'with spaces  and more.mp4',
  'umläut/日本語/🎥.mkv',
  'plus+and&ampersand=equals.ts',
  'per%20cent%.ts',
  'rec~2.mp4',
  'quotes\'and"<angles>.log',
  'brackets[1](2){3}!*#?;@,$.log',
  'a//b/./c.log',
  '+',
];

export function objectPromises(bed: () => Bed): void {
  describe('objects', () => {
    const put = (
      target: ReturnType<Bed['target']>,
      body: Uint8Array,
      condition: CompleteCondition = { kind: 'any' },
    ) => {
      const metadata = { 'tailrace-stream': 'abc' };
      return bed().store.putObject({ target, body, contentType: 'application/json', metadata, condition });
    };

    test('an absent object is null, not a failure', async () => {
      const target = bed().target();
      expect(got(await bed().store.headObject(target))).toBeNull();
      expect(got(await bed().store.getObject({ target }))).toBeNull();
    });

    test('what was put is what is there, an empty object too', async () => {
      for (const body of [Buffer.from('{"a":1}'), Buffer.alloc(0), bytesOf(700_000, 1)]) {
        const target = bed().target();
        const { etag } = got(await put(target, body));
        const head = got(await bed().store.headObject(target));
        expect(head).toMatchObject({ sizeBytes: body.length, etag, metadata: { 'tailrace-stream': 'abc' } });
        expect(etag).not.toContain('"');
        expect((await bed().read(target))?.equals(body)).toBe(true);
      }
    });

    test('a put with a condition', async () => {
      const { putIfAbsent, putIfOurs } = bed().differences;
      const target = bed().target();
      const { etag } = got(await put(target, Buffer.from('first'), { kind: 'absent' }));
      const second = await put(target, Buffer.from('second'), { kind: 'absent' });
      expect(answerOf(second)).toBe(putIfAbsent ? 'precondition_failed' : 'success');
      if (putIfAbsent) expect(await bed().read(target)).toEqual(Buffer.from('first'));

      got(await put(target, Buffer.from('first'), { kind: 'any' }));
      const wrong = await put(target, Buffer.from('third'), { kind: 'ours', etag: '0'.repeat(32) });
      expect(answerOf(wrong)).toBe(putIfOurs ? 'precondition_failed' : 'success');
      got(await put(target, Buffer.from('first'), { kind: 'any' }));
      got(await put(target, Buffer.from('fourth'), { kind: 'ours', etag }));
      expect(await bed().read(target)).toEqual(Buffer.from('fourth'));
    });

    test('any range of an object can be read, across its parts', async () => {
      const { minPartBytes } = bed().server;
      const target = bed().target();
      const uploadId = await bed().open(target);
      const pieces = [bytesOf(minPartBytes, 2), bytesOf(999, 3)];
      const whole = Buffer.concat(pieces);
      const parts = [];
      for (const [index, bytes] of pieces.entries()) parts.push(await bed().send(target, uploadId, index + 1, bytes));
      got(await bed().complete(target, uploadId, parts, whole.length));
      for (const [offset, sizeBytes] of [
        [0, 1],
        [0, whole.length],
        [minPartBytes - 3, 7],
        [minPartBytes, 999],
        [whole.length - 1, 1],
      ] as const) {
        const expected = whole.subarray(offset, offset + sizeBytes);
        expect((await bed().read(target, { offset, sizeBytes }))?.equals(expected)).toBe(true);
      }
      expect(await bed().read(target, { offset: minPartBytes + 1 })).toEqual(whole.subarray(minPartBytes + 1));
    });

    test('an object that is read no further than its first bytes holds nobody up', async () => {
      const target = bed().target();
      got(await put(target, bytesOf(5_000_000, 4)));
      for (let i = 0; i < 5; i += 1) {
        const body = got(await bed().store.getObject({ target }));
        for await (const chunk of body ?? []) {
          expect(chunk.length).toBeGreaterThan(0);
          break;
        }
      }
      expect(got(await bed().store.headObject(target))?.sizeBytes).toBe(5_000_000);
    });

    test('deleting is done when it is gone, twice too', async () => {
      const target = bed().target();
      got(await put(target, Buffer.from('x')));
      got(await bed().store.deleteObject(target));
      got(await bed().store.deleteObject(target));
      expect(got(await bed().store.headObject(target))).toBeNull();
    });

    test.each(NAMES)('the key %j is kept as it is', async (name) => {
      const { store, server } = bed();
      const target = bed().target(`keys/${name}`);
      const bytes = Buffer.from(`bytes of ${name}`);
      const uploadId = await bed().open(target);
      const listed = got(await store.listUploads({ bucket: server.bucket, prefix: target.key }));
      expect(listed.map((upload) => [upload.key, upload.uploadId])).toEqual([[target.key, uploadId]]);
      const part = await bed().send(target, uploadId, 1, bytes);
      expect(got(await store.listParts({ target, uploadId })).parts).toHaveLength(1);
      got(await bed().complete(target, uploadId, [part], bytes.length));
      expect(got(await store.headObject(target))?.sizeBytes).toBe(bytes.length);
      const body = got(await store.getObject({ target }));
      expect(body && (await collect(body))).toEqual(bytes);
    });
  });
}
