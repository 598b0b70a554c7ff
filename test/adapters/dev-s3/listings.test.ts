import {
  DeleteObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  type ListObjectsV2CommandInput,
  ListPartsCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compareUtf8, type ListingPlace, listKeys } from '../../../src/dev-s3/listing.ts';
import { BUCKET, bytesOf, createUpload, type Fixture, refusalOf, sendPart, startFixture } from './fixture.ts';

const KEYS = ['a/1', 'a/2', 'a/b/3', 'b', 'c/4', 'd', 'd!', 'd/5', 'ü', '\uffee', '😀'];

let fixture: Fixture;
beforeAll(async () => {
  fixture = await startFixture();
  for (const Key of [...KEYS].reverse()) {
    await fixture.client.send(new PutObjectCommand({ Bucket: BUCKET, Key, Body: Key }));
  }
});
afterAll(() => fixture.end());

/** All pages, each as its keys and groups. */
async function pages(input: Partial<ListObjectsV2CommandInput>): Promise<string[][]> {
  const found: string[][] = [];
  let token: string | undefined;
  do {
    const page = await fixture.client.send(
      new ListObjectsV2Command({
        Bucket: BUCKET,
        ...input,
        ...(token === undefined ? {} : { ContinuationToken: token }),
      }),
    );
    const names = [
      ...(page.Contents ?? []).map(({ Key }) => Key!),
      ...(page.CommonPrefixes ?? []).map((p) => p.Prefix!),
    ];
    expect(page.KeyCount).toBe(names.length);
    expect(page.IsTruncated).toBe(page.NextContinuationToken !== undefined);
    found.push(names);
    token = page.NextContinuationToken;
  } while (token !== undefined);
  return found;
}

describe('a listing of objects', () => {
  test('has every key in the order of its bytes', async () => {
    expect(await pages({})).toEqual([KEYS]);
  });

  test('by pages of one to four has each key once', async () => {
    for (const MaxKeys of [1, 2, 3, 4]) {
      const found = await pages({ MaxKeys });
      expect(found.flat()).toEqual(KEYS);
      expect(found).toHaveLength(Math.ceil(KEYS.length / MaxKeys));
    }
  });

  test('keeps to its prefix, and groups at its delimiter, each group once over all pages', async () => {
    expect((await pages({ Prefix: 'a/', MaxKeys: 1 })).flat()).toEqual(['a/1', 'a/2', 'a/b/3']);
    expect((await pages({ Prefix: 'a/', Delimiter: '/', MaxKeys: 1 })).flat()).toEqual(['a/1', 'a/2', 'a/b/']);
    const roots = ['a/', 'b', 'c/', 'd', 'd!', 'd/', 'ü', '\uffee', '😀'];
    expect((await pages({ Delimiter: '/', MaxKeys: 1 })).flat()).toEqual(roots);
    expect((await pages({ Prefix: 'nothing' })).flat()).toEqual([]);
  });

  test('starts after a key, whether that is there or not', async () => {
    expect((await pages({ StartAfter: 'c/4' })).flat()).toEqual(KEYS.slice(5));
    expect((await pages({ StartAfter: 'c', MaxKeys: 2 })).flat()).toEqual(KEYS.slice(4));
  });

  test('tells size, ETag and time of each object', async () => {
    const { Contents } = await fixture.client.send(new ListObjectsV2Command({ Bucket: BUCKET, Prefix: 'b' }));
    expect(Contents).toMatchObject([{ Key: 'b', Size: 1, ETag: '"92eb5ffee6ae2fec3ad71c777531578f"' }]);
    expect(Contents![0]!.LastModified).toBeInstanceOf(Date);
  });

  test('percent-encodes keys when asked', async () => {
    const input = { Bucket: BUCKET, Prefix: 'ü', EncodingType: 'url' } as const;
    const { Contents, EncodingType } = await fixture.client.send(new ListObjectsV2Command(input));
    expect(Contents?.map(({ Key }) => Key)).toEqual(['%C3%BC']);
    expect(EncodingType).toBe('url');
  });

  test('refuses a token that is not its own, and counts that are none', async () => {
    const list = (input: object) => fixture.client.send(new ListObjectsV2Command({ Bucket: BUCKET, ...input }));
    expect(await refusalOf(list({ ContinuationToken: 'forged' }))).toBe('400 InvalidArgument');
    expect(await refusalOf(list({ MaxKeys: -1 }))).toBe('400 InvalidArgument');
    expect((await list({ MaxKeys: 0 })).IsTruncated).toBe(false);
  });

  test('goes on after a key that was deleted meanwhile', async () => {
    const own = await startFixture();
    for (const Key of ['1', '2', '3']) await own.client.send(new PutObjectCommand({ Bucket: BUCKET, Key, Body: 'x' }));
    const first = await own.client.send(new ListObjectsV2Command({ Bucket: BUCKET, MaxKeys: 2 }));
    await own.client.send(new DeleteObjectCommand({ Bucket: BUCKET, Key: '2' }));
    const ContinuationToken = first.NextContinuationToken;
    const second = await own.client.send(new ListObjectsV2Command({ Bucket: BUCKET, ContinuationToken }));
    expect(second.Contents?.map(({ Key }) => Key)).toEqual(['3']);
    await own.end();
  });

  test('by pages of any size equals the listing in one page, for any keys, prefix and delimiter', () => {
    const key = fc.string({ unit: fc.constantFrom('a', 'b', '/', '😀', '\uffee'), minLength: 1, maxLength: 5 });
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '/'), maxLength: 2 });
    fc.assert(
      fc.property(
        fc.uniqueArray(key),
        text,
        text,
        fc.integer({ min: 1, max: 4 }),
        (keys, prefix, delimiter, maxEntries) => {
          const sorted = [...keys].sort(compareUtf8);
          expect(sorted).toEqual([...keys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))));
          const whole = listKeys(sorted, { prefix, delimiter, place: null, maxEntries: 1000 });
          const paged = { keys: [] as string[], groups: [] as string[] };
          let place: ListingPlace | null = null;
          do {
            const page = listKeys(sorted, { prefix, delimiter, place, maxEntries });
            expect(page.keys.length + page.groups.length).toBeLessThanOrEqual(maxEntries);
            if (page.next !== null) expect(page.keys.length + page.groups.length).toBe(maxEntries);
            paged.keys.push(...page.keys);
            paged.groups.push(...page.groups);
            place = page.next;
          } while (place !== null);
          expect(paged).toEqual({ keys: whole.keys, groups: whole.groups });
        },
      ),
    );
  });
});

