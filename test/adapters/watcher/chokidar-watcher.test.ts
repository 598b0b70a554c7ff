import { execFileSync } from 'node:child_process';
import { EventEmitter } from 'node:events';
import * as fs from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { FSWatcher } from 'chokidar';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createChokidarWatcher } from '../../../src/adapters/chokidar-watcher.ts';
import { fromFsBytes, toFsPath } from '../../../src/adapters/fs-path.ts';
import type { SweepFinding, Watcher } from '../../../src/ports/watcher.ts';
import { BED_GLOBS, swept, until, watcherContract } from '../../contracts/watcher.contract.ts';
import { runUnprivileged } from '../unprivileged.ts';

watcherContract('chokidar', async () => {
  const folder = fs.mkdtempSync(join(tmpdir(), 'tailrace-watch-'));
  const watcher = createChokidarWatcher({ folders: [folder], ...BED_GLOBS });
  const made = (path: string): string => {
    fs.mkdirSync(dirname(join(folder, path)), { recursive: true });
    return join(folder, path);
  };
  return {
    folder,
    watcher,
    create: (path) => fs.writeFileSync(made(path), 'x'),
    remove: (path) => fs.unlinkSync(join(folder, path)),
    makeOther: (path) => execFileSync('mkfifo', [made(path)]),
    async end() {
      await watcher.close();
      fs.rmSync(folder, { recursive: true });
    },
  };
});

let folder: string;
let watcher: Watcher;
let hints: string[];
let failures: string[];
const listener = {
  appeared: (hint: { path: string }) => void hints.push(hint.path),
  failed: (detail: string) => void failures.push(detail),
};
const watch = (options: Partial<Parameters<typeof createChokidarWatcher>[0]> = {}, parts = {}): Watcher =>
  createChokidarWatcher({ folders: [folder], include: ['**/*'], exclude: [], ...options }, parts);

beforeEach(() => {
  hints = [];
  failures = [];
  folder = fs.mkdtempSync(join(tmpdir(), 'tailrace-watch-'));
  watcher = watch();
});

afterEach(async () => {
  await watcher.close();
  fs.rmSync(folder, { recursive: true });
});

async function findings(of: Watcher): Promise<SweepFinding[]> {
  const all: SweepFinding[] = [];
  for await (const finding of of.sweep(new AbortController().signal)) {
    all.push('path' in finding ? { folder: finding.folder, path: finding.path } : finding);
  }
  return all;
}

test('an empty file gives a hint: its writer may need half a minute for the first bytes', async () => {
  await watcher.start(listener);
  fs.writeFileSync(join(folder, 'empty'), '');
  await until(() => hints.includes(join(folder, 'empty')), 'hint of the empty file');
});

