// The object store's contract, first chapter: multipart uploads.

import { describe, expect, test } from 'vitest';
import { partNumber } from '../../src/machines/ids.ts';
import type { ObjectTarget } from '../../src/machines/stream-record.ts';
import { answerOf, type Bed, bytesOf, crc32Of, etagOfParts, got } from './object-store-fixture.ts';

/** S3's page. */
const PAGE_ENTRIES = 1000;

export function uploadPromises(bed: () => Bed): void {
  describe('uploads', () => {
    test('the parts, tail included, are the object, byte for byte, with our metadata and checksum', async () => {
      const { store, server, differences } = bed();
      const target = bed().target();
      const uploadId = await bed().open(target, { 'tailrace-stream': 'abc', 'tailrace-generation': '1' });
      const pieces = [bytesOf(server.minPartBytes, 1), bytesOf(server.minPartBytes, 2), bytesOf(1001, 3)];
      const whole = Buffer.concat(pieces);
      const parts = [];
      for (const [index, bytes] of pieces.entries()) parts.push(await bed().send(target, uploadId, index + 1, bytes));
      got(await bed().complete(target, uploadId, parts, whole.length, { kind: 'absent' }));

      const head = got(await store.headObject(target));
      expect(head?.sizeBytes).toBe(whole.length);
      expect(head?.metadata).toEqual({ 'tailrace-stream': 'abc', 'tailrace-generation': '1' });
      expect(Math.abs((head?.lastModifiedMs ?? 0) - Date.now())).toBeLessThan(120_000);
      if (differences.etagIsMd5OfParts) expect(head?.etag).toBe(etagOfParts(pieces));
      expect(head?.crc32?.kind ?? 'none').toBe(differences.storedChecksum);
      if (head?.crc32?.kind === 'FULL_OBJECT') expect(head.crc32.value).toBe(crc32Of(whole));
      expect((await bed().read(target))?.equals(whole)).toBe(true);
    });

    test('one small part is an object', async () => {
      const target = bed().target();
      await bed().uploadWhole(target, Buffer.from('x'));
      expect(await bed().read(target)).toEqual(Buffer.from('x'));
    });

    test('a part that is streamed arrives as one from memory', async () => {
      const target = bed().target();
      const uploadId = await bed().open(target);
      const bytes = bytesOf(300_000, 4);
      const body = { kind: 'stream', sizeBytes: bytes.length, open: () => inPieces(bytes) } as const;
      const { etag } = got(await bed().tryToSend(target, uploadId, 1, bytes, body));
      const part = { partNumber: partNumber(1), etag, crc32: crc32Of(bytes) };
      got(await bed().complete(target, uploadId, [part], bytes.length));
      expect((await bed().read(target))?.equals(bytes)).toBe(true);
    });

    test('a part is copied out of an object, from a range of it', async () => {
      const { store, server } = bed();
      const source = bed().target();
      const content = bytesOf(server.minPartBytes + 3000, 7);
      await bed().uploadWhole(source, content);
      const etag = got(await store.headObject(source))?.etag ?? '';
      const target = bed().target();
      const uploadId = await bed().open(target);
      const range = content.subarray(1000, 1000 + server.minPartBytes);
      const request = {
        target,
        uploadId,
        partNumber: partNumber(1),
        source: { target: source, etag },
        crc32: crc32Of(range),
      };
      const answered = await store.copyPart({ ...request, offset: 1000, sizeBytes: range.length });
      expect(answerOf(answered)).toBe(bed().differences.copyOfParts);
      if (!answered.ok) return;
      const copied = answered.value;
      const tail = await bed().send(target, uploadId, 2, bytesOf(9, 8));
      const parts = [{ partNumber: partNumber(1), etag: copied.etag, crc32: crc32Of(range) }, tail];
      got(await bed().complete(target, uploadId, parts, range.length + 9));
      expect((await bed().read(target))?.equals(Buffer.concat([range, bytesOf(9, 8)]))).toBe(true);
    });

    test('a part is not copied out of another object than the one that was meant', async () => {
      const { store } = bed();
      const source = bed().target();
      const content = bytesOf(2000, 7);
      await bed().uploadWhole(source, content);
      const target = bed().target();
      const uploadId = await bed().open(target);
      const request = {
        target,
        uploadId,
        partNumber: partNumber(1),
        offset: 0,
        sizeBytes: 2000,
        crc32: crc32Of(content),
      };
      const other = { target: source, etag: '0'.repeat(32) };
      expect(answerOf(await store.copyPart({ ...request, source: other }))).toBe('precondition_failed');
      expect(got(await store.listParts({ target, uploadId })).parts).toEqual([]);
    });

    test('the same number again replaces the part', async () => {
      const { store } = bed();
      const target = bed().target();
      const uploadId = await bed().open(target);
      await bed().send(target, uploadId, 1, bytesOf(2000, 5));
      const part = await bed().send(target, uploadId, 1, bytesOf(1500, 6));
      const { parts } = got(await store.listParts({ target, uploadId }));
      expect(parts.map(({ partNumber: n, sizeBytes, etag }) => [n, sizeBytes, etag])).toEqual([[1, 1500, part.etag]]);
      got(await bed().complete(target, uploadId, [part], 1500));
      expect(await bed().read(target)).toEqual(bytesOf(1500, 6));
    });

    test('parts sent in any order are listed ascending, with sizes and etags, and make the object in order', async () => {
      const { store, server } = bed();
      const target = bed().target();
      const uploadId = await bed().open(target);
      const pieces = [bytesOf(server.minPartBytes, 7), bytesOf(server.minPartBytes, 8), bytesOf(50, 9)];
      const third = await bed().send(target, uploadId, 3, pieces[2]!);
      const first = await bed().send(target, uploadId, 1, pieces[0]!);
      const second = await bed().send(target, uploadId, 2, pieces[1]!);
      const { parts } = got(await store.listParts({ target, uploadId }));
      expect(parts.map(({ partNumber: n, sizeBytes, etag }) => [n, sizeBytes, etag])).toEqual([
        [1, server.minPartBytes, first.etag],
        [2, server.minPartBytes, second.etag],
        [3, 50, third.etag],
      ]);
      for (const part of parts) {
        if (part.crc32) expect(part.crc32).toBe(crc32Of(pieces[part.partNumber - 1]!));
      }
      const sizeBytes = 2 * server.minPartBytes + 50;
      got(await bed().complete(target, uploadId, [first, second, third], sizeBytes));
      expect((await bed().read(target))?.equals(Buffer.concat(pieces))).toBe(true);
    });

    test('an upload without parts lists none', async () => {
      const target = bed().target();
      const uploadId = await bed().open(target);
      expect(got(await bed().store.listParts({ target, uploadId })).parts).toEqual([]);
    });

    test("a list of parts has all its pages, small ones or the server's own", async () => {
      const { server, store } = bed();
      const target = bed().target();
      const uploadId = await bed().open(target);
      const moreThanAPage = (server.maxPageEntries ?? PAGE_ENTRIES) + 5;
      await inTurns(moreThanAPage, (n) => bed().send(target, uploadId, n, Buffer.from(`part ${n}`)));
      const { parts } = got(await store.listParts({ target, uploadId }));
      expect(parts.map((part) => part.partNumber)).toEqual(Array.from({ length: moreThanAPage }, (_, i) => i + 1));

      const paged = server.connect({ pageEntries: Math.ceil(moreThanAPage / 10) });
      expect(got(await paged.listParts({ target, uploadId })).parts).toEqual(parts);
      paged.close();
      got(await store.abortUpload({ target, uploadId }));
    });

    test('unfinished uploads are found by the exact key among neighbours, on pages of any size', async () => {
      const { server, store, differences } = bed();
      const names = ['list/a', 'list/a.mp4', 'list/a.mp4', 'list/a.mp4~2', 'list/b'];
      const opened = [];
      for (const name of names) opened.push({ name, uploadId: await bed().open(bed().target(name)) });
      const paged = server.connect({ pageEntries: 1 });
      for (const client of [store, paged]) {
        const prefix = bed().target('list/a.mp4').key;
        const found = got(await client.listUploads({ bucket: server.bucket, prefix }));
        for (const upload of found) {
          expect(upload.key.startsWith(prefix)).toBe(true);
          expect(Math.abs(upload.initiatedAtMs - Date.now())).toBeLessThan(120_000);
        }
        const isFound = (name: string) =>
          differences.uploadsFoundByPrefix ? name.startsWith('list/a.mp4') : name === 'list/a.mp4';
        const expected = opened.filter(({ name }) => isFound(name)).map(({ uploadId }) => uploadId);
        expect(found.map(({ uploadId }) => uploadId).sort()).toEqual(expected.sort());
      }
      paged.close();
    });

    test('what the same Complete answers again', async () => {
      const target = bed().target();
      const uploadId = await bed().open(target);
      const bytes = bytesOf(5000, 10);
      const part = await bed().send(target, uploadId, 1, bytes);
      got(await bed().complete(target, uploadId, [part], bytes.length));
      const again = await bed().complete(target, uploadId, [part], bytes.length);
      expect(answerOf(again)).toBe(bed().differences.reComplete);
      expect(await bed().read(target)).toEqual(bytes);
    });

    test('Complete refuses a wrong etag and a part that is not there; the upload is still open', async () => {
      const target = bed().target();
      const uploadId = await bed().open(target);
      const bytes = bytesOf(5000, 11);
      const part = await bed().send(target, uploadId, 1, bytes);
      const wrong = { ...part, etag: 'd41d8cd98f00b204e9800998ecf8427e' };
      expect(answerOf(await bed().complete(target, uploadId, [wrong], bytes.length))).toBe('part_invalid');
      const missing = { ...part, partNumber: partNumber(2) };
      const both = await bed().complete(target, uploadId, [part, missing], 2 * bytes.length);
      expect(['part_invalid', bed().differences.completeWithSmallPart]).toContain(answerOf(both));
      got(await bed().complete(target, uploadId, [part], bytes.length));
    });

    test('Complete in the wrong order', async () => {
      const { minPartBytes } = bed().server;
      const target = bed().target();
      const uploadId = await bed().open(target);
      const first = await bed().send(target, uploadId, 1, bytesOf(minPartBytes, 12));
      const second = await bed().send(target, uploadId, 2, bytesOf(minPartBytes, 13));
      const outcome = await bed().complete(target, uploadId, [second, first], 2 * minPartBytes);
      expect(answerOf(outcome)).toBe(bed().differences.completeOutOfOrder);
    });

    test('Complete with a part below the minimum that is not the last', async () => {
      const target = bed().target();
      const uploadId = await bed().open(target);
      const first = await bed().send(target, uploadId, 1, bytesOf(100, 14));
      const second = await bed().send(target, uploadId, 2, bytesOf(100, 15));
      const outcome = await bed().complete(target, uploadId, [first, second], 200);
      expect(answerOf(outcome)).toBe(bed().differences.completeWithSmallPart);
    });

    test('Complete with parts of different lengths before the last', async () => {
      const { minPartBytes } = bed().server;
      const target = bed().target();
      const uploadId = await bed().open(target);
      const pieces = [bytesOf(minPartBytes, 27), bytesOf(minPartBytes + 1, 28), bytesOf(5, 29)];
      const parts = [];
      for (const [index, bytes] of pieces.entries()) parts.push(await bed().send(target, uploadId, index + 1, bytes));
      const outcome = await bed().complete(target, uploadId, parts, 2 * minPartBytes + 6);
      expect(answerOf(outcome)).toBe(bed().differences.completeWithUnequalParts);
    });

    test('when an upload will end is told at its opening and in its list, or not at all', async () => {
      const { store, differences } = bed();
      const target = bed().target();
      const opened = got(await store.createUpload({ target, metadata: {} }));
      const listed = got(await store.listParts({ target, uploadId: opened.uploadId }));
      got(await store.abortUpload({ target, uploadId: opened.uploadId }));
      for (const { expiresAtMs } of [opened, listed]) {
        if (differences.tellsExpiry) expect(expiresAtMs).toBeGreaterThan(Date.now());
        else expect(expiresAtMs).toBeNull();
      }
    });

    test('Complete that states another size than the parts have', async () => {
      const target = bed().target();
      const uploadId = await bed().open(target);
      const part = await bed().send(target, uploadId, 1, bytesOf(100, 25));
      const outcome = await bed().complete(target, uploadId, [part], 101);
      expect(answerOf(outcome)).toBe(bed().differences.completeOfWrongSize);
    });

    test('Complete that states another checksum than a part has', async () => {
      const target = bed().target();
      const uploadId = await bed().open(target);
      const part = await bed().send(target, uploadId, 1, bytesOf(100, 26));
      const outcome = await bed().complete(target, uploadId, [{ ...part, crc32: '00000001' }], 100);
      expect(answerOf(outcome)).toBe(bed().differences.completeWithWrongChecksum);
    });

    test('Complete that leaves out parts', async () => {
      const { minPartBytes } = bed().server;
      const target = bed().target();
      const uploadId = await bed().open(target);
      await bed().send(target, uploadId, 1, bytesOf(minPartBytes, 16));
      const second = await bed().send(target, uploadId, 2, bytesOf(minPartBytes, 17));
      const third = await bed().send(target, uploadId, 4, bytesOf(10, 18));
      const outcome = await bed().complete(target, uploadId, [second, third], minPartBytes + 10);
      expect(answerOf(outcome)).toBe(bed().differences.completeOfSome);
      if (!outcome.ok) return;
      const expected = Buffer.concat([bytesOf(minPartBytes, 17), bytesOf(10, 18)]);
      expect((await bed().read(target))?.equals(expected)).toBe(true);
    });

    test('an upload that was aborted is gone for every request, and leaves no object', async () => {
      const { store, differences } = bed();
      const target = bed().target();
      const { uploadId, part } = await bed().goneUpload(target);
      expect(answerOf(await store.listParts({ target, uploadId }))).toBe(differences.listOfGone);
      expect(answerOf(await bed().complete(target, uploadId, [part], 100))).toBe(differences.completeOfGone);
      expect(answerOf(await store.abortUpload({ target, uploadId }))).toBe(differences.secondAbort);
      expect(answerOf(await bed().tryToSend(target, uploadId, 2, bytesOf(10, 19)))).toBe(differences.partOfGone);
      expect(got(await store.headObject(target))).toBeNull();
      expect(got(await store.listUploads({ bucket: target.bucket, prefix: target.key }))).toEqual([]);
    });

    test('what the list of parts says after Complete', async () => {
      const target = bed().target();
      const uploadId = await bed().open(target);
      const part = await bed().send(target, uploadId, 1, bytesOf(100, 20));
      got(await bed().complete(target, uploadId, [part], 100));
      const listed = await bed().store.listParts({ target, uploadId });
      expect(answerOf(listed)).toBe(bed().differences.listAfterComplete);
      expect(got(await bed().store.listUploads({ bucket: target.bucket, prefix: target.key }))).toEqual([]);
    });

    test('a part whose bytes are not those of its digest is refused, and not listed', async () => {
      const { store } = bed();
      const target = bed().target();
      const uploadId = await bed().open(target);
      const body = { kind: 'bytes', bytes: bytesOf(1000, 21) } as const;
      // The digests are of other bytes.
      const outcome = await bed().tryToSend(target, uploadId, 1, bytesOf(1000, 22), body);
      expect(answerOf(outcome)).toBe('part_digest_mismatch');
      expect(got(await store.listParts({ target, uploadId })).parts).toEqual([]);
    });
  });

  conditionPromises(bed);
}

