// The real process as the world of the verbs. The only place of the command line that touches `process`.

import { createInterface } from 'node:readline/promises';
import { type EndSignal, EXIT } from './exit-codes.ts';
import type { Tools } from './tools.ts';
import type { Compose, World } from './world.ts';

export function processWorld(compose: () => Promise<Compose>, tools: () => Promise<Tools>): World {
  // Who reads us may leave (`tailrace status | head`): not our failure.
  process.stdout.on('error', (error: NodeJS.ErrnoException) =>
    process.exit(error.code === 'EPIPE' ? EXIT.ok : EXIT.failure),
  );
  process.stderr.on('error', () => {});
  return {
    env: process.env,
    cwd: process.cwd(),
    out: (text) => process.stdout.write(text),
    talk: (text) => process.stderr.write(text),
    terminal: process.stderr.isTTY === true,
    screen: () =>
      process.stdout.isTTY ? { rows: process.stdout.rows || 24, columns: process.stdout.columns || 80 } : null,
    onSignal,
    compose,
    tools,
    ask,
  };
}

/** An end of the input (Ctrl-D) is no answer. */
async function ask(question: string): Promise<string | null> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return null;
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const ended = new Promise<string>((done) => lines.once('close', () => done('')));
    return await Promise.race([lines.question(question), ended]);
  } finally {
    lines.close();
  }
}

/** Ends the process once everything that was written has left it: pipes and sockets take time. */
export async function endProcess(exitCode: number): Promise<never> {
  for (const stream of [process.stdout, process.stderr]) {
    if (stream.writable) await new Promise<void>((done) => stream.write('', () => done()));
  }
  process.exit(exitCode);
}

/** An exception that nobody caught is a bug: the state in memory is not to be trusted any more, the journal is. */
export function endAtBugs(): void {
  const end = (error: unknown): void => {
    process.stderr.write(`A bug in tailrace: ${error instanceof Error ? error.stack : String(error)}\n`);
    process.exit(EXIT.bug);
  };
  process.on('uncaughtException', end);
  process.on('unhandledRejection', end);
}

function onSignal(listener: (signal: EndSignal) => void): () => void {
  process.on('SIGINT', listener);
  process.on('SIGTERM', listener);
  return () => {
    process.off('SIGINT', listener);
    process.off('SIGTERM', listener);
  };
}
