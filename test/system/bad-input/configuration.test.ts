// Nonsense in the configuration: nothing is started, every mistake is named with its cure, all at once, exit 78.

import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { run } from '../../../src/cli/run.ts';
import { SETTING_PROPERTIES, settingOf } from '../../../src/config/schema.ts';
import { builtProgram } from '../harness/built-program.ts';
import { type OwnerTest, ownProcess } from '../harness/owned-processes.ts';

const NAMES = SETTING_PROPERTIES.map((property) => settingOf(property).name);
/** What no setting takes, whatever it means. */
const NONSENSE = 'no\u0001nsense';
const SECRETS = SETTING_PROPERTIES.filter((property) => settingOf(property).secret).map((each) => settingOf(each).name);

interface Refused {
  readonly exitCode: number | null;
  readonly talk: string;
  readonly folder: string;
}

/** A configuration that is right but for `wrong`. */
function wrongWorld(owner: OwnerTest, wrong: (folder: string) => Readonly<Record<string, string>>) {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'tailrace-config-')));
  owner.onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, 'recordings'));
  const env = {
    ...{ PATH: process.env['PATH'] ?? '', WATCH_DIR: join(folder, 'recordings'), STATE_DIR: join(folder, 'state') },
    ...{ S3_BUCKET_NAME: 'takes', PROM_PORT: '0' },
    ...wrong(folder),
  };
  return { folder, env };
}

/** Runs the built program. */
async function runProgram(owner: OwnerTest, wrong: Parameters<typeof wrongWorld>[1]): Promise<Refused> {
  const { main } = await builtProgram();
  const { folder, env } = wrongWorld(owner, wrong);
  const child = ownProcess(owner, process.execPath, [main, 'run'], { cwd: folder, env });
  const { exitCode } = await child.ended;
  return { exitCode, talk: child.output(), folder };
}

/** The same verb without a process: a process for each setting would cost a minute of the machine. */
async function runVerb(owner: OwnerTest, wrong: Parameters<typeof wrongWorld>[1]): Promise<Refused> {
  const { folder, env } = wrongWorld(owner, wrong);
  let talk = '';
  const exitCode = await run(
    { flags: {}, once: false, embedded: false },
    {
      ...{ env, cwd: folder, terminal: false, out: () => {}, onSignal: () => () => {} },
      talk: (text) => {
        talk += text;
      },
      compose: () => Promise.reject(new Error('a daemon is composed with nonsense')),
      tools: () => Promise.reject(new Error('tools are made with nonsense')),
      ask: async () => null,
      screen: () => null,
    },
  );
  return { exitCode, talk, folder };
}

describe('nonsense in one setting', () => {
  test.for(NAMES)('%s: exit 78, it is named, with its cure', async (name, context) => {
    const { exitCode, talk } = await runVerb(context, () => ({ [name]: NONSENSE }));
    expect(exitCode).toBe(78);
    expect(talk).toContain(name);
    expect(talk).toContain('-> ');
  });
});

describe('the program, with many mistakes', { timeout: 60_000 }, () => {
  test('are told all at once, none of them twice, and nothing is made', async (context) => {
    const { exitCode, talk } = await runProgram(context, () =>
      Object.fromEntries(NAMES.map((name) => [name, NONSENSE])),
    );
    expect(exitCode).toBe(78);
    expect(talk).toContain(`${NAMES.length} mistakes; nothing was started`);
    for (const name of NAMES)
      expect(
        talk.split('\n').filter((line) => line.startsWith(`  ${name}`)),
        name,
      ).toHaveLength(1);
  });

  test('show no secret', async (context) => {
    const told = 'hunter2';
    const { talk } = await runProgram(context, () =>
      Object.fromEntries([...SECRETS.map((name) => [name, `${told}\u0001`]), ['REDIS_URL', `redes://me:${told}@host`]]),
    );
    for (const name of SECRETS) expect(talk).toContain(name);
    expect(talk).not.toContain(told);
  });
});

const CASES: readonly (readonly [string, (folder: string) => Readonly<Record<string, string>>, RegExp])[] = [
  ['a folder that is not there', (folder) => ({ WATCH_DIR: join(folder, 'nowhere') }), /WATCH_DIR.*\n.*does not exist/],
  [
    'a file where a folder should be',
    (folder) => {
      writeFileSync(join(folder, 'file'), 'x');
      return { WATCH_DIR: join(folder, 'file') };
    },
    /WATCH_DIR.*\n.*is no folder/,
  ],
  ['the same folder twice', (folder) => ({ WATCH_DIR: `${folder}/recordings:${folder}/recordings/.` }), /same folder/],
  [
    'STATE_DIR in the watched folder',
    (folder) => ({ STATE_DIR: `${folder}/recordings/state` }),
    /STATE_DIR.*\n.*lies in/,
  ],
  ['a Redis URL that is none', () => ({ REDIS_URL: 'localhost:6379' }), /REDIS_URL.*\n.*no redis:\/\//],
  ['a bucket given as URL', () => ({ S3_BUCKET_NAME: 's3://takes/' }), /S3_BUCKET_NAME.*\n.*is a URL/],
  ['a key without its secret', () => ({ S3_ACCESS_KEY_ID: 'a' }), /S3_ACCESS_KEY_ID.*\n.*without S3_SECRET_ACCESS_KEY/],
  ['a port beyond all ports', () => ({ PROM_PORT: '70000' }), /PROM_PORT.*\n.*more than 65535/],
  ['an address with its port', () => ({ HTTP_ADDRESS: '0.0.0.0:8000' }), /HTTP_ADDRESS.*\n.*no address/],
  [
    'memory for less than one part',
    () => ({ UPLOAD_BUFFER_BYTES: '5MiB', CHUNK_SIZE_BYTES: '8MiB' }),
    /cannot hold one part/,
  ],
  [
    'files that may not be touched so',
    () => ({ AFTER_COMPLETE: 'remove' }),
    /AFTER_COMPLETE.*\n.*\n.*keep, delete or move/,
  ],
  [
    'a secret in a file that is not there',
    () => ({ S3_SECRET_ACCESS_KEY_FILE: '/nowhere/secret' }),
    /S3_SECRET_ACCESS_KEY_FILE/,
  ],
];

describe('what people really get wrong', () => {
  test.for(CASES)('%s: exit 78, and the words say it', async ([_what, wrong, words], context) => {
    const { exitCode, talk } = await runVerb(context, wrong);
    expect(exitCode).toBe(78);
    expect(talk).toMatch(words);
  });
});
