// The checker: reads what a bed gathered and names every broken promise in a sentence. Pure; knows nothing of simulations.
//
// I1 no byte lost · I2 no corruption · I3 truthful state · I4 one object · I5 no leaked upload · I6 one writer · I7 bounded ·
// I8 ends when faults stop · I9 the source is never harmed.

import { endless, excesses, harm, usurpers } from './bounds.ts';
import { corruption, lostBytes } from './bytes.ts';
import type { Evidence, Violation } from './evidence.ts';
import { historyOf } from './history.ts';
import { doubles, leaks } from './objects.ts';
import { untruths } from './truth.ts';

const INVARIANTS = [lostBytes, corruption, untruths, doubles, leaks, usurpers, excesses, endless, harm] as const;

export function check(evidence: Evidence): Violation[] {
  const history = historyOf(evidence);
  return INVARIANTS.flatMap((invariant) => invariant(evidence, history));
}
