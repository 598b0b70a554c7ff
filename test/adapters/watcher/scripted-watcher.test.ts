import { expect, test } from 'vitest';
import { failureOf } from '../../../src/machines/failure.ts';
import { BED_GLOBS, watcherContract } from '../../contracts/watcher.contract.ts';
import { createMemoryFiles } from '../../fakes/memory-file-source.ts';
import { createScriptedWatcher } from '../../fakes/scripted-watcher.ts';

watcherContract('scripted', async () => {
  const disk = createMemoryFiles();
  const watcher = createScriptedWatcher(disk, BED_GLOBS);
  return {
    folder: disk.folder,
    watcher,
    create(path) {
      disk.write(`${disk.folder}/${path}`, 'x');
      watcher.appear(`${disk.folder}/${path}`);
    },
    remove: (path) => disk.unlink(`${disk.folder}/${path}`),
    makeOther: (path) => disk.makeOther(`${disk.folder}/${path}`),
    end: () => watcher.close(),
  };
});

test('a scenario can refuse the start, tell failures and close folders', async () => {
  const disk = createMemoryFiles();
  const watcher = createScriptedWatcher(disk);
  disk.write('/watched/closed/a', 'x');
  watcher.refuseStart = failureOf('source_gone', 'no folder');
  const failures: string[] = [];
  const listener = { appeared: () => undefined, failed: (detail: string) => void failures.push(detail) };
  expect((await watcher.start(listener)).ok).toBe(false);
  expect((await watcher.start(listener)).ok).toBe(true);
  watcher.fail('ENOSPC');
  expect(failures).toEqual(['ENOSPC']);
  watcher.unreadable.add('/watched/closed');
  const findings = [];
  for await (const finding of watcher.sweep(new AbortController().signal)) findings.push(finding);
  expect(findings).toEqual([{ unreadable: '/watched/closed', detail: 'readdir /watched/closed: EACCES' }]);
});
