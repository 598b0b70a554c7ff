// The prober by ffprobe. It gets no name, only our open descriptor of the file: a renamed or deleted file is read all the same, and
// a hostile name reaches neither an option parser nor a shell.
//
// Files are hostile too. So: regular files only, no protocol but the local file, containers of recordings only (a playlist named
// .mp4 would make it read other files), no secrets in its environment, a time limit, a capped answer.

import { fstat } from 'node:fs';
import { promisify } from 'node:util';
import type { FileRef } from '../machines/file-identity.ts';
import { plainText } from '../plain-text.ts';
import type { Outcome } from '../ports/outcome.ts';
import type { Media, MediaStream, Probed, Prober } from '../ports/prober.ts';
import { type ProgramEnd, plainEnvironment, runProgram } from './child-program.ts';

/** It takes 60 to 120 ms; a file on a slow network file system a few seconds. */
const PROBE_TIMEOUT_MS = 10_000;
/** 32 streams tell 16 KB; a transport stream with hundreds of programs more. */
const MAX_OUTPUT_BYTES = 256 * 1024;
/** Streams and texts in the receipt, which stays within a few KB. */
const MAX_STREAMS = 32;
const MAX_TEXT_CHARS = 200;
/** ffprobe's own mark for a guess (AVPROBE_SCORE_RETRY): any bytes may look like a little of something. */
const GUESS_SCORE = 25;

/** The descriptor it inherits, as a path that opens the same file anew, so that it can seek without moving our offset. */
const INPUT = 'file:/dev/fd/3';

/** Demuxers that read nothing but the one file. */
const FORMATS = [
  ...[
    'aac',
    'ac3',
    'aiff',
    'amr',
    'asf',
    'au',
    'avi',
    'caf',
    'dts',
    'dv',
    'eac3',
    'flac',
    'flv',
    'gxf',
    'h264',
    'hevc',
  ],
  ...['ivf', 'matroska', 'mov', 'mp3', 'mpeg', 'mpegts', 'mpegvideo', 'mxf', 'nut', 'ogg', 'rm', 'w64', 'wav', 'webm'],
  ...['wtv', 'yuv4mpegpipe'],
];

const SHOWN = [
  'format=format_name,nb_streams,start_time,duration,bit_rate,probe_score',
  'format_tags=creation_time,encoder',
  'stream=index,codec_type,codec_name,profile,width,height,pix_fmt,avg_frame_rate,sample_rate,channels,channel_layout,bit_rate,duration',
  'stream_tags=language',
];

const ARGS = [
  ...['-v', 'error', '-protocol_whitelist', 'file', '-format_whitelist', FORMATS.join(',')],
  ...['-print_format', 'json', '-show_entries', SHOWN.join(':'), '-i', INPUT],
];

export interface FfprobeOptions {
  /** Path, or a name that is looked for in PATH; null: switched off. */
  readonly program: string | null;
  /** Lends an open descriptor of the file for the time of `work`. */
  readonly lend: <T>(file: FileRef, work: (descriptor: number) => Promise<T>) => Promise<Outcome<T>>;
  readonly timeoutMs?: number;
}

export function createFfprobeProber({ program, lend, timeoutMs = PROBE_TIMEOUT_MS }: FfprobeOptions): Prober {
  if (program === null) return { probe: async () => none('switched off by FFPROBE_PATH=off') };
  return {
    async probe(file, signal) {
      const probed = await lend(file, (descriptor) => probe(program, descriptor, timeoutMs, signal));
      return probed.ok ? probed.value : none(`the file cannot be read: ${probed.failure.code}`);
    },
  };
}

async function probe(program: string, descriptor: number, timeoutMs: number, signal: AbortSignal): Promise<Probed> {
  // Reading a FIFO or a device would wait for ever, and take its bytes away from whom they are meant for.
  if (!(await promisify(fstat)(descriptor)).isFile()) return none('not a regular file');
  const env = { ...plainEnvironment(), LC_ALL: 'C' };
  const limits = { timeoutMs, maxOutputBytes: MAX_OUTPUT_BYTES, signal };
  return probedOf(await runProgram({ program, args: ARGS, env, descriptor, ...limits }), timeoutMs);
}

