// The prober on real files: what recorders write, what is broken, and what wants to make ffprobe do something else.

import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createFfprobeProber } from '../../../src/adapters/ffprobe-prober.ts';
import { createFsFileSource, type FsFileSource } from '../../../src/adapters/fs-file-source.ts';
import type { Probed } from '../../../src/ports/prober.ts';
import { found, refOf } from '../../contracts/file-source.contract.ts';
import { until } from '../../system/harness/waiting.ts';

const PICTURE = ['-f', 'lavfi', '-i', 'testsrc=duration=1:size=128x96:rate=10'];
const SOUND = ['-f', 'lavfi', '-i', 'sine=duration=1'];

let folder: string;
let source: FsFileSource;
const path = (name: string) => join(folder, name);
const ffmpeg = (name: string, ...args: string[]) => execFileSync('ffmpeg', ['-v', 'error', '-y', ...args, path(name)]);
const never = new AbortController().signal;

beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'tailrace-probe-')));
  source = createFsFileSource();
  for (const name of ['take.mp4', 'take.mkv', 'take.ts'])
    ffmpeg(name, ...PICTURE, ...SOUND, '-metadata:s:a:0', 'language=deu');
  ffmpeg('take.wav', ...SOUND);
});
afterAll(async () => {
  await source.close();
  rmSync(folder, { recursive: true, force: true });
});

const refTo = async (name: string) => refOf(await found(source, { folder }, path(name)));
const proberWith = (program: string | null = 'ffprobe', timeoutMs = 10_000) =>
  createFfprobeProber({ program, lend: source.lend, timeoutMs });
const probe = async (name: string, prober = proberWith()): Promise<Probed> => prober.probe(await refTo(name), never);

function reasonOf(probed: Probed): string {
  if (probed.media !== null) throw new Error(`it was told: ${JSON.stringify(probed.media)}`);
  return probed.reason;
}

/** A program in the place of ffprobe. */
function script(name: string, ...lines: string[]): string {
  writeFileSync(path(name), ['#!/bin/sh', ...lines, ''].join('\n'));
  chmodSync(path(name), 0o755);
  return path(name);
}

