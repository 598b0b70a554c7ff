// The verbs of the command line. Parses, calls the verb, and answers with the exit code; mistakes of the command line are 2, bugs 70.

import { readFileSync } from 'node:fs';
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { addConfigFlags, flagsOf } from './config-flags.ts';
import { demo } from './demo.ts';
import { EXIT } from './exit-codes.ts';
import { run } from './run.ts';
import { status } from './status.ts';
import type { World } from './world.ts';

/** Of the contract, but not of this version. */
const LATER_VERBS = ['show', 'finalize', 'retry', 'abort', 'forget', 'verify', 'doctor', 'gc', 'config'];

/** An hour is more than anybody watches. */
const MAX_DEMO_SECONDS = 3_600;
const DEFAULT_DEMO_SECONDS = 10;

type Options = Readonly<Record<string, unknown>>;

/** `args` without Node and the program's name. Resolves to the exit code; never rejects. */
export async function runProgram(args: readonly string[], world: World): Promise<number> {
  let exitCode: number = EXIT.ok;
  const program = programOf(world, (code) => {
    exitCode = code;
  });
  try {
    const [verb = ''] = args;
    if (LATER_VERBS.includes(verb)) {
      world.talk(`tailrace ${verb} is not yet there: it comes with a later version. There are: ${verbsOf(program)}\n`);
      return EXIT.usage;
    }
    await program.parseAsync([...args], { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return usageCode(error, program, world);
    world.talk(`A bug in tailrace: ${error instanceof Error ? error.stack : String(error)}\n`);
    return EXIT.bug;
  }
}

function usageCode(error: CommanderError, program: Command, world: World): number {
  if (error.exitCode === 0) return EXIT.ok;
  if (error.code === 'commander.unknownCommand') world.talk(`There are: ${verbsOf(program)}\n`);
  return EXIT.usage;
}

const verbsOf = (program: Command): string => program.commands.map((command) => command.name()).join(', ');

function programOf(world: World, ended: (exitCode: number) => void): Command {
  const program = new Command('tailrace')
    .description('Carries growing files to S3 while they grow, and proves that the object is the file.')
    .version(versionOf())
    .helpCommand(false)
    .exitOverride()
    .configureOutput({ writeOut: world.out, writeErr: world.talk });
  addConfigFlags(
    program
      .command('run')
      .description('the daemon; SIGTERM or SIGINT drains, a second one hurries')
      .option('--once', 'carry what is there until all streams are final, then end')
      .option('--embedded', 'with an S3 endpoint of its own in STATE_DIR; makes the watched folder')
      .action(async (options: Options) => ended(await run({ ...common(options), ...switches(options) }, world))),
  );
  addConfigFlags(
    program
      .command('status')
      .description('the streams: asks the running daemon, or reads its journal')
      .option('--json', 'as the API gives it')
      .action(async (options: Options) =>
        ended(await status({ ...common(options), json: options['json'] === true }, world)),
      ),
    ['stateDir'],
  );
  program
    .command('demo')
    .description('everything in one folder: a growing file, the daemon, an S3 endpoint, and a comparison at the end')
    .option('--seconds <number>', 'how long the file grows', demoSeconds, DEFAULT_DEMO_SECONDS)
    .option('--keep', 'leave the folder where it is')
    .action(async (options: { readonly seconds: number; readonly keep?: boolean }) =>
      ended(await demo({ seconds: options.seconds, keep: options.keep === true }, world)),
    );
  return program;
}

function common(options: Options) {
  const file = options['config'];
  return { flags: flagsOf(options), ...(typeof file === 'string' ? { file } : {}) };
}

const switches = (options: Options) => ({ once: options['once'] === true, embedded: options['embedded'] === true });

function demoSeconds(text: string): number {
  const seconds = Number(text);
  if (seconds >= 1 && seconds <= MAX_DEMO_SECONDS) return seconds;
  throw new InvalidArgumentError(`Give a number from 1 to ${MAX_DEMO_SECONDS}.`);
}

/** package.json stands two folders up, from the sources and from the compiled program alike. */
function versionOf(): string {
  const content: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  return (content as { readonly version: string }).version;
}
