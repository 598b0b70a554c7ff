// The command line as plain data for the completion scripts: taken from the program itself, so that no verb or flag can be missing. Texts
// from it are quoted for each shell by who writes the script.

import type { Argument, Command, Option } from 'commander';

export interface FlagWords {
  /** With their dashes, the long one first. */
  readonly names: readonly string[];
  readonly description: string;
  readonly takesValue: boolean;
  readonly choices: readonly string[];
}

export interface VerbWords {
  readonly name: string;
  readonly description: string;
  readonly flags: readonly FlagWords[];
  /** What may be given as its first argument; empty: anything. */
  readonly choices: readonly string[];
}

export interface CommandWords {
  readonly flags: readonly FlagWords[];
  readonly verbs: readonly VerbWords[];
}

export const commandWords = (program: Command): CommandWords => ({
  flags: flagsOf(program),
  verbs: program.commands.map((command) => ({
    name: command.name(),
    description: command.description(),
    flags: flagsOf(command),
    choices: command.registeredArguments.flatMap((argument: Argument) => argument.argChoices ?? []),
  })),
});

const flagsOf = (command: Command): readonly FlagWords[] => [...command.options.map(flagOf), HELP];

const HELP: FlagWords = { names: ['--help', '-h'], description: 'display help', takesValue: false, choices: [] };

const flagOf = (option: Option): FlagWords => ({
  names: [option.long, option.short].filter((name) => typeof name === 'string'),
  description: option.description,
  takesValue: option.required || option.optional,
  choices: option.argChoices ?? [],
});

export const flagNames = (flags: readonly FlagWords[]): readonly string[] => flags.flatMap(({ names }) => names);
