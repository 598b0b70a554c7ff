import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type ConfigRequest, loadConfig, loadStateDir } from '../../src/config/load-config.ts';
import { formatProblems, type Problem } from '../../src/config/problems.ts';
import type { Config } from '../../src/config/schema.ts';

let cwd: string;
beforeEach(() => {
  cwd = realpathSync(mkdtempSync(join(tmpdir(), 'tailrace-config-')));
  mkdirSync(join(cwd, 'recordings'));
});
afterEach(() => rmSync(cwd, { recursive: true, force: true }));

type Request = Partial<ConfigRequest>;
const load = (request: Request = {}) =>
  loadConfig({ flags: {}, cwd, ...request, env: { S3_BUCKET_NAME: 'takes', ...request.env } });

function good(request: Request = {}): Config {
  const loaded = load(request);
  if (!loaded.ok) throw new Error(formatProblems(loaded.problems));
  return loaded.config;
}

function problems(request: Request): readonly Problem[] {
  const loaded = load(request);
  return loaded.ok ? [] : loaded.problems;
}
const keys = (request: Request): readonly string[] => problems(request).map((problem) => problem.key);
const yaml = (text: string): void => writeFileSync(join(cwd, 'tailrace.yaml'), text);

describe('values', () => {
  test('the defaults are those of the contract', () => {
    expect(good()).toMatchObject({
      watchFolders: [join(cwd, 'recordings')],
      watchExisting: 'upload',
      streamTimeoutMs: 30_000,
      writerCloseGraceMs: 3_000,
      streamTimeoutUnknownMs: 120_000,
      chunkSizeBytes: 8 * 2 ** 20,
      partPlan: 'growing',
      verifySource: 'full',
      s3BucketName: 'takes',
      s3KeyPrefix: '',
      s3KeyTemplate: '{path}',
      s3EndpointUrl: null,
      s3AccessKeyId: null,
      s3ForcePathStyle: false,
      s3OnExisting: 'rename',
      s3MaxUploadAgeMs: null,
      s3CompleteDoubtMs: 120_000,
      redisUrl: null,
      redisKeyPrefix: '',
      stateDir: join(cwd, '.tailrace'),
      standby: false,
      uploadConcurrency: 8,
      uploadBufferBytes: 128 * 2 ** 20,
      afterComplete: { kind: 'keep' },
      httpAddress: '127.0.0.1',
      promPort: 8000,
      logLevel: 'info',
      retainFinalMs: 7 * 86_400_000,
      maxHeldBytes: null,
      parkedRetryMs: 60_000,
      shutdownGraceMs: 20_000,
    });
  });

  test('a flag wins over the environment, the environment over the file, the file over the default', () => {
    yaml('stream_timeout_seconds: 4\nprom_port: 4\nupload_concurrency: 4\n');
    const loaded = load({
      flags: { STREAM_TIMEOUT_SECONDS: '2' },
      env: { STREAM_TIMEOUT_SECONDS: '3', PROM_PORT: '3' },
    });
    expect(loaded).toMatchObject({
      ok: true,
      config: { streamTimeoutMs: 2_000, promPort: 3, uploadConcurrency: 4, parkedRetryMs: 60_000 },
      sources: {
        streamTimeoutMs: { kind: 'flag', label: '--stream-timeout-seconds' },
        promPort: { kind: 'environment', label: 'PROM_PORT' },
        uploadConcurrency: { kind: 'file', label: 'tailrace.yaml: upload_concurrency' },
        parkedRetryMs: { kind: 'default' },
      },
    });
  });

  test('an empty variable counts as not given', () => {
    expect(good({ env: { S3_ENDPOINT_URL: '', PROM_PORT: '' } })).toMatchObject({
      s3EndpointUrl: null,
      promPort: 8000,
    });
  });

  test('an endpoint makes keys go into the path, unless told otherwise', () => {
    expect(good({ env: { S3_ENDPOINT_URL: 'http://127.0.0.1:9000/' } })).toMatchObject({
      s3EndpointUrl: 'http://127.0.0.1:9000',
      s3ForcePathStyle: true,
    });
    const env = { S3_ENDPOINT_URL: 'https://s3.example.com', S3_FORCE_PATH_STYLE: 'off' };
    expect(good({ env }).s3ForcePathStyle).toBe(false);
  });

  test('several folders come apart by the path separator, from a repeated flag or from a list', () => {
    for (const name of ['a', 'b']) mkdirSync(join(cwd, name));
    const both = [join(cwd, 'a'), join(cwd, 'b')];
    expect(good({ env: { WATCH_DIR: './a:b' } }).watchFolders).toEqual(both);
    expect(good({ flags: { WATCH_DIR: ['a', 'b'] } }).watchFolders).toEqual(both);
    yaml('watch_dir: [a, b]');
    expect(good().watchFolders).toEqual(both);
  });

  test('secrets come from files too, without their last line end', () => {
    writeFileSync(join(cwd, 'secret'), 'hush-hush\n');
    const env = { S3_ACCESS_KEY_ID: 'id', S3_SECRET_ACCESS_KEY_FILE: './secret' };
    expect(good({ env })).toMatchObject({ s3AccessKeyId: 'id', s3SecretAccessKey: 'hush-hush' });
  });

  test('a secret file named by a flag wins over the secret in the environment', () => {
    writeFileSync(join(cwd, 'url'), 'redis://from-file:6379');
    const env = { REDIS_URL: 'redis://from-environment:6379' };
    expect(good({ flags: { REDIS_URL_FILE: 'url' }, env }).redisUrl).toBe('redis://from-file:6379');
  });

  test('the YAML file that is named is read; keys may be written as variables, too', () => {
    writeFileSync(join(cwd, 'other.yaml'), 'PROM_PORT: 1\nlog-level: warn\n');
    expect(good({ file: 'other.yaml' })).toMatchObject({ promPort: 1, logLevel: 'warn' });
    expect(good({ env: { TAILRACE_CONFIG: 'other.yaml' } }).promPort).toBe(1);
  });

  test('embedded needs no bucket and no folder', () => {
    const loaded = loadConfig({ flags: { WATCH_DIR: 'not-there' }, env: {}, cwd, embedded: true });
    expect(loaded).toMatchObject({ ok: true, config: { watchFolders: [join(cwd, 'not-there')] } });
  });
});