describe('a listing of parts', () => {
  test('by pages of one to three has each part once, in order, with size and ETag', async () => {
    const { client } = fixture;
    const uploadId = await createUpload(client, 'parts');
    const numbers = [1, 2, 3, 500, 9999, 10_000];
    for (const number of [...numbers].reverse())
      await sendPart(client, 'parts', uploadId, number, bytesOf(number % 100));
    for (const MaxParts of [1, 2, 3, 1000]) {
      const found = [];
      let PartNumberMarker: string | undefined;
      for (;;) {
        const target = { Bucket: BUCKET, Key: 'parts', UploadId: uploadId, MaxParts };
        const page = await client.send(
          new ListPartsCommand({ ...target, ...(PartNumberMarker === undefined ? {} : { PartNumberMarker }) }),
        );
        found.push(...(page.Parts ?? []));
        PartNumberMarker = page.NextPartNumberMarker;
        if (!page.IsTruncated) break;
      }
      expect(found.map((part) => part.PartNumber)).toEqual(numbers);
      expect(found.map((part) => part.Size)).toEqual(numbers.map((number) => number % 100));
      expect(found.every((part) => /^"[0-9a-f]{32}"$/.test(part.ETag!))).toBe(true);
    }
  });

  test('of an upload without parts is empty', async () => {
    const uploadId = await createUpload(fixture.client, 'none');
    const target = { Bucket: BUCKET, Key: 'none', UploadId: uploadId };
    const page = await fixture.client.send(new ListPartsCommand(target));
    expect(page.Parts).toBeUndefined();
    expect(page.IsTruncated).toBe(false);
  });
});

describe('a listing of uploads', () => {
  test('by pages of one to three has each upload once, by key and then by initiation', async () => {
    let nowMs = Date.now();
    const own = await startFixture({ now: () => nowMs });
    const made: [string, string][] = [];
    for (const key of ['b', 'a', 'b', 'c/x', 'b']) {
      nowMs += 1;
      made.push([key, await createUpload(own.client, key)]);
    }
    const expected = ['a', 'b', 'c/x'].flatMap((key) => made.filter(([one]) => one === key));
    for (const MaxUploads of [1, 2, 3]) {
      const found: [string, string][] = [];
      let marker = {};
      for (;;) {
        const page = await own.client.send(new ListMultipartUploadsCommand({ Bucket: BUCKET, MaxUploads, ...marker }));
        found.push(...(page.Uploads ?? []).map(({ Key, UploadId }): [string, string] => [Key!, UploadId!]));
        marker = { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker };
        if (!page.IsTruncated) break;
      }
      expect(found).toEqual(expected);
    }
    const list = async (input: object) => {
      const { Uploads } = await own.client.send(new ListMultipartUploadsCommand({ Bucket: BUCKET, ...input }));
      return (Uploads ?? []).map(({ Key }) => Key);
    };
    expect(await list({ Prefix: 'c/' })).toEqual(['c/x']);
    expect(await list({ Prefix: 'b' })).toEqual(['b', 'b', 'b']);
    expect(await list({ KeyMarker: 'a' })).toEqual(['b', 'b', 'b', 'c/x']);
    expect(await list({ UploadIdMarker: made[0]![1] })).toHaveLength(5);
    await own.end();
  });
});
