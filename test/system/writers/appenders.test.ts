// Writers that take their time, go back, lie about times, or come and go. Idle is never mistaken for done while one holds the
// file, and what arrives is the file as it was in the end.

import { spawnSync } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { content } from '../../fixtures/writers/content.ts';
import { Recording } from '../../fixtures/writers/recording.ts';
import { ownProcess, pathOfProgram } from '../harness/owned-processes.ts';
import { callWitness, expectDelivered } from '../harness/proof.ts';
import { CHUNK_BYTES, MIB, openScene } from '../harness/scene.ts';
import { pause } from '../harness/waiting.ts';

const TIMEOUT_MS = 3_000;
const TIMEOUT_UNKNOWN_MS = 4_000;
/** From the close of the last writer to the object: the grace of a second, a look, and the work, on a very busy machine. */
const SOON_MS = 30_000;

describe.concurrent('writers that append', { timeout: 120_000 }, () => {
  test('a log of 40 MiB in small writes goes up while it grows and arrives whole', async (context) => {
    const scene = await openScene(context);
    const witness = callWitness(context, scene);
    const log = await Recording.start(context, scene.path('app.log'));
    const writing = log.appendDuring(40 * MIB, 5_000, 2_000);
    await scene.daemon.waitForState('app.log', ({ sentBytes }) => sentBytes >= 3 * CHUNK_BYTES);
    await writing;
    await log.close();
    const { receipt } = await expectDelivered(scene, 'app.log');
    expect(receipt.parts).toHaveLength(8);
    await witness.testify();
    const sent = (await scene.s3.requests()).filter(
      ({ operation, key }) => operation === 'UploadPart' && key === 'app.log',
    );
    expect(sent, 'each part is sent once').toHaveLength(8);
  });

  test('a recorder that pauses with the file open is not finalized, and soon after it closes it is', async (context) => {
    const scene = await openScene(context);
    const witness = callWitness(context, scene);
    const recording = await Recording.start(context, scene.path('pause.bin'));
    await recording.append(2 * CHUNK_BYTES);
    await scene.daemon.waitForState('pause.bin', ({ partsHeld }) => partsHeld > 0);
    const endMs = Date.now() + 3 * Math.max(TIMEOUT_MS, TIMEOUT_UNKNOWN_MS);
    while (Date.now() < endMs) {
      expect((await scene.daemon.stream('pause.bin'))?.status).toBe('active');
      await pause(100);
    }
    await recording.append(MIB);
    await recording.close();
    const { stream } = await expectDelivered(scene, 'pause.bin', { deadlineMs: SOON_MS });
    expect(stream).toMatchObject({ generation: 1, finalizeReason: 'writer_closed' });
    await witness.testify();
  });

  test('a file is done when the last of its writers has closed it', async (context) => {
    const scene = await openScene(context);
    const first = await Recording.start(context, scene.path('two.bin'));
    await first.append(CHUNK_BYTES + 1);
    const second = await Recording.start(context, scene.path('two.bin'), { flags: 'r+', seed: 2 });
    await scene.daemon.waitForState('two.bin', ({ writer }) => writer === 'open');
    await first.close();
    await pause(2 * TIMEOUT_UNKNOWN_MS);
    expect((await scene.daemon.stream('two.bin'))?.status).toBe('active');
    await second.append(MIB);
    await second.close();
    const { stream } = await expectDelivered(scene, 'two.bin', { deadlineMs: SOON_MS });
    expect(stream.generation).toBe(1);
  });

  test('a writer that holds an empty file open for long is waited for', async (context) => {
    const scene = await openScene(context);
    const recording = await Recording.start(context, scene.path('slow.aac'));
    await scene.daemon.waitForState('slow.aac', ({ writer }) => writer === 'open');
    await pause(2 * TIMEOUT_UNKNOWN_MS);
    expect((await scene.daemon.stream('slow.aac'))?.status).toBe('active');
    await recording.append(1_000);
    await recording.close();
    const { stream } = await expectDelivered(scene, 'slow.aac', { deadlineMs: SOON_MS });
    expect(stream.generation).toBe(1);
  });

  test('F58 a header patched at the close is in the object', async (context) => {
    const scene = await openScene(context);
    const witness = callWitness(context, scene);
    const recording = await Recording.start(context, scene.path('header.bin'));
    await recording.append(3 * CHUNK_BYTES + 100);
    await scene.daemon.waitForState('header.bin', ({ partsHeld }) => partsHeld >= 2);
    await recording.overwrite(40, Buffer.from('size'));
    await recording.close();
    await expectDelivered(scene, 'header.bin');
    await witness.testify();
  });

  test('F59 earlier bytes that are edited after they were sent are in the object, though the times were set back', async (context) => {
    const scene = await openScene(context);
    const witness = callWitness(context, scene);
    const recording = await Recording.start(context, scene.path('edited.bin'));
    await recording.append(3 * CHUNK_BYTES);
    await scene.daemon.waitForState('edited.bin', ({ partsHeld }) => partsHeld >= 2);
    await recording.overwriteSecretly(CHUNK_BYTES + 17, content(1_000, 99));
    await recording.overwriteSecretly(5, content(1, 98));
    await recording.close();
    await expectDelivered(scene, 'edited.bin');
    await witness.testify();
  });
});