describe('mistakes', () => {
  test('all of them are told at once, each with its cure', () => {
    yaml('chunk_size_bytes: 1MiB\nstream_timeout: 3\n');
    const found = problems({
      flags: { PROM_PORT: '70000' },
      env: { STREAM_TIMEOUT_SECOND: '5', VERIFY_SOURCE: 'half', S3_ACCESS_KEY_ID: 'id', WATCH_DIR: './missing' },
    });
    expect(new Set(found.map((problem) => problem.key))).toEqual(
      new Set([
        'tailrace.yaml: stream_timeout',
        'STREAM_TIMEOUT_SECOND',
        'tailrace.yaml: chunk_size_bytes',
        'VERIFY_SOURCE',
        '--prom-port',
        'S3_ACCESS_KEY_ID',
        'WATCH_DIR',
      ]),
    );
    expect(found).toHaveLength(7);
    const text = formatProblems(found);
    expect(text).toContain('7 mistakes');
    for (const { key, problem, cure } of found) {
      expect(cure, key).not.toBe('');
      expect(text).toContain(`${problem}\n    -> ${cure}\n`);
    }
  });

  test.each([
    ['STREAM_TIMEOUT_SECOND', 'STREAM_TIMEOUT_SECONDS'],
    ['S3_BUKCET_NAME', 'S3_BUCKET_NAME'],
    ['S3_SECRET_ACCES_KEY', 'S3_SECRET_ACCESS_KEY'],
    ['S3_SECRET_ACCESS_KEY_FIEL', 'S3_SECRET_ACCESS_KEY_FILE'],
    ['WATCH_DIRS', 'WATCH_DIR'],
    ['TAILRACE_STATE_DIR', 'STATE_DIR'],
    ['TAILRACE_CONFG', 'TAILRACE_CONFIG'],
  ])('the variable %s is taken for a slip of %s, and its value is not shown', (name, meant) => {
    const found = problems({ env: { [name]: 'hush-hush' } });
    expect(found).toHaveLength(1);
    expect(found[0]).toMatchObject({ key: name, value: null });
    expect(found[0]?.cure).toContain(`did you mean ${meant}?`);
  });

  test.each([
    'PATH',
    'REDIS_URI',
    'DATA_DIR',
    'S3_ENDPOINT',
    'AWS_ACCESS_KEY_ID',
    'LOG_LEVELS',
    'LOG_LABEL',
    'STANDARD',
    'TAILRACE_X',
  ])('the foreign variable %s is none of our business', (name) => expect(keys({ env: { [name]: 'x' } })).toEqual([]));

  test.each<[string, string, string]>([
    ['CHUNK_SIZE_BYTES', '5242879', 'less than 5 MiB'],
    ['CHUNK_SIZE_BYTES', '5.1GiB', 'whole number'],
    ['CHUNK_SIZE_BYTES', '6GiB', 'more than 5 GiB'],
    ['CHUNK_SIZE_BYTES', '8M', 'no size'],
    ['STREAM_TIMEOUT_SECONDS', '0', 'less than 1ms'],
    ['STREAM_TIMEOUT_SECONDS', '-5', 'less than'],
    ['STREAM_TIMEOUT_SECONDS', '30 minutes', 'no duration'],
    ['STREAM_TIMEOUT_SECONDS', '25d', 'more than 24d'],
    ['UPLOAD_CONCURRENCY', '0', 'less than 1'],
    ['UPLOAD_CONCURRENCY', '2.5', 'not a whole number'],
    ['PROM_PORT', '65536', 'more than 65535'],
    ['S3_BUCKET_NAME', 's3://takes/here', 'is a URL'],
    ['S3_BUCKET_NAME', 'my bucket', 'no bucket name'],
    ['S3_KEY_PREFIX', '/takes/', 'begins with a slash'],
    ['S3_KEY_TEMPLATE', '{name}', 'unknown placeholder {name}'],
    ['S3_KEY_TEMPLATE', 'take', 'lacks {path}'],
    ['S3_ENDPOINT_URL', 'localhost:9000', 'no http or https URL'],
    ['S3_ENDPOINT_URL', 'https://id:hush@s3.example.com', 'holds credentials'],
    ['S3_ON_EXISTING', 'replace', 'not one of the known words'],
    ['REDIS_URL', 'localhost:6379', 'no redis://'],
    ['LOG_LEVEL', 'loud', 'not one of the known words'],
    ['AFTER_COMPLETE', 'move:', 'is not one of the known words'],
    ['AFTER_COMPLETE', 'remove', 'is not one of the known words'],
    ['STANDBY', 'perhaps', 'is neither on nor off'],
    ['STANDBY', 'on', 'needs the leases in Redis'],
    ['HTTP_ADDRESS', '127.0.0.1:8000', 'is no address'],
    ['HTTP_ADDRESS', 'http://localhost', 'is no address'],
    ['HTTP_ADDRESS', '192.168.1.500', 'is no address'],
    ['STATE_DIR', 'a\nb', 'control characters'],
    ['WATCH_DIR', ':', 'is empty'],
  ])('%s=%s is refused: %s', (name, value, words) => {
    const [found, ...others] = problems({ env: { [name]: value } });
    expect(found?.key).toBe(name);
    expect(found?.problem).toContain(words);
    expect(others).toEqual([]);
  });

  test('a value that is wrong leads to no second mistake', () => {
    expect(keys({ env: { CHUNK_SIZE_BYTES: '1GB?', UPLOAD_BUFFER_BYTES: '5MiB' } })).toEqual(['CHUNK_SIZE_BYTES']);
    expect(keys({ env: { S3_ACCESS_KEY_ID: 'id', S3_SECRET_ACCESS_KEY_FILE: '/not/there' } })).toEqual([
      'S3_SECRET_ACCESS_KEY_FILE',
    ]);
  });

  test('no secret is ever shown', () => {
    const found = problems({
      env: {
        REDIS_URL: 'http://:hush-redis@x',
        S3_ENDPOINT_URL: 'https://id:hush-url@s3.example.com',
        S3_SECRET_ACCESS_KEY: 'hush-key',
        S3_SESSION_TOKEN: 'hush\ntoken',
        S3_SECRET_ACCES_KEY: 'hush-slip',
      },
    });
    expect(found.length).toBeGreaterThanOrEqual(4);
    expect(JSON.stringify(found) + formatProblems(found)).not.toContain('hush');
  });

  test('control characters in a value cannot forge lines', () => {
    const text = formatProblems(problems({ env: { LOG_LEVEL: 'x\n\u001b[2Jall is well' } }));
    expect(text).toContain('\\x0a\\x1b[2Jall is well');
    expect(text).not.toContain('\u001b');
  });
});

