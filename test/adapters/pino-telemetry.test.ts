import { PassThrough } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { createPinoTelemetry, type PinoTelemetryOptions } from '../../src/adapters/pino-telemetry.ts';
import type { LogFields } from '../../src/ports/telemetry.ts';

const NO_METRICS = { count: () => {}, observe: () => {} };

function logged(options: Partial<PinoTelemetryOptions> = {}) {
  const stream = new PassThrough();
  let text = '';
  stream.on('data', (chunk) => {
    text += chunk;
  });
  const telemetry = createPinoTelemetry({
    level: 'info',
    instance: 'vm',
    pretty: false,
    secrets: [],
    metrics: NO_METRICS,
    stream,
    ...options,
  });
  return {
    telemetry,
    text: () => text,
    lines: () =>
      text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
  };
}

function lineOf(message: string, fields: LogFields, options: Partial<PinoTelemetryOptions> = {}) {
  const log = logged(options);
  log.telemetry.info(message, fields);
  const [line, ...others] = log.lines();
  expect(others).toEqual([]);
  return line;
}

describe('the log', () => {
  test('is one JSON object a line, with level, time and instance', () => {
    expect(lineOf('part uploaded', { streamId: 'ab', partNumber: 3 })).toMatchObject({
      level: 'info',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      instance: 'vm',
      msg: 'part uploaded',
      streamId: 'ab',
      partNumber: 3,
    });
  });

  test('leaves out what is below its level', () => {
    const log = logged({ level: 'warn' });
    log.telemetry.info('quiet');
    log.telemetry.warn('heard');
    expect(log.lines()).toMatchObject([{ msg: 'heard' }]);
  });

  test('writes only fields of the list; of others the name alone', () => {
    const line = lineOf('x', { streamId: 'ab', password: 'hush', config: { secret: 'hush' } } as unknown as LogFields);
    expect(line).toMatchObject({ streamId: 'ab', unlisted: 'password config' });
    expect(JSON.stringify(line)).not.toContain('hush');
  });

  test('writes plain values only, even for fields of the list', () => {
    const line = lineOf('x', { detail: { inner: 'hush' } } as unknown as LogFields);
    expect(line).toMatchObject({ unlisted: 'detail' });
    expect(JSON.stringify(line)).not.toContain('hush');
  });

  test('hides the secrets it was told, wherever they stand', () => {
    const line = lineOf(
      'refused hush-key',
      { detail: 'GET https://x/?k=hush-key&hush-key' },
      { secrets: ['hush-key', ''] },
    );
    expect(line).toMatchObject({ msg: 'refused (hidden)', detail: 'GET https://x/?k=(hidden)&(hidden)' });
  });

  test.each([true, false])('a hostile file name forges no line and no terminal escape (pretty: %s)', (pretty) => {
    const log = logged({ pretty });
    log.telemetry.info('found\u2028', { path: '/r/\n{"level":"info"}\u001b[2J\u009b\u202egpj.\udc80\ud800' });
    expect(log.text().trimEnd().split('\n')).toHaveLength(1);
    expect(log.text()).toMatch(/^[\p{L}\p{N}\p{P}\p{S}\p{Zs}]+\n$/u);
    expect(log.text()).toContain('x1b[2J');
    expect(log.text()).toContain('x80');
  });

  test('is readable on a terminal', () => {
    const log = logged({ pretty: true });
    log.telemetry.warn('S3 does not answer', { attempt: 2 });
    expect(log.text()).toMatch(/^\[\d\d:\d\d:\d\d\] WARN: S3 does not answer \{"attempt":2\}\n$/);
  });

  test('long texts are cut', () => {
    expect(lineOf('x', { path: 'y'.repeat(100_000) })['path']).toHaveLength(4_096);
  });
});
