// Files of every size, one and many: nothing, less than a part, exactly parts, and far more than memory should hold.

import { readdir, readFile, readlink, utimes, writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { content, contentFrom } from '../../fixtures/writers/content.ts';
import { Recording } from '../../fixtures/writers/recording.ts';
import { callWitness, expectDelivered } from '../harness/proof.ts';
import { CHUNK_BYTES, MIB, openScene } from '../harness/scene.ts';
import { until } from '../harness/waiting.ts';

describe.concurrent('sizes', { timeout: 120_000 }, () => {
  test('F67 an empty file opens nothing and leaves nothing behind', async (context) => {
    const scene = await openScene(context);
    await writeFile(scene.path('empty.bin'), '');
    const stream = await scene.daemon.waitForState('empty.bin', 'aborted_no_parts');
    expect(stream).toMatchObject({ key: null, uploadId: null, failure: null, generation: 1 });
    expect(await scene.s3.keys()).toEqual([]);
    expect(await scene.s3.openUploads()).toEqual([]);
    const asked = (await scene.s3.requests()).filter(({ key }) => key.startsWith('empty.bin'));
    expect(asked).toEqual([]);
  });

  test('an empty file that is written to later arrives', async (context) => {
    const scene = await openScene(context);
    await writeFile(scene.path('late.bin'), '');
    await scene.daemon.waitForState('late.bin', 'aborted_no_parts');
    await writeFile(scene.path('late.bin'), content(CHUNK_BYTES + 1));
    const { receipt } = await expectDelivered(scene, 'late.bin');
    expect(receipt.parts.map(({ size }) => size)).toEqual([CHUNK_BYTES, 1]);
  });

  const sizes = [
    { what: 'one byte', sizeBytes: 1, parts: [1] },
    { what: 'less than one part', sizeBytes: 3 * MIB, parts: [3 * MIB] },
    { what: 'exactly one part', sizeBytes: CHUNK_BYTES, parts: [CHUNK_BYTES] },
    { what: 'exactly two parts', sizeBytes: 2 * CHUNK_BYTES, parts: [CHUNK_BYTES, CHUNK_BYTES] },
    { what: 'two parts and a byte', sizeBytes: 2 * CHUNK_BYTES + 1, parts: [CHUNK_BYTES, CHUNK_BYTES, 1] },
  ];
  test('F67 files of less than, exactly, and just over some parts arrive', async (context) => {
    const scene = await openScene(context);
    const witness = callWitness(context, scene);
    for (const [seed, { what, sizeBytes }] of sizes.entries())
      await writeFile(scene.path(what), content(sizeBytes, seed + 1));
    await scene.daemon.waitForStreams('all are completed', (streams) => countOf(streams, 'completed') === sizes.length);
    for (const { what, parts } of sizes) {
      const { receipt } = await expectDelivered(scene, what);
      expect(receipt.parts.map(({ size }) => size)).toEqual(parts);
    }
    await witness.testify();
  });

  test('files whose times make no sense arrive', async (context) => {
    const scene = await openScene(context);
    const witness = callWitness(context, scene);
    const times = {
      'before-1970.bin': -86_400 * 365,
      'epoch.bin': 0,
      'tomorrow.bin': Date.now() / 1_000 + 86_400,
      'year-2300.bin': 10_413_792_000,
    };
    for (const [name, seconds] of Object.entries(times)) {
      await writeFile(scene.path(name), content(10_000 + name.length, name.length));
      await utimes(scene.path(name), seconds, seconds);
    }
    await scene.daemon.waitForStreams('all are completed', (streams) => countOf(streams, 'completed') === 4);
    for (const name of Object.keys(times)) await expectDelivered(scene, name);
    await witness.testify();
  });

  test('thirty files that grow at once all arrive', async (context) => {
    const scene = await openScene(context);
    const witness = callWitness(context, scene);
    const names = Array.from({ length: 30 }, (_, index) => `camera-${index}.bin`);
    await Promise.all(
      names.map(async (name, index) => {
        const recording = await Recording.start(context, scene.path(name), { seed: index + 1 });
        await recording.appendDuring((4 + (index % 7)) * MIB + index, 3_000, 12);
        await recording.close();
      }),
    );
    await scene.daemon.waitForStreams('all are completed', (streams) => countOf(streams, 'completed') === names.length);
    for (const name of names) await expectDelivered(scene, name);
    await witness.testify();
    expect(await scene.s3.keys()).toHaveLength(2 * names.length);
    // A look at a finished file (is it still the same?) holds it for a moment.
    await until('no finished file is held open', async () =>
      (await heldBelow(scene.daemon.pid, scene.recordings)).length === 0 ? true : null,
    );
  });
});

/** Files below the folder that the process holds open. */
async function heldBelow(pid: number, folder: string): Promise<readonly string[]> {
  const targets = (await readdir(`/proc/${pid}/fd`)).map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => ''));
  return (await Promise.all(targets)).filter((target) => target.startsWith(`${folder}/`));
}

const countOf = (streams: readonly { readonly status: string }[], status: string): number =>
  streams.filter((each) => each.status === status).length;

const LARGE_BYTES = 1_200_000_000;
/** Node and its libraries take 150 MiB of it, the parts in flight 64 MiB. */
const MOST_MEMORY_BYTES = 400 * MIB;

test('a file of 1.2 GB passes through small parts and bounded memory', { timeout: 120_000 }, async (context) => {
  const scene = await openScene(context, { settings: { UPLOAD_BUFFER_BYTES: '64MiB' } });
  const recording = await Recording.start(context, scene.path('large.bin'));
  const next = contentFrom(7);
  const memory: number[] = [];
  for (let offset = 0; offset < LARGE_BYTES; offset += 10_000_000) {
    await recording.overwrite(offset, next(10_000_000));
    memory.push(await residentBytes(scene.daemon.pid));
  }
  await recording.close();
  const stream = await scene.daemon.waitForState('large.bin', 'completed');
  memory.push(await residentBytes(scene.daemon.pid));
  const { receipt } = await expectDelivered(scene, 'large.bin');
  expect(receipt.parts.length).toBeGreaterThan(200);
  expect(stream.sizeBytes).toBe(LARGE_BYTES);
  expect(Math.max(...memory)).toBeLessThan(MOST_MEMORY_BYTES);
});

async function residentBytes(pid: number): Promise<number> {
  const kib = /^VmRSS:\s+(\d+) kB/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kib) * 1024;
}
