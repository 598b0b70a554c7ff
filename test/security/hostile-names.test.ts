// A file name is anything but NUL and slash, and who may write into the folder chooses it. It must stay a name: in the log, on a
// terminal, in the API, in the receipt, for the command that is told, and in the shell that completes words.
//
// That such files arrive, and under which keys: test/system/writers/names.test.ts. Events and the page: test/http, test/page.

import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { builtProgram } from '../system/harness/built-program.ts';
import { ownProcess } from '../system/harness/owned-processes.ts';
import { openScene } from '../system/harness/scene.ts';
import { until } from '../system/harness/waiting.ts';

const NAMES: readonly (string | Buffer)[] = [
  'line\n{"level":"info","msg":"forged"}.bin',
  'clear\u001b[2J\u001b]0;title\u0007.bin',
  'c1\u009b31m.bin',
  '$(touch pwned).bin',
  '`touch pwned`.bin',
  '; touch pwned; rm -rf *.bin',
  '\' " touch pwned.bin',
  '--version',
  'rtl\u202egpj.bin',
  '\u2028separator\u2029.bin',
  `${'long'.repeat(60)}.bin`,
  Buffer.concat([Buffer.from('no-utf8-'), Buffer.of(0xff, 0xfe, 0x9b), Buffer.from('.bin')]),
];

/** What speaks to a terminal, ends a line, or turns text around. Line feeds apart. */
const SPEAKS = /[^\P{Cc}\n]|[\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;

/** What the program that is told got, one JSON a line, and the words of its environment. */
const COMMAND = `#!/bin/sh
cat >> "$0.told"
printf '%s\\n' "$TAILRACE_FILE" "$TAILRACE_KEY" >> "$0.words"
`;

describe('hostile file names', { timeout: 120_000 }, () => {
  test('stay names, wherever they are told', async (context) => {
    const scene = await openScene(context, { startDaemon: false });
    const command = join(scene.folder, 'told.sh');
    writeFileSync(command, COMMAND);
    chmodSync(command, 0o755);
    await scene.daemon.start({ settings: { NOTIFY_COMMAND: command, LOG_LEVEL: 'debug', WATCH_EXCLUDE: '**/*.none' } });
    for (const [index, name] of NAMES.entries())
      writeFileSync(Buffer.concat([Buffer.from(`${scene.recordings}/`), Buffer.from(name)]), 'x'.repeat(index + 1));
    const streams = await scene.daemon.waitForStreams(
      'all are completed',
      (all) => all.filter(({ status }) => status === 'completed').length === NAMES.length,
    );
    const toldBy = (ending: string) =>
      existsSync(`${command}.${ending}`) ? readFileSync(`${command}.${ending}`, 'utf8') : '';
    const told = await until('the command was told of each', () => {
      const lines = toldBy('told').trim().split('\n');
      return lines.length >= NAMES.length ? lines : null;
    });
    expect(told.map((line) => JSON.parse(line).path).sort()).toEqual(streams.map(({ path }) => path).sort());
    const words = toldBy('words');
    for (const name of NAMES) if (typeof name === 'string') expect(words).toContain(`${scene.recordings}/${name}\n`);

    const lines = scene.daemon.log().trim().split('\n');
    for (const line of lines) expect(line).not.toMatch(SPEAKS);
    expect(lines.map((line) => JSON.parse(line)).filter(({ msg }) => msg === 'forged')).toEqual([]);

    const { main } = await builtProgram();
    const env = { PATH: process.env['PATH'] ?? '', STATE_DIR: scene.daemon.stateDir };
    const said = async (...args: readonly string[]): Promise<string> => {
      const child = ownProcess(context, process.execPath, [main, ...args], { cwd: scene.folder, env });
      expect(await child.ended).toMatchObject({ exitCode: 0 });
      return child.output();
    };
    const status = await said('status');
    expect(status).not.toMatch(SPEAKS);
    expect(status.trim().split('\n').length).toBeLessThanOrEqual(NAMES.length + 3);
    const json = (await said('status', '--json')).split('\n')[0] ?? '';
    expect(json).not.toMatch(SPEAKS);
    const paths = (JSON.parse(json).streams as { path: string }[]).map(({ path }) => path);
    expect(paths.sort()).toEqual(streams.map(({ path }) => path).sort());
    for (const { id, key, path } of streams) {
      const receipt = await scene.s3.bytesOf(`${key}.metadata.json`);
      expect(JSON.parse(String(receipt)).stream_id, path).toBe(id);
    }
    const spoken = streams.find(({ path }) => path.includes('\u001b'));
    expect(await said('show', spoken?.id ?? '')).not.toMatch(SPEAKS);
    expect(readdirSync(scene.folder)).not.toContain('pwned');
    expect(readdirSync(scene.recordings)).toHaveLength(NAMES.length);
    expect(existsSync('/pwned')).toBe(false);
  });

  test('are no commands for a shell that completes words', async (context) => {
    const scene = await openScene(context, { startDaemon: false });
    const { main } = await builtProgram();
    const env = { PATH: process.env['PATH'] ?? '', HOME: scene.folder };
    const script = join(scene.folder, 'completion.bash');
    writeFileSync(script, execFileSync(process.execPath, [main, 'completion', 'bash'], { env, cwd: scene.folder }));
    const words = join(scene.folder, 'words');
    mkdirSync(words);
    const names = NAMES.filter((name) => typeof name === 'string');
    for (const name of names) writeFileSync(join(words, name), '');
    for (const word of [...names, '$(touch pwned)', '`touch pwned`']) {
      const complete = 'source "$1"; COMP_WORDS=(tailrace verify "$2"); COMP_CWORD=2; _tailrace; declare -p COMPREPLY';
      const offered = execFileSync('bash', ['--norc', '-c', complete, 'bash', script, word], {
        cwd: words,
        encoding: 'utf8',
      });
      expect(offered.trim()).toBe('declare -a COMPREPLY=()');
    }
    expect(readdirSync(words)).toHaveLength(names.length);
  });
});
