import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { workFolder } from './program-process.ts';

/** The launcher in a folder of its own, with this program in the place of the compiled one. */
function launch(program: string | null, nodeVersion?: string, words = ['status', '--json'], env = {}) {
  const cwd = workFolder();
  cpSync(fileURLToPath(new URL('../../bin', import.meta.url)), join(cwd, 'bin'), { recursive: true });
  writeFileSync(join(cwd, 'package.json'), '{"type":"module"}');
  if (program !== null) {
    mkdirSync(join(cwd, 'dist'));
    writeFileSync(join(cwd, 'dist/main.js'), program);
  }
  const pretend = `data:text/javascript,Object.defineProperty(process,'versions',{value:{node:'${nodeVersion}'}})`;
  const flags = nodeVersion === undefined ? [] : ['--import', pretend];
  return spawnSync(process.execPath, [...flags, join(cwd, 'bin/tailrace.js'), ...words], {
    encoding: 'utf8',
    env: { ...process.env, ...env },
  });
}

describe('the launcher', () => {
  test('runs the program with its arguments and passes its exit code on', () => {
    const ended = launch('console.log(process.argv.slice(2).join(" ")); process.exit(75);');
    expect(ended).toMatchObject({ status: 75, stdout: 'status --json\n', stderr: '' });
  });

  test.each(['8.17.0', '20.19.0', '22.22.1', '22.9.9'])(
    'refuses Node %s with a clear line, before it loads anything',
    (version) => {
      const ended = launch('console.log("loaded");', version);
      expect(ended).toMatchObject({ status: 69, stdout: '' });
      expect(ended.stderr).toContain(`needs Node 22.22.2 or newer; this is ${version}.`);
    },
  );

  test.each(['22.22.2', '22.23.0', '23.0.0', '24.21.0', '100.0.0'])('takes Node %s', (version) => {
    expect(launch('console.log("loaded");', version)).toMatchObject({ status: 0, stdout: 'loaded\n' });
  });

  const TELLS_V8 = 'console.log(process.execArgv.join(" "), process.argv.slice(2).join(" "), process.env.MARK);';

  test.each(['run', 'demo'])('gives `%s` a small heap, and all else as it was', (verb) => {
    const ended = launch(`${TELLS_V8} process.exit(75);`, undefined, [verb, '--once', 'a b'], { MARK: 'kept' });
    expect(ended).toMatchObject({ status: 75, stderr: '' });
    expect(ended.stdout).toMatch(new RegExp(`^--max-semi-space-size=\\d+ .*${verb} --once a b kept\n$`));
  });

  test('leaves the heap to whoever sets it, and to the verbs that end at once', () => {
    const env = { NODE_OPTIONS: '--max-semi-space-size=32' };
    expect(launch(TELLS_V8, undefined, ['run'], env).stdout).toBe(' run undefined\n');
    expect(launch(TELLS_V8, undefined, ['status']).stdout).toBe(' status undefined\n');
  });

  test('says that it is not built, and does not say so of a broken build', () => {
    expect(launch(null)).toMatchObject({ status: 69, stderr: expect.stringContaining('npm run build') });
    const broken = launch('import "not-installed";');
    expect(broken.status).toBe(70);
    expect(broken.stderr).toContain('not-installed');
  });

  test('needs what package.json says that it needs', async () => {
    const { default: content } = await import('../../package.json', { with: { type: 'json' } });
    expect(launch('', '1.0.0').stderr).toContain(`needs Node ${content.engines.node.replace('>=', '')} `);
  });
});
