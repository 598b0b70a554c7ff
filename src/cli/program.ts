// The command line: the list of its verbs, and how it ends. Mistakes of the command line are 2, bugs 70.

import { Command, CommanderError } from 'commander';
import { programVersion } from '../version.ts';
import { registerCompletion } from './completion.ts';
import { registerConfig } from './config.ts';
import { registerDemo } from './demo.ts';
import { registerDoctor } from './doctor.ts';
import { EXIT } from './exit-codes.ts';
import { registerGc } from './gc.ts';
import { registerRun } from './run.ts';
import { registerShow } from './show.ts';
import { registerStatus } from './status.ts';
import type { CommandLine, RegisterVerb } from './verb.ts';
import { registerVerify } from './verify.ts';
import { registerWishes } from './wishes.ts';
import type { World } from './world.ts';

/** In the order in which help shows them. */
const VERBS: readonly RegisterVerb[] = [
  registerRun,
  registerStatus,
  registerShow,
  ...registerWishes,
  registerVerify,
  registerGc,
  registerDoctor,
  registerConfig,
  registerCompletion,
  registerDemo,
];

/** `args` without Node and the program's name. Resolves to the exit code; never rejects. */
export async function runProgram(args: readonly string[], world: World): Promise<number> {
  let exitCode: number = EXIT.ok;
  const program = programOf(world, (code) => {
    exitCode = code;
  });
  try {
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

function programOf(world: World, ended: CommandLine['ended']): Command {
  const program = new Command('tailrace')
    .description('Carries growing files to S3 while they grow, and proves that the object is the file.')
    .version(programVersion())
    .helpCommand(false)
    .exitOverride()
    .configureOutput({ writeOut: world.out, writeErr: world.talk });
  for (const register of VERBS) register({ program, world, ended });
  return program;
}
