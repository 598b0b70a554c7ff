// What every object store promises: the fake, our adapter on dev-s3, and on any real server.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { StoreCapabilities } from '../../src/ports/object-store.ts';
import { Bed, got, type ObjectStoreUnderTest } from './object-store-fixture.ts';
import { objectPromises } from './object-store-objects.ts';
import { refusalPromises } from './object-store-refusals.ts';
import { uploadPromises } from './object-store-uploads.ts';

/** An upload's age is counted from a Create that was a moment ago, and told in seconds. */
function inMinutes(found: StoreCapabilities): StoreCapabilities {
  const { maxUploadAgeMs } = found;
  return { ...found, maxUploadAgeMs: maxUploadAgeMs && Math.round(maxUploadAgeMs / 60_000) * 60_000 };
}

/** Real servers on two shared cores: 1,100 parts, or 15 MiB through Swift's Python. */
const SLOW_TEST_MS = 180_000;

export function objectStoreContract(name: string, create: () => Promise<ObjectStoreUnderTest>): void {
  describe(`object store: ${name}`, { timeout: SLOW_TEST_MS }, () => {
    let current: Bed | undefined;
    const bed = (): Bed => {
      if (!current) throw new Error('no server');
      return current;
    };
    beforeAll(async () => {
      current = new Bed(await create());
      got(await current.store.probe(current.server.bucket));
    }, SLOW_TEST_MS);
    afterAll(async () => current?.leave(), SLOW_TEST_MS);

    test('the probe finds what the server can do, and leaves no upload behind', async () => {
      const { store, server, differences } = bed();
      expect(inMinutes(got(await store.probe(server.bucket)))).toEqual(differences.capabilities);
      expect(inMinutes(store.capabilities)).toEqual(differences.capabilities);
      expect(got(await store.listUploads({ bucket: server.bucket, prefix: '.tailrace-probe/' }))).toEqual([]);
    });

    uploadPromises(bed);
    objectPromises(bed);
    refusalPromises(bed);
  });
}