describe.concurrent('writers that come and go', { timeout: 120_000 }, () => {
  test('a logger that opens, appends and closes arrives whole, without an object for each of its lines', async (context) => {
    const scene = await openScene(context);
    const witness = callWitness(context, scene);
    for (let line = 0; line < 8; line += 1) {
      const logger = await Recording.start(context, scene.path('lines.log'), { seed: line + 1, flags: 'a' });
      await logger.append(MIB);
      await pause(700);
      await logger.close();
      await pause(1_300);
    }
    const { stream } = await expectDelivered(scene, 'lines.log', { wanted: ({ sizeBytes }) => sizeBytes === 8 * MIB });
    expect(stream.generation).toBeLessThan(8);
    await witness.testify();
  });

  test('F65 files that are edited at any moment, also while they are finalized, end up as their objects', async (context) => {
    const scene = await openScene(context);
    const witness = callWitness(context, scene);
    const names = Array.from({ length: 6 }, (_, index) => `restless-${index}.bin`);
    await Promise.all(
      names.map(async (name, index) => {
        const first = await Recording.start(context, scene.path(name), { seed: index + 1 });
        await first.append(2 * CHUNK_BYTES + 1_000 * index);
        await first.close();
        // The pauses straddle the timeouts, so that edits fall before, into and after finalizing.
        for (let edit = 0; edit < 5; edit += 1) {
          await pause(2_600 + 450 * ((index + 2 * edit) % 5));
          const again = await Recording.start(context, scene.path(name), { flags: 'r+' });
          await again.overwriteSecretly(1_000_003 * (edit + 1), content(4_096, 100 * index + edit));
          await again.close();
        }
      }),
    );
    await scene.daemon.waitForStreams(
      'all are completed as they are',
      (streams) => streams.filter(({ status }) => status === 'completed').length === names.length,
    );
    for (const name of names) {
      const { mtimeNs, ctimeNs } = await statOf(scene.path(name));
      await expectDelivered(scene, name, {
        wanted: ({ completion }) => completion?.freeze.ctimeNs === ctimeNs && completion.freeze.mtimeNs === mtimeNs,
      });
    }
    await witness.testify();
  });
});

describe.concurrent('files that have their size before their data', { timeout: 120_000 }, () => {
  const SIZE_BYTES = 4 * CHUNK_BYTES;

  async function fill(recording: Recording): Promise<void> {
    const bytes = content(SIZE_BYTES, 5);
    for (let offset = 0; offset < SIZE_BYTES; offset += MIB) {
      await recording.overwrite(offset, bytes.subarray(offset, offset + MIB));
      await pause(150);
    }
    await recording.close();
  }

  test('F71 a sparse file that is filled later arrives with its data', async (context) => {
    const scene = await openScene(context);
    const witness = callWitness(context, scene);
    const recording = await Recording.start(context, scene.path('sparse.bin'));
    await recording.truncate(SIZE_BYTES);
    await fill(recording);
    await expectDelivered(scene, 'sparse.bin');
    await witness.testify();
  });

  test('F71 a preallocated file that is filled later arrives with its data', async (context) => {
    const scene = await openScene(context);
    const witness = callWitness(context, scene);
    const path = scene.path('preallocated.bin');
    const recording = await Recording.start(context, path);
    spawnSync(pathOfProgram('fallocate', ['util-linux']), ['-l', String(SIZE_BYTES), path]);
    await fill(recording);
    await expectDelivered(scene, 'preallocated.bin');
    await witness.testify();
  });

  test('what is stored through a shared mapping without a descriptor arrives', async (context) => {
    const scene = await openScene(context);
    const witness = callWitness(context, scene);
    const path = scene.path('mapped.bin');
    const writer = ownProcess(context, pathOfProgram('python3', ['python3']), ['-c', MAPPED_WRITER, path], {});
    await scene.daemon.waitForState('mapped.bin', ({ writer: presence }) => presence === 'open');
    expect((await writer.ended).exitCode).toBe(0);
    await expectDelivered(scene, 'mapped.bin');
    await witness.testify();
  });
});

/** Maps the file, closes its descriptor, and goes on storing far beyond the timeout without a system call that would show it. */
const MAPPED_WRITER = `
import mmap, os, sys, time
size = ${4 * CHUNK_BYTES}
fd = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
os.write(fd, os.urandom(size))
mapping = mmap.mmap(fd, size)
os.close(fd)
end = time.time() + 9
count = 0
while time.time() < end:
    mapping[(count * 1000003) % size] = count % 256
    count += 1
    time.sleep(0.02)
`;

async function statOf(path: string): Promise<{ mtimeNs: string; ctimeNs: string }> {
  const { mtimeNs, ctimeNs } = await stat(path, { bigint: true });
  return { mtimeNs: String(mtimeNs), ctimeNs: String(ctimeNs) };
}
