import { expect, test } from 'vitest';
import { failureOf } from '../../../src/machines/failure.ts';
import { found, refOf } from '../../contracts/file-source.contract.ts';
import { writerCheckContract } from '../../contracts/writer-check.contract.ts';
import { createMemoryFileSource, createMemoryFiles } from '../../fakes/memory-file-source.ts';
import { createScriptedWriterCheck } from '../../fakes/scripted-writer-check.ts';

writerCheckContract('scripted', async () => {
  const check = createScriptedWriterCheck();
  const disk = createMemoryFiles();
  const source = createMemoryFileSource(disk);
  const writers = new Map<string, number>();
  return {
    check,
    async file(name) {
      disk.write(`${disk.folder}/${name}`, 'x');
      return refOf(await found(source, disk, `${disk.folder}/${name}`));
    },
    async write({ streamId }) {
      const count = (by: number): void => {
        writers.set(streamId, (writers.get(streamId) ?? 0) + by);
        check.set(streamId, writers.get(streamId) ? 'open' : 'none');
      };
      count(1);
      return async () => count(-1);
    },
    read: async () => async () => undefined,
    end: async () => undefined,
  };
});

test('a failure is told once, and unknown where the scenario says so', async () => {
  const check = createScriptedWriterCheck('unknown');
  const disk = createMemoryFiles();
  disk.write('/watched/a', 'x');
  const file = refOf(await found(createMemoryFileSource(disk), disk, '/watched/a'));
  check.failNext = failureOf('writer_check_unavailable', 'EMFILE');
  expect((await check.look([file])).ok).toBe(false);
  expect(await check.look([file])).toEqual({ ok: true, value: new Map([[file.streamId, 'unknown']]) });
});
