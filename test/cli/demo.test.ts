import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runToEnd, start, workFolder } from './program-process.ts';

const demo = (cwd: string, args: readonly string[] = [], script = '') =>
  runToEnd(['demo', '--seconds', '1', ...args], cwd, { SCRIPT: script, TMPDIR: cwd, WATCH_DIR: 'not-asked' });

test('the demo carries a growing file, compares, says where the object is, and leaves nothing behind', async () => {
  const cwd = workFolder();
  const { exitCode, out, talk } = await demo(cwd);
  expect(talk).toContain('byte for byte');
  expect(exitCode).toBe(0);
  const [, file, object] = /sha256 +([0-9a-f]{64}) +file\n +([0-9a-f]{64}) +object\n/.exec(out) ?? [];
  expect(file).toBe(object);
  expect(out).toContain('s3://takes/recording.bin');
  expect(readdirSync(cwd)).toEqual(['recordings']);
});

test('the demo does not call a wrong object right', async () => {
  const { exitCode, talk } = await demo(workFolder(), [], 'corrupt');
  expect(exitCode).toBe(1);
  expect(talk).toContain('The object is NOT the file.');
});

test('the demo tells why a stream failed', async () => {
  const { exitCode, talk } = await demo(workFolder(), [], 'broken');
  expect(exitCode).toBe(1);
  expect(talk).toContain('s3_access_denied');
});

test('--keep leaves the folder and says which; the recorder patched its header last', async () => {
  const cwd = workFolder();
  const { talk } = await demo(cwd, ['--keep']);
  const kept = /Kept: (.+)\n/.exec(talk)?.[1] ?? '';
  const path = join(kept, 'recordings/recording.bin');
  expect(readFileSync(path).toString('latin1')).toMatch(new RegExp(`^recorded ${statSync(path).size} bytes`));
});

test('a signal ends demo, recorder and daemon, and nothing is left', async () => {
  const cwd = workFolder();
  const running = start(['demo', '--seconds', '60'], cwd, { TMPDIR: cwd });
  await running.talked('active.uploading');
  running.kill('SIGINT');
  expect(await running.ended).toMatchObject({ exitCode: 130 });
  expect(readdirSync(cwd)).toEqual(['recordings']);
});

test('seconds that are no number of seconds are 2', async () => {
  const cwd = workFolder();
  expect(await runToEnd(['demo', '--seconds', 'x'], cwd)).toMatchObject({ exitCode: 2 });
  expect(await runToEnd(['demo', '--seconds', '0'], cwd)).toMatchObject({ exitCode: 2 });
  expect(existsSync(join(cwd, 'tailrace-demo'))).toBe(false);
});