function conditionPromises(bed: () => Bed): void {
  describe('conditions of Complete', () => {
    const OURS = bytesOf(100, 23);
    const FOREIGN = bytesOf(200, 24);
    const WRONG = { kind: 'ours', etag: 'd41d8cd98f00b204e9800998ecf8427e' } as const;

    /** An open upload with one part, on a key that another object holds. */
    async function beside(target: ObjectTarget) {
      const etag = await bed().uploadWhole(target, FOREIGN);
      const uploadId = await bed().open(target);
      const part = await bed().send(target, uploadId, 1, OURS);
      return { etag, uploadId, part };
    }

    test('`absent` and a wrong `ours` protect the object that is there, where the server honours conditions', async () => {
      const honoured = bed().differences.capabilities.conditionalComplete;
      for (const condition of [{ kind: 'absent' } as const, WRONG]) {
        const target = bed().target();
        const { uploadId, part } = await beside(target);
        const outcome = await bed().complete(target, uploadId, [part], OURS.length, condition);
        expect(answerOf(outcome)).toBe(honoured ? 'precondition_failed' : 'success');
        expect(await bed().read(target)).toEqual(honoured ? FOREIGN : OURS);
        // Refused by name, so nothing has happened and the same upload can still be completed otherwise.
        if (honoured) got(await bed().complete(target, uploadId, [part], OURS.length));
        expect(await bed().read(target)).toEqual(OURS);
      }
    });

    test('`ours` replaces exactly the object that it names', async () => {
      const target = bed().target();
      const { etag, uploadId, part } = await beside(target);
      got(await bed().complete(target, uploadId, [part], OURS.length, { kind: 'ours', etag }));
      expect(await bed().read(target)).toEqual(OURS);
    });

    test('`ours` fails when the object is not there any more', async () => {
      const honoured = bed().differences.capabilities.conditionalComplete;
      const target = bed().target();
      const uploadId = await bed().open(target);
      const part = await bed().send(target, uploadId, 1, OURS);
      const outcome = await bed().complete(target, uploadId, [part], OURS.length, WRONG);
      expect(answerOf(outcome)).toBe(honoured ? 'precondition_failed' : 'success');
    });
  });
}

async function* inPieces(bytes: Buffer): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536);
}

/** Runs 1..count, eight at a time. */
async function inTurns(count: number, work: (n: number) => Promise<unknown>): Promise<void> {
  let next = 1;
  const worker = async () => {
    while (next <= count) {
      const n = next;
      next += 1;
      await work(n);
    }
  };
  await Promise.all(Array.from({ length: 8 }, worker));
}