describe('contradictions', () => {
  test('the bucket is required', () => expect(keys({ env: { S3_BUCKET_NAME: '' } })).toEqual(['S3_BUCKET_NAME']));

  test('one of key and secret alone is an error', () => {
    expect(keys({ env: { S3_ACCESS_KEY_ID: 'id' } })).toEqual(['S3_ACCESS_KEY_ID']);
    expect(keys({ env: { S3_SECRET_ACCESS_KEY: 'hush' } })).toEqual(['S3_SECRET_ACCESS_KEY']);
    expect(keys({ env: { S3_SESSION_TOKEN: 'hush' } })).toEqual(['S3_SESSION_TOKEN']);
  });

  test('a secret and its file together are an error', () => {
    writeFileSync(join(cwd, 'secret'), 'x');
    const env = { S3_ACCESS_KEY_ID: 'id', S3_SECRET_ACCESS_KEY: 'a', S3_SECRET_ACCESS_KEY_FILE: 'secret' };
    expect(problems({ env })).toMatchObject([{ problem: expect.stringContaining('contradicts') }]);
  });

  test('the buffer must hold one part', () => {
    const env = { UPLOAD_BUFFER_BYTES: '16MiB', CHUNK_SIZE_BYTES: '32MiB' };
    expect(problems({ env })).toMatchObject([{ key: 'UPLOAD_BUFFER_BYTES', value: '16 MiB' }]);
  });

  test('folders within one another, and the same one twice, are told', () => {
    mkdirSync(join(cwd, 'recordings/deep'));
    expect(problems({ env: { WATCH_DIR: './recordings/deep:./recordings' } })).toMatchObject([
      { value: './recordings/deep', problem: 'lies inside ./recordings, which is watched too' },
    ]);
    symlinkSync(join(cwd, 'recordings'), join(cwd, 'link'));
    expect(problems({ env: { WATCH_DIR: './recordings:./link' } })).toMatchObject([
      { value: './link', problem: 'is the same folder as ./recordings' },
    ]);
    mkdirSync(join(cwd, 'recordings-2'));
    expect(keys({ env: { WATCH_DIR: './recordings:./recordings-2' } })).toEqual([]);
  });

  test('a watched folder that is missing, or a file, is told', () => {
    writeFileSync(join(cwd, 'file'), '');
    expect(problems({ env: { WATCH_DIR: './file:./missing' } })).toMatchObject([
      { value: './file', problem: 'is no folder' },
      { value: './missing', problem: 'does not exist' },
    ]);
  });

  test('the state may lie in a watched folder only where nothing is carried', () => {
    expect(keys({ env: { WATCH_DIR: '.', STATE_DIR: './state' } })).toEqual(['STATE_DIR']);
    expect(keys({ env: { WATCH_DIR: '.', STATE_DIR: '.' } })).toEqual(['STATE_DIR']);
    expect(keys({ env: { WATCH_DIR: '.', STATE_DIR: './.tailrace' } })).toEqual([]);
    expect(keys({ env: { WATCH_DIR: '.', STATE_DIR: './.tailrace/deeper' } })).toEqual([]);
    expect(keys({ env: { WATCH_DIR: '.', STATE_DIR: './.tailrace', WATCH_EXCLUDE: '*.tmp' } })).toEqual(['STATE_DIR']);
  });

  test('a watched folder may not lie in the state', () => {
    mkdirSync(join(cwd, '.tailrace/in'), { recursive: true });
    expect(keys({ env: { WATCH_DIR: './.tailrace/in' } })).toEqual(['WATCH_DIR']);
  });

  test('an endpoint contradicts the embedded one', () => {
    expect(keys({ embedded: true, env: { S3_ENDPOINT_URL: 'http://127.0.0.1:9000' } })).toEqual(['S3_ENDPOINT_URL']);
  });
});

