// What must be true of a stream that is done: the object is the file, the receipt tells it as it is, nothing is left open.
// And a witness that looks at every stream at the first moment at which it is called completed.

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { expect } from 'vitest';
import { toFsPath } from '../../../src/adapters/fs-path.ts';
import type { StreamView } from '../../../src/ports/stream-view.ts';
import type { OwnerTest } from './owned-processes.ts';
import type { OpenUpload } from './s3-server.ts';
import type { Scene } from './scene.ts';
import { pause, until } from './waiting.ts';

export interface FileSeen {
  readonly sizeBytes: number;
  readonly sha256: string;
  /** 8 hex digits. */
  readonly crc32: string;
}

export async function fileOf(path: string | Buffer): Promise<FileSeen> {
  const sha256 = createHash('sha256');
  let sizeBytes = 0;
  let crc = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 })) {
    sha256.update(chunk);
    crc = crc32(chunk, crc);
    sizeBytes += chunk.length;
  }
  return { sizeBytes, sha256: sha256.digest('hex'), crc32: crc.toString(16).padStart(8, '0') };
}

export const fileOfBytes = (bytes: Uint8Array): FileSeen => ({
  sizeBytes: bytes.length,
  sha256: createHash('sha256').update(bytes).digest('hex'),
  crc32: crc32(bytes).toString(16).padStart(8, '0'),
});

export interface Receipt {
  readonly stream_id: string;
  readonly generation: number;
  readonly bucket: string;
  readonly key: string;
  readonly size: number;
  readonly etag: string;
  readonly crc32: string;
  readonly source: { readonly path: string; readonly size: number };
  readonly parts: readonly { readonly number: number; readonly offset: number; readonly size: number }[];
  readonly finalized_because: string;
  readonly [field: string]: unknown;
}

/** null: there is none yet. */
export async function receiptOf(scene: Scene, key: string): Promise<Receipt | null> {
  const bytes = await scene.s3.bytesOf(`${key}.metadata.json`);
  return bytes && (JSON.parse(bytes.toString()) as Receipt);
}

/** The object at `key` is `file`, and its receipt says so. Returns the receipt. */
export async function expectObject(scene: Scene, key: string, file: FileSeen): Promise<Receipt> {
  const object = await scene.s3.objectOf(key);
  expect(object && { sizeBytes: object.sizeBytes, sha256: object.sha256 }, `the object ${key}`).toEqual({
    sizeBytes: file.sizeBytes,
    sha256: file.sha256,
  });
  const receipt = await receiptOf(scene, key);
  if (!receipt) throw new Error(`there is no receipt for ${key}`);
  expect(
    { key: receipt.key, size: receipt.size, crc32: receipt.crc32, sourceSize: receipt.source.size },
    `the receipt of ${key}`,
  ).toEqual({ key, size: file.sizeBytes, crc32: file.crc32, sourceSize: file.sizeBytes });
  let end = 0;
  for (const [index, part] of receipt.parts.entries()) {
    expect(part, `part ${index + 1} of ${key}`).toMatchObject({ number: index + 1, offset: end });
    end += part.size;
  }
  expect(end, `the parts of ${key} tile the file`).toBe(file.sizeBytes);
  return receipt;
}

/** Waits until the stream is done for good, then proves object, receipt, and that no upload was left open. */
export async function expectDelivered(
  scene: Scene,
  which: string,
  options: {
    readonly key?: string;
    readonly deadlineMs?: number;
    readonly wanted?: (stream: StreamView) => boolean;
  } = {},
): Promise<{ readonly stream: StreamView; readonly receipt: Receipt; readonly file: FileSeen }> {
  const { key = which, deadlineMs, wanted = () => true } = options;
  const stream = await scene.daemon.waitForState(
    which,
    (each) => each.status === 'completed' && wanted(each),
    deadlineMs,
  );
  const file = await fileOf(toFsPath(stream.path));
  expect(stream.key).toBe(key);
  const receipt = await expectObject(scene, key, file);
  expect(receipt.stream_id).toBe(stream.id);
  expect(receipt.generation).toBe(stream.generation);
  await expectNoStrays(scene);
  return { stream, receipt, file };
}

/** Longer than any Create takes to be known to its stream. */
const STRAY_MS = 5_000;

/** No upload is open but those that living streams are filling. */
async function expectNoStrays(scene: Scene): Promise<void> {
  let strays: readonly OpenUpload[] = [];
  await until(
    'no upload is left open',
    async () => {
      const open = await scene.s3.openUploads();
      const living = new Set<string | null>((await scene.daemon.streams()).map(({ uploadId }) => uploadId));
      strays = open.filter(({ uploadId }) => !living.has(uploadId));
      return strays.length === 0 ? true : null;
    },
    STRAY_MS,
    () => JSON.stringify(strays),
  );
}

const COMPLETED: readonly string[] = ['s3_completed', 'completed'];
/** Each look is work for the daemon too, and many tests run at once. */
const LAST_LOOK_MS = 60_000;
const LOOK_EVERY_MS = 100;

export interface Witness {
  /** Stops looking; fails if a stream was called completed before its object was right, or if none ever was. */
  testify(): Promise<void>;
}

/**
 * Looks at the API all the time; at the first sight of each completion (stream and generation) the object must be there, as
 * large and with the bytes that the completion claims, and those of the file unless that has changed since.
 */
export function callWitness(test: OwnerTest, scene: Scene): Witness {
  const seen = new Set<string>();
  const lies: string[] = [];
  const life = { goesOn: true };
  const looking = (async () => {
    while (life.goesOn) {
      const streams = await scene.daemon.streams().catch(() => []);
      for (const stream of streams) {
        const sight = `${stream.id} ${stream.generation}`;
        if (!COMPLETED.includes(stream.status) || seen.has(sight)) continue;
        seen.add(sight);
        const lie = await lieOf(scene, stream);
        if (lie) lies.push(`${stream.path} generation ${stream.generation}: ${lie}`);
      }
      await pause(LOOK_EVERY_MS);
    }
  })();
  // Its last look reads whole objects, on a machine that may be busy.
  test.onTestFinished(async () => {
    life.goesOn = false;
    await looking;
  }, LAST_LOOK_MS);
  return {
    async testify() {
      await until('the witness sees a completion', () => (seen.size > 0 ? true : null), 5_000);
      life.goesOn = false;
      await looking;
      expect(lies).toEqual([]);
    },
  };
}

/** null: the object is what the completion says. */
async function lieOf(scene: Scene, stream: StreamView): Promise<string | null> {
  const { completion } = stream;
  if (!completion) return 'completed without a completion';
  const object = await scene.s3.objectOf(completion.target.key);
  if (!object) return 'no object';
  if (object.sizeBytes !== completion.sizeBytes)
    return `object of ${object.sizeBytes}, claimed ${completion.sizeBytes}`;
  if (object.crc32 !== completion.crc32) return `object with CRC32 ${object.crc32}, claimed ${completion.crc32}`;
  const before = await stat(toFsPath(stream.path), { bigint: true }).catch(() => null);
  // Times of content can be set back, ctime cannot.
  if (!before || String(before.ctimeNs) !== completion.freeze.ctimeNs) return null;
  const file = await fileOf(toFsPath(stream.path));
  const after = await stat(toFsPath(stream.path), { bigint: true }).catch(() => null);
  if (after?.ctimeNs !== before.ctimeNs) return null;
  return file.sha256 === object.sha256 ? null : 'the object is not the file';
}
