// kill -9 in the middle of the verify pass over a large file: the pass is done again, no part is.

import { open } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { contentFrom } from '../../fixtures/writers/content.ts';
import { expectDelivered } from '../harness/proof.ts';
import { MIB, openScene } from '../harness/scene.ts';
import { completesSent, onceEach, timesTaken } from './looking.ts';

const NAME = 'long.mkv';
/** Large enough that reading and hashing it takes a good part of a second. */
const FILE_BYTES = 320 * MIB;
const LOOK_EVERY_MS = 3;

test('F4 killed during the verify pass: no part is sent twice, one Complete', { timeout: 120_000 }, async (context) => {
  const scene = await openScene(context, { settings: { LOG_LEVEL: 'debug', CHUNK_SIZE_BYTES: '16MiB' } });
  const file = await open(scene.path(NAME), 'w');
  const next = contentFrom(5);
  for (let written = 0; written < FILE_BYTES; written += 8 * MIB) await file.write(next(8 * MIB));
  await file.close();
  const lastState = () =>
    [...scene.daemon.log().matchAll(/"state":"([^"]+)"[^\n]*"msg":"stream moved"/g)].at(-1)?.[1] ?? '';
  const deadlineMs = Date.now() + 60_000;
  while (lastState() !== 'finalizing.verifying' && Date.now() < deadlineMs)
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  await scene.daemon.kill();
  expect(lastState(), 'where it was killed').toBe('finalizing.verifying');
  const before = await timesTaken(scene, NAME);
  expect(before).toEqual(onceEach(Object.keys(before).length));
  await scene.daemon.start();
  const { stream } = await expectDelivered(scene, NAME);
  expect(stream.generation).toBe(1);
  expect(await timesTaken(scene, NAME)).toEqual(onceEach(20));
  expect(await completesSent(scene, NAME)).toBe(1);
});
