// A daemon that lives, and an S3 that does not answer, answers late, or has lost what it was given: the stream never fails, the
// object is right, and nothing is sent that the server may still be at work on.

import { writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import type { FaultRule } from '../../../src/dev-s3/faults.ts';
import { content } from '../../fixtures/writers/content.ts';
import { Recording } from '../../fixtures/writers/recording.ts';
import { callWitness, expectDelivered } from '../harness/proof.ts';
import { CHUNK_BYTES, MIB, openScene, type Scene } from '../harness/scene.ts';
import { until } from '../harness/waiting.ts';
import { onceEach, requestsFor, timesTaken, wasExecuted } from './looking.ts';

const NAME = 'take.mkv';
const FILE_BYTES = 3 * CHUNK_BYTES + MIB;
const PARTS = 4;
/** As in the scenes' settings. */
const DOUBT_MS = 3_000;

const completes = async (scene: Scene) =>
  (await requestsFor(scene, 'CompleteMultipartUpload')).filter(({ key }) => key === NAME);
const creates = async (scene: Scene) =>
  (await requestsFor(scene, 'CreateMultipartUpload')).filter(({ key }) => key === NAME);
const ourUpload = (scene: Scene) =>
  until('the upload is open', async () => (await scene.s3.openUploads()).find(({ key }) => key === NAME) ?? null);

describe.concurrent('Complete without an answer', { timeout: 120_000 }, () => {
  test('executed: the object proves it, and Complete is not sent again', async (context) => {
    const scene = await openScene(context);
    const witness = callWitness(context, scene);
    await scene.s3.addFaults({ operation: 'CompleteMultipartUpload', key: NAME, fault: 'dropReply', times: 1 });
    await writeFile(scene.path(NAME), content(FILE_BYTES));
    const { stream } = await expectDelivered(scene, NAME);
    expect(stream.generation).toBe(1);
    expect(await completes(scene)).toHaveLength(1);
    expect(await timesTaken(scene, NAME)).toEqual(onceEach(PARTS));
    await witness.testify();
  });

  test('not executed: it is sent again, but not before the doubt is over', async (context) => {
    const scene = await openScene(context);
    await scene.s3.addFaults({ operation: 'CompleteMultipartUpload', key: NAME, fault: 'dropRequest', times: 1 });
    await writeFile(scene.path(NAME), content(FILE_BYTES));
    const { stream } = await expectDelivered(scene, NAME);
    expect(stream.generation).toBe(1);
    const [first, second, ...more] = await completes(scene);
    expect(more).toEqual([]);
    expect((second?.startedAtMs ?? 0) - (first?.startedAtMs ?? 0)).toBeGreaterThan(DOUBT_MS);
    expect(await timesTaken(scene, NAME)).toEqual(onceEach(PARTS));
  });

  test('a Create whose answer was lost leaves no upload behind', async (context) => {
    const scene = await openScene(context);
    await scene.s3.addFaults({ operation: 'CreateMultipartUpload', key: NAME, fault: 'dropReply', times: 2 });
    await writeFile(scene.path(NAME), content(FILE_BYTES));
    await expectDelivered(scene, NAME);
    expect((await creates(scene)).filter(wasExecuted).length).toBe(3);
  });

  test('a part whose answer was lost does not stand in the way of Complete', async (context) => {
    const scene = await openScene(context);
    await scene.s3.addFaults({ operation: 'UploadPart', key: NAME, partNumber: 2, fault: 'dropReply', times: 1 });
    await writeFile(scene.path(NAME), content(FILE_BYTES));
    const { stream } = await expectDelivered(scene, NAME);
    expect(stream.generation).toBe(1);
    expect((await completes(scene)).length).toBe(1);
  });
});

describe.concurrent('an upload that somebody aborted behind our back', { timeout: 120_000 }, () => {
  test('while the file grows: the next generation, from the first byte', async (context) => {
    const scene = await openScene(context);
    const recording = await Recording.start(context, scene.path(NAME));
    await recording.append(2 * CHUNK_BYTES + MIB);
    await scene.daemon.waitForState(NAME, ({ partsHeld }) => partsHeld === 2);
    await scene.s3.abortUpload(await ourUpload(scene));
    await recording.append(2 * CHUNK_BYTES);
    await scene.daemon.waitForState(NAME, ({ generation, partsHeld }) => generation === 2 && partsHeld === 4);
    await recording.close();
    const { stream } = await expectDelivered(scene, NAME);
    expect(stream.generation).toBe(2);
  });

  test('under a Complete on its way: the next generation, and the right object', async (context) => {
    const scene = await openScene(context);
    const witness = callWitness(context, scene);
    await scene.s3.addFaults({
      ...{ operation: 'CompleteMultipartUpload', key: NAME, fault: 'stall', delayMs: 2_000, times: 1 },
    } as FaultRule);
    await writeFile(scene.path(NAME), content(FILE_BYTES));
    await scene.daemon.waitForState(NAME, 'finalizing.completing');
    await scene.s3.abortUpload(await ourUpload(scene));
    const { stream } = await expectDelivered(scene, NAME);
    expect(stream.generation).toBe(2);
    await witness.testify();
  });

  test('before the tail is sent, in a file that is quiet', async (context) => {
    const scene = await openScene(context);
    await scene.s3.addFaults({
      ...{ operation: 'UploadPart', key: NAME, partNumber: PARTS, fault: 'stall', delayMs: 1_500, times: 1 },
    } as FaultRule);
    await writeFile(scene.path(NAME), content(FILE_BYTES));
    await scene.daemon.waitForState(NAME, 'finalizing.resending');
    await scene.s3.abortUpload(await ourUpload(scene));
    expect((await expectDelivered(scene, NAME)).stream.generation).toBe(2);
  });
});

describe.concurrent('an S3 that is not well', { timeout: 120_000 }, () => {
  const ILLS: readonly (readonly [string, readonly FaultRule[]])[] = [
    ['half of all answers are 503', [{ operation: '*', fault: 'status503', probability: 0.5, seed: 7 }]],
    [
      'connections are reset in the middle of bodies, before and after they were executed',
      [
        { operation: 'UploadPart', fault: 'resetMidBody', probability: 0.4, seed: 3 },
        { operation: '*', fault: 'dropReply', probability: 0.2, seed: 5 },
      ],
    ],
    [
      'everything is slow, and parts stop in the middle',
      [
        { operation: 'UploadPart', fault: 'stall', afterBytes: MIB, delayMs: 2_000, probability: 0.4, seed: 11 },
        { operation: '*', fault: 'slow', delayMs: 300 },
      ],
    ],
  ];
  test.for(ILLS)('%s: the stream never fails, and arrives', async ([_what, faults], context) => {
    const scene = await openScene(context);
    await scene.s3.addFaults(...faults);
    const recording = await Recording.start(context, scene.path(NAME));
    const states = new Set<string>();
    let isOver = false;
    const watching = (async () => {
      while (!isOver) {
        for (const stream of await scene.daemon.streams()) states.add(stream.state.split('.')[0] ?? '');
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    })();
    await recording.appendDuring(FILE_BYTES, 4_000, 20);
    await recording.close();
    await scene.daemon.waitForState(NAME, ({ attempt, partsHeld }) => attempt > 0 || partsHeld > 2);
    await until('some faults have hit', async () =>
      (await scene.s3.requests()).filter(({ fault }) => fault !== null).length > 3 ? true : null,
    );
    await scene.s3.clearFaults();
    const { stream } = await expectDelivered(scene, NAME);
    isOver = true;
    await watching;
    expect(stream.generation).toBe(1);
    expect([...states]).not.toContain('failed');
  });

  test('away for a while and back: everything goes on by itself, nothing is sent twice that S3 holds', async (context) => {
    const scene = await openScene(context, { s3OwnProcess: true });
    const recording = await Recording.start(context, scene.path(NAME));
    await recording.append(2 * CHUNK_BYTES + MIB);
    await scene.daemon.waitForState(NAME, ({ partsHeld }) => partsHeld === 2);
    const before = await timesTaken(scene, NAME);
    await scene.s3.stop();
    await recording.append(CHUNK_BYTES);
    await scene.daemon.waitForState(NAME, ({ attempt }) => attempt > 0);
    await scene.s3.start();
    await recording.close();
    const { stream } = await expectDelivered(scene, NAME);
    expect(stream.generation).toBe(1);
    // The log of a process that ended is gone.
    const after = await timesTaken(scene, NAME);
    for (const n of [1, 2]) expect((before[n] ?? 0) + (after[n] ?? 0), `how often S3 took part ${n}`).toBe(1);
  });
});
