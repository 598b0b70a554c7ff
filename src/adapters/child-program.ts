// Runs another program for an adapter: ffprobe, the user's command. Bounded in time and output, whatever the program does.
//
// 1. Never a shell: program and arguments reach it as they are. Who calls sees to it that no argument comes from a file name.
// 2. It gets the environment it is given, and nothing of ours: our secrets may stand there.
// 3. It gets none of the capabilities that a service manager gave to us (our systemd unit: to read everything, to trace everybody).
// 4. It is a process group of its own, so that its time limit ends what it started, too. A program that ended by itself may leave
//    others running; they are neither waited for nor ended.
// Killed in here, we leave it behind: it ends by itself, and nobody hears of it.

import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';

/** Of what it says on stderr: enough for one message. */
const MAX_STDERR_BYTES = 4 * 1024;
/** After its end, for what is still in the pipes: longer only if others hold them open. */
const PIPES_MS = 500;

export interface ProgramRun {
  /** A path, or a name that is looked for in PATH. */
  readonly program: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Given to it as stdin, which else is empty. */
  readonly input?: string;
  /** An open descriptor of ours that it gets as descriptor 3. */
  readonly descriptor?: number;
  readonly timeoutMs: number;
  /** Of its stdout; beyond it it is ended. 0: nobody wants its stdout. */
  readonly maxOutputBytes: number;
  readonly signal: AbortSignal;
}

export type ProgramEnd =
  | { readonly how: 'exited'; readonly exitCode: number; readonly stdout: string; readonly stderr: string }
  /** `why`: a signal's name. */
  | { readonly how: 'killed'; readonly why: string }
  /** `why`: `ENOENT`, `EACCES` ... */
  | { readonly how: 'not_started'; readonly why: string }
  | { readonly how: 'timed_out' | 'too_much_output' | 'stopped' };

/** What programs need of our environment to run at all. */
const PLAIN_NAMES = ['PATH', 'HOME', 'USER', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR', 'LD_LIBRARY_PATH'] as const;

export function plainEnvironment(): Record<string, string> {
  const entries = PLAIN_NAMES.map((name) => [name, process.env[name]] as const);
  return Object.fromEntries(entries.filter((entry): entry is [(typeof PLAIN_NAMES)[number], string] => !!entry[1]));
}

export function runProgram(run: ProgramRun): Promise<ProgramEnd> {
  if (run.signal.aborted) return Promise.resolve({ how: 'stopped' });
  const started = startOrSay(run);
  if (typeof started === 'string') return Promise.resolve({ how: 'not_started', why: started });
  return follow(started, run);
}

function follow(child: ChildProcess, run: ProgramRun): Promise<ProgramEnd> {
  return new Promise((resolve) => {
    const stdout = collect(child.stdout, run.maxOutputBytes, () => end({ how: 'too_much_output' }));
    const stderr = collect(child.stderr, MAX_STDERR_BYTES, () => {});
    let pipes: NodeJS.Timeout | undefined;
    let isSettled = false;
    const timer = setTimeout(() => end({ how: 'timed_out' }), run.timeoutMs);
    const stop = () => end({ how: 'stopped' });
    run.signal.addEventListener('abort', stop, { once: true });

    function settle(how: ProgramEnd): void {
      isSettled = true;
      // Who inherited its stderr goes on writing; that is read away, and keeps no process of ours alive.
      (child.stderr as Socket | null)?.unref();
      clearTimeout(timer);
      clearTimeout(pipes);
      run.signal.removeEventListener('abort', stop);
      resolve(how);
    }
    function end(how: ProgramEnd): void {
      killGroup(child);
      for (const pipe of [child.stdin, child.stdout, child.stderr]) pipe?.destroy();
      settle(how);
    }
    function settleExited(exitCode: number): void {
      const said = stderr();
      if (NOT_FOUND_BY_SETPRIV.test(said)) settle({ how: 'not_started', why: 'ENOENT' });
      else settle({ how: 'exited', exitCode, stdout: stdout(), stderr: said });
    }

    child.once('error', (error) => settle({ how: 'not_started', why: codeOf(error) }));
    child.once('exit', (exitCode, signal) => {
      if (isSettled) return;
      if (exitCode === null) return end({ how: 'killed', why: signal ?? 'a signal' });
      pipes = setTimeout(() => settleExited(exitCode), PIPES_MS);
      child.once('close', () => settleExited(exitCode));
    });
  });
}

/** Most of what can be wrong is told by an event; the rest (no memory, say) is thrown. */
function startOrSay(run: ProgramRun): ChildProcess | string {
  try {
    return start(run);
  } catch (error) {
    return codeOf(error as Error);
  }
}

/**
 * Ambient capabilities outlive exec(2), and Node cannot drop them: `setpriv` (util-linux) does, where there are any. `status` is
 * /proc/self/status, empty where there is none.
 */
export function withoutCapabilities(program: string, args: readonly string[], status: string): readonly string[] {
  const hasAny = /^CapAmb:\s*0*[1-9a-f]/m.test(status);
  return hasAny ? ['setpriv', '--ambient-caps=-all', '--inh-caps=-all', '--', program, ...args] : [program, ...args];
}

/** As setpriv says what spawn says with ENOENT. */
const NOT_FOUND_BY_SETPRIV = /^setpriv: failed to execute .*: No such file/;

function ownStatus(): string {
  try {
    return readFileSync('/proc/self/status', 'utf8');
  } catch {
    return '';
  }
}

function start({ program, args, env, input, descriptor, maxOutputBytes }: ProgramRun): ChildProcess {
  const [first = program, ...rest] = withoutCapabilities(program, args, ownStatus());
  const child = spawn(first, rest, {
    // Not in a folder that somebody may want to unmount.
    cwd: '/',
    env,
    detached: true,
    stdio: [
      input === undefined ? 'ignore' : 'pipe',
      maxOutputBytes === 0 ? 'ignore' : 'pipe',
      'pipe',
      ...(descriptor === undefined ? [] : [descriptor]),
    ],
  });
  // A program need not read what it is given.
  child.stdin?.on('error', () => {});
  child.stdin?.end(input);
  return child;
}

/** Reads on beyond the maximum, so that the program does not hang on a full pipe, but keeps no more. */
function collect(pipe: ChildProcess['stdout'], maxBytes: number, onTooMuch: () => void): () => string {
  const pieces: Buffer[] = [];
  let sizeBytes = 0;
  pipe?.on('error', () => {});
  pipe?.on('data', (piece: Buffer) => {
    const room = maxBytes - sizeBytes;
    if (room > 0) pieces.push(piece.subarray(0, room));
    sizeBytes += piece.length;
    if (piece.length > room) onTooMuch();
  });
  return () => Buffer.concat(pieces).toString();
}

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // ESRCH: all of them have ended.
  }
}

const codeOf = (error: Error): string => (error as NodeJS.ErrnoException).code ?? error.message;
