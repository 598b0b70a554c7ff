// A mistake in the configuration, as data, and how people read it. Values of secrets never get in here.

import { plainText } from '../plain-text.ts';

/** `value` as it was given; null: nothing to show, or not to be shown. */
export interface Problem {
  readonly key: string;
  readonly value: string | null;
  readonly problem: string;
  readonly cure: string;
}

/** A value is shown to be recognized, not to be read in full. */
const MAX_SHOWN_CHARS = 240;

/** One paragraph per mistake, for stderr. */
export function formatProblems(problems: readonly Problem[]): string {
  const count = problems.length === 1 ? 'a mistake' : `${problems.length} mistakes`;
  const paragraphs = problems.map(({ key, value, problem, cure }) => {
    const shown = value === null ? key : `${key} = ${value === '' ? '""' : value}`;
    return `  ${plainLine(shown)}\n    ${plainLine(problem)}\n    -> ${plainLine(cure)}\n`;
  });
  return `The configuration has ${count}; nothing was started.\n\n${paragraphs.join('\n')}`;
}

/** Credentials within URLs are no less secret than others. */
export const withoutCredentials = (text: string): string => text.replace(/\/\/[^/@\s]+@/g, '//(hidden)@');

const plainLine = (text: string): string => plainText(text, MAX_SHOWN_CHARS);
