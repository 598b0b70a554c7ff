// `tailrace completion bash|zsh|fish`: a completion script, made from the program as it is.

import { Argument } from 'commander';
import { bashCompletion } from './completion/bash.ts';
import { type CommandWords, commandWords } from './completion/command-words.ts';
import { fishCompletion } from './completion/fish.ts';
import { zshCompletion } from './completion/zsh.ts';
import { EXIT } from './exit-codes.ts';
import type { RegisterVerb } from './verb.ts';

const SCRIPTS: Readonly<Record<string, (words: CommandWords) => string>> = {
  bash: bashCompletion,
  zsh: zshCompletion,
  fish: fishCompletion,
};

export const registerCompletion: RegisterVerb = ({ program, world, ended }) =>
  program
    .command('completion')
    .description('print a script that completes verbs and flags in your shell')
    .addArgument(new Argument('<shell>', 'whose script').choices(Object.keys(SCRIPTS)))
    .action((shell: string) => {
      world.out(SCRIPTS[shell]?.(commandWords(program)) ?? '');
      ended(EXIT.ok);
    });
