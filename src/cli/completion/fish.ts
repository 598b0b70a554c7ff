// Completion for fish: verbs and flags with their descriptions, file names for values.

import type { CommandWords, FlagWords } from './command-words.ts';

export function fishCompletion({ flags, verbs }: CommandWords): string {
  const lines = [
    '# fish completion for tailrace. To have it: tailrace completion fish > ~/.config/fish/completions/tailrace.fish',
    ...flags.map((flag) => flagLine(flag, '__fish_use_subcommand')),
  ];
  for (const { name, description, flags: own, choices } of verbs) {
    lines.push(`complete -c tailrace -n __fish_use_subcommand -f -a ${name} -d ${quoted(description)}`);
    const isGiven = `__fish_seen_subcommand_from ${name}`;
    if (choices.length > 0) lines.push(`complete -c tailrace -n ${quoted(isGiven)} -f -a ${quoted(choices.join(' '))}`);
    lines.push(...own.map((flag) => flagLine(flag, isGiven)));
  }
  return `${lines.join('\n')}\n`;
}

function flagLine({ names, description, takesValue, choices }: FlagWords, when: string): string {
  const words = names.map((name) => (name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`));
  const value = choices.length > 0 ? `-x -a ${quoted(choices.join(' '))} ` : takesValue ? '-r -F ' : '';
  return `complete -c tailrace -n ${quoted(when)} ${words.join(' ')} ${value}-d ${quoted(description)}`;
}

const quoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
