// What of a statechart lights up: the state, the states around it, and the line by which it came. Lines of the whole picture go
// between top states, so the line that is meant is the one between the nearest ancestors that have one.

/** `a.b.c`, `a.b`, `a`. */
export function withAncestors(state: string): readonly string[] {
  const words = state.split('.');
  return words.map((_, index) => words.slice(0, words.length - index).join('.'));
}

export interface ChartLine {
  readonly from: string;
  readonly to: string;
}

/** Index of the line that shows the transition best; -1: the picture has none (ways to `failed` are left out). */
export function lineOf(lines: readonly ChartLine[], from: string, to: string): number {
  for (const source of withAncestors(from)) {
    for (const target of withAncestors(to)) {
      // A line between a state and itself, or its own parent, would say nothing.
      if (source === topWord(target) && source === topWord(from)) continue;
      const index = lines.findIndex((line) => line.from === source && line.to === target);
      if (index >= 0) return index;
    }
  }
  return -1;
}

const topWord = (state: string): string => state.split('.')[0] ?? state;