const isAlive = (pid: number): boolean => {
  try {
    // A zombie has ended.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
};

describe('tells what recorders write', () => {
  test.each([
    ['take.mp4', 'mov,mp4,m4a,3gp,3g2,mj2', 'h264', 'aac'],
    ['take.mkv', 'matroska,webm', 'h264', 'vorbis'],
    ['take.ts', 'mpegts', 'mpeg2video', 'mp2'],
  ])('%s', async (name, format, video, audio) => {
    const { media } = await probe(name);
    expect(media).toMatchObject({ format, stream_count: 2 });
    expect(media?.duration_seconds).toBeCloseTo(1, 0);
    expect(media?.streams).toMatchObject([
      { type: 'video', codec: video, width: 128, height: 96, frame_rate: '10/1' },
      { type: 'audio', codec: audio, sample_rate: 44_100, channels: 1, language: 'deu' },
    ]);
  });

  test('sound alone', async () => {
    const { media } = await probe('take.wav');
    expect(media).toMatchObject({ format: 'wav', stream_count: 1, streams: [{ type: 'audio', codec: 'pcm_s16le' }] });
  });

  test('names that look like options, addresses or lines of a shell change nothing', async () => {
    for (const name of [
      '-version',
      'concat:take.mp4|x',
      'http:x.mp4',
      '$(touch pwned).mp4',
      'a;b\n`c`"\'.mp4',
      '%d.mp4',
    ]) {
      writeFileSync(path(name), readFileSync(path('take.mp4')));
      expect((await probe(name)).media, name).toMatchObject({ stream_count: 2 });
    }
  });

  test('a file that was renamed or unlinked meanwhile, by the descriptor that is held', async () => {
    writeFileSync(path('moves.mp4'), readFileSync(path('take.mp4')));
    const ref = await refTo('moves.mp4');
    await source.stat(ref);
    renameSync(path('moves.mp4'), path('moved.mp4'));
    expect((await proberWith().probe(ref, never)).media).toMatchObject({ stream_count: 2 });
    unlinkSync(path('moved.mp4'));
    expect((await proberWith().probe(ref, never)).media).toMatchObject({ stream_count: 2 });
    await source.release(ref.streamId);
    expect(reasonOf(await proberWith().probe(ref, never))).toBe('the file cannot be read: source_gone');
  });

  test('our own reading goes on where it was', async () => {
    const ref = await refTo('take.mkv');
    await probe('take.mkv');
    const into = new Uint8Array(4);
    expect(await source.read(ref, 0, into)).toMatchObject({ ok: true, value: 4 });
    expect([...into]).toEqual([0x1a, 0x45, 0xdf, 0xa3]);
  });
});

describe('what is no medium, or only half of one, has a reason', () => {
  test('an mp4 whose end is missing', async () => {
    writeFileSync(path('half.mp4'), readFileSync(path('take.mp4')).subarray(0, 4_000));
    expect(reasonOf(await probe('half.mp4'))).toBe('ffprobe: moov atom not found');
  });

  test('a matroska whose end is missing tells what it still has', async () => {
    writeFileSync(path('half.mkv'), readFileSync(path('take.mkv')));
    truncateSync(path('half.mkv'), 6_000);
    expect((await probe('half.mkv')).media).toMatchObject({ format: 'matroska,webm' });
  });

  test.each([
    ['log.txt', 'a line of a log\n'.repeat(2_000)],
    ['data.json', '{"speed": 12}\n'.repeat(2_000)],
    ['empty.mp4', ''],
    ['noise.bin', Buffer.from(Array.from({ length: 100_000 }, (_, at) => (at * 7919 + (at >> 3) * 104_729) & 0xff))],
  ])('%s', async (name, content) => {
    writeFileSync(path(name), content);
    expect(reasonOf(await probe(name))).toMatch(/^ffprobe: Invalid data|^no media format/);
  });

  test('a playlist named .mp4 does not lead to other files', async () => {
    const secret = path('secret.ts');
    writeFileSync(secret, readFileSync(path('take.ts')));
    const lists = {
      'hls.mp4': `#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n${secret}\n#EXT-X-ENDLIST\n`,
      'concat.mp4': `ffconcat version 1.0\nfile '${secret}'\n`,
      'dash.mp4': `<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><BaseURL>${secret}</BaseURL></MPD>`,
      'description.mp4': 'v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5000 RTP/AVP 33\n',
    };
    for (const [name, text] of Object.entries(lists)) {
      writeFileSync(path(name), text);
      expect(reasonOf(await probe(name)), name).toMatch(/no media format|Invalid data/);
    }
  });

  test('a FIFO is not waited for, nor drained', async () => {
    execFileSync('mkfifo', [path('pipe.mp4')]);
    const handle = await open(path('pipe.mp4'), 'r+');
    await handle.write('kept');
    const prober = createFfprobeProber({
      program: 'ffprobe',
      lend: async (_file, work) => ({ ok: true, value: await work(handle.fd) }),
    });
    expect(reasonOf(await prober.probe(await refTo('take.mp4'), never))).toBe('not a regular file');
    const kept = Buffer.alloc(4);
    await handle.read(kept);
    expect(kept.toString()).toBe('kept');
    await handle.close();
  });

  test('a tag of a megabyte is not waited for nor kept', async () => {
    writeFileSync(path('tag.txt'), `;FFMETADATA1\ncreation_time=${'x'.repeat(1_000_000)}\nencoder=y\n`);
    ffmpeg('huge.mkv', '-i', path('take.wav'), '-f', 'ffmetadata', '-i', path('tag.txt'), '-map_metadata', '1');
    const probed = await probe('huge.mkv');
    expect(JSON.stringify(probed).length).toBeLessThan(2_000);
  });

  test('more streams than a receipt should tell are counted', async () => {
    const maps = Array.from({ length: 40 }, () => ['-map', '0:a']).flat();
    ffmpeg('many.mkv', '-i', path('take.wav'), ...maps, '-c', 'copy');
    const { media } = await probe('many.mkv');
    expect(media?.stream_count).toBe(40);
    expect(media?.streams).toHaveLength(32);
  });
});

describe('an ffprobe that is not as it should be', () => {
  test('absent, or not to be run', async () => {
    expect(reasonOf(await probe('take.mp4', proberWith(path('not-there'))))).toBe('no ffprobe');
    expect(reasonOf(await probe('take.mp4', proberWith('no-such-program-anywhere')))).toBe('no ffprobe');
    writeFileSync(path('plain'), 'no program');
    expect(reasonOf(await probe('take.mp4', proberWith(path('plain'))))).toBe('ffprobe cannot be run: EACCES');
    expect(reasonOf(await probe('take.mp4', proberWith(null)))).toContain('switched off');
  });

  test('hanging: it is ended after its time, with the processes that it started', async () => {
    const pids = path('pids');
    const program = script('hangs', `sleep 300 & echo $! >>${pids}`, `echo $$ >>${pids}`, 'wait');
    expect(reasonOf(await probe('take.mp4', proberWith(program, 300)))).toBe('ffprobe took longer than 0.3 s');
    const started = readFileSync(pids, 'utf8').trim().split('\n').map(Number);
    expect(started).toHaveLength(2);
    await until('both have ended', () => (started.some(isAlive) ? null : true));
  });

  test('stopped, when nobody wants to know any more', async () => {
    const pids = path('stopped-pids');
    const program = script('stops', `echo $$ >>${pids}`, 'exec sleep 300');
    const stop = new AbortController();
    const probed = proberWith(program).probe(await refTo('take.mp4'), stop.signal);
    const pid = await until('it runs', () => {
      try {
        return Number(readFileSync(pids, 'utf8')) || null;
      } catch {
        return null;
      }
    });
    stop.abort();
    expect(reasonOf(await probed)).toBe('the probe was stopped');
    await until('it has ended', () => (isAlive(pid) ? null : true));
  });

  test('talking without end, telling no JSON, or dying', async () => {
    expect(reasonOf(await probe('take.mp4', proberWith(script('talks', 'exec yes'))))).toBe(
      'ffprobe told more than 256 KiB',
    );
    expect(reasonOf(await probe('take.mp4', proberWith(script('babbles', 'echo hello'))))).toBe('ffprobe told no JSON');
    expect(reasonOf(await probe('take.mp4', proberWith(script('dies', 'kill -SEGV $$'))))).toBe(
      'ffprobe was ended by SIGSEGV',
    );
    const screams = script(
      'screams',
      'i=0; while [ $i -lt 3000 ]; do echo "line $i of many many many" >&2; i=$((i+1)); done; exit 3',
    );
    expect(reasonOf(await probe('take.mp4', proberWith(screams)))).toBe('ffprobe: line 0 of many many many');
  });

  test('it gets none of our secrets, no name, and cannot write to the file', async () => {
    const program = script('spies', `env >${path('env')}`, `echo "$@" >${path('args')}`, 'echo more >&3', 'exit 1');
    const before = readFileSync(path('take.mp4'));
    process.env['S3_SECRET_ACCESS_KEY'] = 'very-secret';
    try {
      await probe('take.mp4', proberWith(program));
    } finally {
      delete process.env['S3_SECRET_ACCESS_KEY'];
    }
    expect(readFileSync(path('env'), 'utf8')).not.toContain('very-secret');
    expect(readFileSync(path('args'), 'utf8')).not.toContain('take.mp4');
    expect(readFileSync(path('take.mp4'))).toEqual(before);
  });
});