test('a file that grows gives one hint, however often it is written', async () => {
  await watcher.start(listener);
  const path = join(folder, 'grows');
  fs.writeFileSync(path, 'x');
  await until(() => hints.length > 0, 'first hint');
  for (let i = 0; i < 200; i++) {
    fs.appendFileSync(path, 'x');
    if (i % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  // All events of before are through when a later one is.
  fs.writeFileSync(join(folder, 'later'), 'x');
  await until(() => hints.includes(join(folder, 'later')), 'hint of the later file');
  expect(hints.filter((hint) => hint === path)).toHaveLength(1);
});

test('a file renamed into place, over one already known, gives a hint', async () => {
  await watcher.start(listener);
  const path = join(folder, 'log');
  fs.writeFileSync(path, 'x');
  await until(() => hints.includes(path), 'first hint');
  hints = [];
  const outside = fs.mkdtempSync(join(tmpdir(), 'tailrace-watch-'));
  fs.writeFileSync(join(outside, 'new'), 'y');
  fs.renameSync(join(outside, 'new'), path);
  await until(() => hints.includes(path), 'hint of the file renamed over');
  fs.rmdirSync(outside);
});

test('log rotation gives hints of both names', async () => {
  await watcher.start(listener);
  const path = join(folder, 'app.log');
  fs.writeFileSync(path, 'x');
  await until(() => hints.includes(path), 'first hint');
  hints = [];
  fs.renameSync(path, join(folder, 'app.log.1'));
  fs.writeFileSync(path, 'y');
  await until(() => hints.includes(path), 'hint of the new file');
  await until(() => hints.includes(join(folder, 'app.log.1')), 'hint of the rotated file');
});

test('a folder moved away and made again gives hints of the same names again', async () => {
  await watcher.start(listener);
  const path = join(folder, 'current', 'rec.mp4');
  fs.mkdirSync(dirname(path));
  fs.writeFileSync(path, 'x');
  await until(() => hints.includes(path), 'first hint');
  fs.renameSync(dirname(path), join(folder, 'monday'));
  await until(() => hints.includes(join(folder, 'monday', 'rec.mp4')), 'hint of the moved file');
  hints = [];
  // Made elsewhere and moved in, so that no event of its own tells of the file.
  const outside = fs.mkdtempSync(join(tmpdir(), 'tailrace-watch-'));
  fs.writeFileSync(join(outside, 'rec.mp4'), 'y');
  fs.renameSync(outside, dirname(path));
  await until(() => hints.includes(path), 'hint of the new file');
});

test('symlinks, sockets and loops are not followed and not swept', async () => {
  const outside = fs.mkdtempSync(join(tmpdir(), 'tailrace-watch-'));
  fs.writeFileSync(join(outside, 'secret'), 'x');
  fs.symlinkSync(outside, join(folder, 'to-folder'));
  fs.symlinkSync(join(outside, 'secret'), join(folder, 'to-file'));
  fs.symlinkSync(folder, join(folder, 'loop'));
  fs.symlinkSync(join(folder, 'self'), join(folder, 'self'));
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(join(folder, 'socket'), resolve));
  fs.writeFileSync(join(folder, 'real'), 'x');
  expect(await findings(watcher)).toEqual([{ folder, path: join(folder, 'real') }]);
  await watcher.start(listener);
  fs.writeFileSync(join(outside, 'later'), 'x');
  fs.writeFileSync(join(folder, 'last'), 'x');
  await until(() => hints.includes(join(folder, 'last')), 'hint of the last');
  expect(hints).toEqual([join(folder, 'last')]);
  server.close();
  fs.rmSync(outside, { recursive: true });
});

test('a watched folder that is a link itself is watched like the folder behind it', async () => {
  const link = `${folder}-link`;
  fs.symlinkSync(folder, link);
  fs.mkdirSync(join(folder, 'sub'));
  const linked = watch({ folders: [link] });
  try {
    await linked.start(listener);
    fs.writeFileSync(join(folder, 'sub', 'take.mp4'), 'x');
    await until(() => hints.includes(join(link, 'sub', 'take.mp4')), 'hint below the link');
  } finally {
    await linked.close();
    fs.unlinkSync(link);
  }
});

test('a name that is no UTF-8 is swept, as are files in a folder of such a name', async () => {
  const name = Buffer.from([0x66, 0xfc, 0x72]);
  const odd = fromFsBytes(Buffer.concat([Buffer.from(`${folder}/`), name]));
  fs.mkdirSync(toFsPath(odd));
  const inside = `${odd}/${fromFsBytes(name)}`;
  fs.writeFileSync(toFsPath(inside), 'x');
  expect(await swept(watcher)).toEqual([inside]);
  await watcher.start(listener);
  fs.appendFileSync(toFsPath(inside), 'x');
  fs.writeFileSync(toFsPath(`${odd}.mp4`), 'x');
  fs.writeFileSync(join(folder, 'last'), 'x');
  await until(() => hints.includes(join(folder, 'last')), 'hint of the last');
  expect(await swept(watcher)).toEqual([inside, `${odd}.mp4`, join(folder, 'last')].sort());
  expect(failures).toEqual([]);
});

test('5,000 files in a folder are swept, and others may run in between', async () => {
  for (let i = 0; i < 5_000; i++) fs.writeFileSync(join(folder, `f${i}`), '');
  let turns = 0;
  let going = true;
  const count = (): void => {
    turns += 1;
    if (going) setImmediate(count);
  };
  let found = 0;
  for await (const _ of watcher.sweep(new AbortController().signal)) if (++found === 1) count();
  going = false;
  expect(found).toBe(5_000);
  // After the first finding nothing but the sweep's own breath lets others run: one listing holds them all.
  expect(turns).toBeGreaterThanOrEqual(8);
});

test('F66 files whose events were lost are found by the sweep', async () => {
  const deaf = watch({}, { watch: () => silentWatcher() });
  await deaf.start(listener);
  fs.writeFileSync(join(folder, 'unheard'), 'x');
  expect(await swept(deaf)).toEqual([join(folder, 'unheard')]);
  expect(hints).toEqual([]);
  await deaf.close();
});

test('F66 when inotify has no watches left, it is said once, and the sweep still works', async () => {
  const broken = silentWatcher();
  const poor = watch({}, { watch: () => broken });
  await poor.start(listener);
  for (const sub of ['a', 'b', 'c']) {
    const message = `ENOSPC: System limit for number of file watchers reached, watch '${sub}'`;
    broken.emit('error', Object.assign(new Error(message), { code: 'ENOSPC' }));
  }
  expect(failures).toEqual(["ENOSPC: System limit for number of file watchers reached, watch 'a'"]);
  fs.writeFileSync(join(folder, 'unheard'), 'x');
  expect(await swept(poor)).toEqual([join(folder, 'unheard')]);
  await poor.close();
});

test('folders that vanish during a sweep do not end it', async () => {
  for (let i = 0; i < 30; i++) {
    fs.mkdirSync(join(folder, `d${i}`));
    fs.writeFileSync(join(folder, `d${i}`, 'a'), '');
  }
  fs.writeFileSync(join(folder, 'stays'), '');
  const paths: string[] = [];
  for await (const finding of watcher.sweep(new AbortController().signal)) {
    if (!('path' in finding)) throw new Error(finding.detail);
    paths.push(finding.path);
    for (let i = 0; i < 30; i++) fs.rmSync(join(folder, `d${i}`), { recursive: true, force: true });
  }
  expect(paths).toContain(join(folder, 'stays'));
});

test('a folder that may not be read is reported, and the rest is swept', async () => {
  fs.chmodSync(folder, 0o777);
  fs.mkdirSync(join(folder, 'closed'));
  fs.writeFileSync(join(folder, 'closed', 'a'), 'x');
  fs.writeFileSync(join(folder, 'open'), 'x');
  fs.chmodSync(join(folder, 'closed'), 0);
  const seen = await runUnprivileged<SweepFinding[]>(new URL('./closed-folder.child.ts', import.meta.url), folder);
  fs.chmodSync(join(folder, 'closed'), 0o700);
  expect(seen).toHaveLength(2);
  expect(seen).toContainEqual({ folder, path: join(folder, 'open') });
  const closed = join(folder, 'closed');
  expect(seen).toContainEqual({ unreadable: closed, detail: `readdir ${closed}: EACCES` });
});

test('a watched folder that is missing is a failure of the start, and reported by the sweep', async () => {
  const absent = join(folder, 'absent');
  const nowhere = watch({ folders: [absent] });
  expect(await nowhere.start(listener)).toMatchObject({ ok: false, failure: { code: 'source_gone' } });
  expect(await findings(nowhere)).toEqual([{ unreadable: absent, detail: `readdir ${absent}: ENOENT` }]);
  await nowhere.close();
});

test('several folders are watched and swept, each hint with its own', async () => {
  const [one, two] = [join(folder, 'one'), join(folder, 'two')];
  for (const sub of [one, two]) fs.mkdirSync(sub);
  const both = watch({ folders: [one, two] });
  await both.start(listener);
  fs.writeFileSync(join(one, 'a'), 'x');
  fs.writeFileSync(join(two, 'a'), 'x');
  await until(() => hints.length >= 2, 'both hints');
  expect([...new Set(hints)].sort()).toEqual([join(one, 'a'), join(two, 'a')]);
  expect(await findings(both)).toEqual([
    { folder: one, path: join(one, 'a') },
    { folder: two, path: join(two, 'a') },
  ]);
  await both.close();
});

/** Chokidar as it is when the kernel's queue overflowed: it became ready, and says nothing. */
function silentWatcher(): FSWatcher {
  const silent = Object.assign(new EventEmitter(), {
    add: () => void setImmediate(() => silent.emit('ready')),
    close: async () => undefined,
  });
  return silent as unknown as FSWatcher;
}
