// Notices by a program of the user: it gets the JSON on stdin and the main fields as variables; exit code 0 means delivered.
//
// The program is started by itself, without a shell and without arguments, so nothing of a file's name can become a word or an
// option. It gets none of our secrets. It is ended after its time, with what it started.

import { plainText } from '../plain-text.ts';
import type { Delivery, Notice, Notifier } from '../ports/notifier.ts';
import { type ProgramEnd, plainEnvironment, runProgram } from './child-program.ts';

export interface CommandNotifierOptions {
  /** A path, or a name that is looked for in PATH. */
  readonly program: string;
  readonly timeoutMs: number;
}

/** Of what it said on stderr, in our log. */
const MAX_COMPLAINT_CHARS = 200;

export const createCommandNotifier = ({ program, timeoutMs }: CommandNotifierOptions): Notifier => ({
  name: 'command',
  cure: 'look at the program that NOTIFY_COMMAND names: it must end with 0 in time',
  async notify(notice, signal) {
    const env = { ...plainEnvironment(), ...variablesOf(notice) };
    const input = `${JSON.stringify(notice)}\n`;
    const end = await runProgram({ ...{ program, args: [], env, input, timeoutMs, signal }, maxOutputBytes: 0 });
    return deliveryOf(end, timeoutMs);
  },
});

const variablesOf = (notice: Notice): Record<string, string> => ({
  TAILRACE_NOTICE_ID: notice.id,
  TAILRACE_STATUS: notice.status,
  TAILRACE_STREAM_ID: notice.stream_id,
  // Names that are no UTF-8 are exact in the JSON only.
  TAILRACE_FILE: notice.path.toWellFormed(),
  TAILRACE_BUCKET: notice.bucket ?? '',
  TAILRACE_KEY: (notice.key ?? '').toWellFormed(),
  TAILRACE_SIZE: String(notice.size),
});

function deliveryOf(end: ProgramEnd, timeoutMs: number): Delivery {
  switch (end.how) {
    case 'exited':
      return end.exitCode === 0
        ? { delivered: true }
        : failed(`it ended with ${end.exitCode}: ${plainText(end.stderr.trim(), MAX_COMPLAINT_CHARS)}`);
    case 'not_started':
      return failed(`it cannot be started: ${end.why}`);
    case 'killed':
      return failed(`it was ended by ${end.why}`);
    case 'timed_out':
      return failed(`it took longer than ${timeoutMs / 1_000} s and was ended`);
    default:
      return failed('it was stopped');
  }
}

const failed = (detail: string): Delivery => ({ delivered: false, detail });