describe('the YAML file', () => {
  test.each<[string, string]>([
    ['prom_port: [1', 'tailrace.yaml'],
    ['prom_port: 1\nprom_port: 2', 'tailrace.yaml'],
    ['- a\n- b', 'tailrace.yaml'],
    ['prom_port: 1\nPROM_PORT: 2', 'tailrace.yaml: PROM_PORT'],
    ['prom_prot: 1', 'tailrace.yaml: prom_prot'],
    ['watch_dir: {a: 1}', 'tailrace.yaml: watch_dir'],
    ['prom_port: [1, 2]', 'tailrace.yaml: prom_port'],
  ])('%j is told as a mistake of %s', (text, key) => {
    yaml(text);
    expect(new Set(keys({}))).toEqual(new Set([key]));
  });

  test('a file that is named but missing is a mistake; tailrace.yaml may be missing', () => {
    expect(keys({ file: 'missing.yaml' })).toEqual(['--config']);
    expect(keys({ env: { TAILRACE_CONFIG: 'missing.yaml' } })).toEqual(['TAILRACE_CONFIG']);
    expect(keys({})).toEqual([]);
  });

  test('an empty file, and keys without a value, say nothing', () => {
    yaml('# nothing\nprom_port:\n');
    expect(good().promPort).toBe(8000);
  });
});

test('verbs that ask a daemon are not stopped by impossible values of other settings', () => {
  const asked = loadStateDir({ flags: {}, env: { CHUNK_SIZE_BYTES: 'x', STATE_DIR: './here' }, cwd });
  expect(asked).toEqual({ ok: true, stateDir: join(cwd, 'here') });
});
