// Completion for zsh: verbs and flags with their descriptions, file names for values.

import type { CommandWords, FlagWords, VerbWords } from './command-words.ts';

export const zshCompletion = ({ flags, verbs }: CommandWords): string => `#compdef tailrace
# zsh completion for tailrace. To have it: tailrace completion zsh > ~/.zfunc/_tailrace, with ~/.zfunc in fpath before compinit.
_tailrace() {
  local curcontext="$curcontext" state line
  typeset -A opt_args
  local -a verbs=(
${verbs.map(({ name, description }) => `    ${quoted(`${name}:${description}`)}\n`).join('')}  )
  _arguments -C ${argumentsOf(flags)} '1: :->verb' '*:: :->rest'
  case "$state" in
    verb) _describe -t commands verb verbs ;;
    rest)
      case "$line[1]" in
${verbs.map(caseOf).join('')}      esac ;;
  esac
}
# Loaded from fpath it is called at once; sourced, it is registered.
if [ "$funcstack[1]" = _tailrace ]; then _tailrace "$@"; else compdef _tailrace tailrace; fi
`;

const caseOf = ({ name, flags, choices }: VerbWords): string => {
  const rest = choices.length > 0 ? `1: :(${choices.join(' ')})` : '*:file:_files';
  return `        ${name}) _arguments ${argumentsOf(flags)} ${quoted(rest)} ;;\n`;
};

const argumentsOf = (flags: readonly FlagWords[]): string => flags.flatMap(specsOf).map(quoted).join(' ');

function specsOf({ names, description, takesValue, choices }: FlagWords): readonly string[] {
  const value = choices.length > 0 ? `:value:(${choices.join(' ')})` : ':value:_files';
  return names.map((name) => `${name}[${plain(description)}]${takesValue ? value : ''}`);
}

/** Brackets and colons end a description in a spec. */
const plain = (text: string): string => text.replaceAll(/[[\]\\]/g, '').replaceAll(':', '\\:');

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