function probedOf(end: ProgramEnd, timeoutMs: number): Probed {
  switch (end.how) {
    case 'exited':
      return end.exitCode === 0 ? read(end.stdout) : none(complaintOf(end.stderr, end.exitCode));
    case 'not_started':
      return none(end.why === 'ENOENT' ? 'no ffprobe' : `ffprobe cannot be run: ${end.why}`);
    case 'killed':
      return none(`ffprobe was ended by ${end.why}`);
    case 'timed_out':
      return none(`ffprobe took longer than ${timeoutMs / 1_000} s`);
    case 'too_much_output':
      return none(`ffprobe told more than ${MAX_OUTPUT_BYTES / 1024} KiB`);
    case 'stopped':
      return none('the probe was stopped');
  }
}

/** The first line says most: `[mov,mp4 @ 0x55] moov atom not found`. */
function complaintOf(stderr: string, exitCode: number): string {
  if (stderr.includes('not on whitelist')) return 'no media format that tailrace asks for';
  const [line = ''] = stderr.split('\n').map((each) => each.replace(/^\[[^\]]*\] |^file:\/dev\/fd\/3: /g, ''));
  return line.trim() === '' ? `ffprobe ended with ${exitCode}` : `ffprobe: ${plainText(line.trim(), MAX_TEXT_CHARS)}`;
}

type Fields = Readonly<Record<string, unknown>>;

function read(stdout: string): Probed {
  let told: unknown;
  try {
    told = JSON.parse(stdout);
  } catch {
    return none('ffprobe told no JSON');
  }
  const { format, streams } = fieldsOf(told);
  const whole = fieldsOf(format);
  const name = textOf(whole['format_name']);
  if (name === undefined || (numberOf(whole['probe_score']) ?? 0) <= GUESS_SCORE) return none('no media format');
  const all: readonly unknown[] = Array.isArray(streams) ? streams : [];
  const tags = tagsOf(whole);
  const media: Media = {
    format: name,
    ...present({
      duration_seconds: numberOf(whole['duration']),
      start_seconds: numberOf(whole['start_time']),
      bit_rate: numberOf(whole['bit_rate']),
      created_at: textOf(tags['creation_time']),
      encoder: textOf(tags['encoder']),
    }),
    stream_count: numberOf(whole['nb_streams']) ?? all.length,
    streams: all.slice(0, MAX_STREAMS).map((each) => streamOf(fieldsOf(each))),
  };
  return { media };
}

function streamOf(stream: Fields): MediaStream {
  const rate = textOf(stream['avg_frame_rate']);
  return present({
    index: numberOf(stream['index']),
    type: textOf(stream['codec_type']),
    codec: textOf(stream['codec_name']),
    profile: textOf(stream['profile']),
    width: numberOf(stream['width']),
    height: numberOf(stream['height']),
    pixel_format: textOf(stream['pix_fmt']),
    frame_rate: rate?.startsWith('0/') ? undefined : rate,
    sample_rate: numberOf(stream['sample_rate']),
    channels: numberOf(stream['channels']),
    channel_layout: textOf(stream['channel_layout']),
    bit_rate: numberOf(stream['bit_rate']),
    duration_seconds: numberOf(stream['duration']),
    language: textOf(tagsOf(stream)['language']),
  });
}

const none = (reason: string): Probed => ({ media: null, reason });

const fieldsOf = (value: unknown): Fields => (typeof value === 'object' && value !== null ? (value as Fields) : {});

/** Matroska writes them in capitals. */
const tagsOf = (fields: Fields): Fields =>
  Object.fromEntries(Object.entries(fieldsOf(fields['tags'])).map(([name, value]) => [name.toLowerCase(), value]));

const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? plainText(value, MAX_TEXT_CHARS) : undefined;

/** ffprobe writes most numbers as text, and `N/A` for none. */
function numberOf(value: unknown): number | undefined {
  if (typeof value !== 'string' && typeof value !== 'number') return undefined;
  const number = Number(value);
  return value !== '' && Number.isFinite(number) ? number : undefined;
}

type Present<T> = { [Name in keyof T]?: Exclude<T[Name], undefined> };

const present = <T extends object>(fields: T): Present<T> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Present<T>;
