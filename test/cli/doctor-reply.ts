// `tailrace doctor --json`, and what it said.

import type { Finding } from '../../src/cli/doctor/finding.ts';
import type { VerbBench } from './verb-bench.ts';

export interface DoctorReply {
  readonly ok: boolean;
  readonly findings: readonly Finding[];
  readonly policy: unknown;
}

export async function doctorOf(
  bench: VerbBench,
  ...args: readonly string[]
): Promise<{ readonly exitCode: number; readonly talk: string; readonly reply: DoctorReply }> {
  const { exitCode, out, talk } = await bench.verb('doctor', '--json', ...args);
  return { exitCode, talk, reply: JSON.parse(out) };
}

export function finding({ findings }: DoctorReply, id: string): Finding {
  const found = findings.find((each) => each.id === id);
  if (!found) throw new Error(`no finding ${id}: ${findings.map((each) => each.id)}`);
  return found;
}
