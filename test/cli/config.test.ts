import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { SETTING_NAMES } from '../../src/config/names.ts';
import { type VerbBench, verbBench } from './verb-bench.ts';

let bench: VerbBench;
beforeEach(async () => {
  bench = await verbBench();
});
afterEach(() => bench.close());

interface SettingReply {
  readonly name: string;
  readonly value: unknown;
  readonly source: { readonly kind: string; readonly label: string };
  readonly wrong: boolean;
}

async function settings(...args: readonly string[]): Promise<{ exitCode: number; of(name: string): SettingReply }> {
  const { exitCode, out } = await bench.verb('config', '--json', ...args);
  const all = JSON.parse(out).settings as readonly SettingReply[];
  return { exitCode, of: (name) => all.find((each) => each.name === name) as SettingReply };
}

describe('config', () => {
  test('tells each value in the unit of its name, and where it came from', async () => {
    writeFileSync(
      join(bench.folder, 'tailrace.yaml'),
      'stream_timeout_seconds: 2m\nchunk_size_bytes: 16MiB\nlog_level: debug\n',
    );
    bench.env['LOG_LEVEL'] = 'warn';
    const { exitCode, of } = await settings('--chunk-size-bytes', '32MiB');
    expect(exitCode).toBe(0);
    expect(of('CHUNK_SIZE_BYTES')).toMatchObject({
      value: 32 * 2 ** 20,
      source: { kind: 'flag', label: '--chunk-size-bytes' },
    });
    expect(of('LOG_LEVEL')).toMatchObject({ value: 'warn', source: { kind: 'environment', label: 'LOG_LEVEL' } });
    expect(of('STREAM_TIMEOUT_SECONDS')).toMatchObject({
      value: 120,
      source: { kind: 'file', label: 'tailrace.yaml: stream_timeout_seconds' },
    });
    expect(of('PART_PLAN')).toMatchObject({ value: 'growing', source: { kind: 'default' } });
    const { out } = await bench.verb('config');
    expect(out).toMatch(/^STREAM_TIMEOUT_SECONDS +2m +file: tailrace\.yaml: stream_timeout_seconds$/m);
    expect(out).toMatch(/^S3_REGION_NAME +- \(AWS's own chain\) +default$/m);
  });

  test('shows no secret, from wherever it comes, also not within addresses', async () => {
    const secret = 'do-not-show-me';
    writeFileSync(join(bench.folder, 'secret'), secret);
    delete bench.env['S3_SECRET_ACCESS_KEY'];
    bench.env['S3_SECRET_ACCESS_KEY_FILE'] = join(bench.folder, 'secret');
    bench.env['S3_ACCESS_KEY_ID'] = secret;
    bench.env['S3_SESSION_TOKEN'] = secret;
    bench.env['REDIS_URL'] = `redis://user:${secret}@127.0.0.1:6379/2?password=${secret}`;
    const { out, talk, exitCode } = await bench.verb('config');
    expect(exitCode).toBe(0);
    expect(out).toMatch(/^S3_SECRET_ACCESS_KEY +\(hidden\) +environment: S3_SECRET_ACCESS_KEY_FILE$/m);
    expect(out).toContain('redis://(hidden)@127.0.0.1:6379/2');
    const json = await bench.verb('config', '--json');
    for (const text of [out, talk, json.out, json.talk]) {
      expect(text).not.toContain(secret);
      expect(text).not.toContain('user');
    }
  });

  test('with mistakes it shows what could be read, names the wrong ones, and is 78', async () => {
    bench.env['CHUNK_SIZE_BYTES'] = 'x';
    delete bench.env['S3_BUCKET_NAME'];
    const { exitCode, of } = await settings();
    expect(exitCode).toBe(78);
    expect(of('CHUNK_SIZE_BYTES')).toMatchObject({ wrong: true });
    expect(of('S3_BUCKET_NAME')).toMatchObject({ value: null });
    const { out, talk } = await bench.verb('config');
    expect(out).toMatch(/^CHUNK_SIZE_BYTES .*WRONG: the default is shown$/m);
    expect(talk).toContain('2 mistakes');
  });
});

describe('--schema', () => {
  interface Schema {
    readonly properties: Readonly<Record<string, { readonly description?: string; readonly default?: string }>>;
  }
  const schema = async (): Promise<Schema> => JSON.parse((await bench.verb('config', '--schema')).out);
  /** As an editor would, by the JSON Schema alone. */
  const accepts = async (content: object): Promise<boolean> =>
    z.fromJSONSchema((await schema()) as Parameters<typeof z.fromJSONSchema>[0]).safeParse(content).success;

  test('has every key of the file with its meaning', async () => {
    const { properties } = await schema();
    expect(Object.keys(properties).sort()).toEqual(SETTING_NAMES.map(({ name }) => name.toLowerCase()).sort());
    for (const property of Object.values(properties)) expect(property.description).toBeTruthy();
    expect(properties['stream_timeout_seconds']?.default).toBe('30');
  });

  test('takes what the program takes', async () => {
    expect(await accepts({ stream_timeout_seconds: 5, chunk_size_bytes: '8 MiB', watch_dir: ['a', 'b'] })).toBe(true);
    expect(await accepts({ stream_timeout_seconds: '1h30m', watch_dir: 'a:b', s3_force_path_style: true })).toBe(true);
    expect(await accepts({ s3_secret_access_key_file: '/run/secret', prom_port: '0', part_plan: 'uniform' })).toBe(
      true,
    );
  });

  test.each([
    [{ stream_timeout_seconds: 'soon' }],
    [{ chunk_size_bytes: '8M' }],
    [{ chunk_size_bytes: 5 }],
    [{ part_plan: 'shrinking' }],
    [{ stream_timeout: 5 }],
    [{ prom_port: 70_000 }],
    [{ s3_force_path_style: 'perhaps' }],
  ])('refuses %o', async (content) => {
    expect(await accepts(content)).toBe(false);
  });
});
