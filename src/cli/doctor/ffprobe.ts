// Check of ffprobe: there, and runs. Without it there is no media metadata in receipts, and nothing else changes.

import { execFile } from 'node:child_process';
import { type Check, ok, skipped, warn } from './finding.ts';

const PATIENCE_MS = 5_000;
const MAX_ANSWER_BYTES = 64 * 1024;

export const checkFfprobe: Check = async ({ examined, path, signal }) => {
  const id = 'ffprobe';
  const given = examined.config.ffprobePath;
  if (given === null) return [skipped(id, 'switched off: receipts have no media metadata')];
  const answer = await ask(given, path, signal);
  if (answer.version !== null) return [ok(id, answer.version)];
  if (given === 'ffprobe')
    return [skipped(id, `not found (${answer.why}): receipts have no media metadata, nothing else changes`)];
  return [
    warn(
      id,
      `${given}: ${answer.why}`,
      'receipts have no media metadata',
      'set FFPROBE_PATH to the program, or leave it out',
    ),
  ];
};

const ask = (program: string, path: string, signal: AbortSignal) =>
  new Promise<{ readonly version: string | null; readonly why: string }>((done) => {
    const options = { timeout: PATIENCE_MS, maxBuffer: MAX_ANSWER_BYTES, signal, env: { PATH: path } };
    execFile(program, ['-version'], options, (error, stdout) => {
      const version = /^ffprobe version \S+/.exec(stdout)?.[0] ?? null;
      done({ version: error ? null : version, why: error ? String(error.code ?? error.message) : 'it is no ffprobe' });
    });
  });
