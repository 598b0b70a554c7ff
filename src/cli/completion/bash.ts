// Completion for bash (3.2 and newer): verbs, their flags, and words where a flag or argument has a fixed list; file names otherwise, by
// bash's own default.

import { type CommandWords, type FlagWords, flagNames } from './command-words.ts';

export function bashCompletion({ flags, verbs }: CommandWords): string {
  const cases = verbs.map(
    ({ name, flags: own, choices }) =>
      `    ${name})\n${valueCases(own)}      flags=${quoted(flagNames(own))}\n      words=${quoted(choices)} ;;\n`,
  );
  return `# bash completion for tailrace. To have it: tailrace completion bash > ~/.local/share/bash-completion/completions/tailrace
_tailrace() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} verb='' flags='' words='' i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "\${COMP_WORDS[i]}" in
      -*) ;;
      *) verb=\${COMP_WORDS[i]}; break ;;
    esac
  done
  case "$verb" in
    '')
      flags=${quoted(flagNames(flags))}
      words=${quoted(verbs.map(({ name }) => name))} ;;
${cases.join('')}    *) return ;;
  esac
  case "$current" in
    -*) words=$flags ;;
  esac
  while IFS= read -r i; do COMPREPLY+=("$i"); done < <(compgen -W "$words" -- "$current")
}
complete -o bashdefault -o default -F _tailrace tailrace
`;
}

/** After a flag with a value: its words, or nothing, so that bash offers file names. */
function valueCases(flags: readonly FlagWords[]): string {
  const chosen = flags.filter(({ choices }) => choices.length > 0);
  const free = flagNames(flags.filter(({ takesValue, choices }) => takesValue && choices.length === 0));
  const lines = chosen.map(
    ({ names, choices }) =>
      `        ${names.join('|')}) while IFS= read -r i; do COMPREPLY+=("$i"); done < <(compgen -W ${quoted(choices)} -- "$current"); return ;;\n`,
  );
  if (free.length > 0) lines.push(`        ${free.join('|')}) return ;;\n`);
  return lines.length === 0 ? '' : `      case "$previous" in\n${lines.join('')}      esac\n`;
}

const quoted = (words: readonly string[]): string => `'${words.join(' ').replaceAll("'", "'\\''")}'`;
