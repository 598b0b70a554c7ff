// What `doctor` found: for people as it comes, for programs as a whole.

import { plainText } from '../../plain-text.ts';
import { EXIT } from '../exit-codes.ts';
import type { Finding, Verdict } from './finding.ts';
import type { IamPolicy } from './iam-policy.ts';

const MARKS: Readonly<Record<Verdict, string>> = { ok: 'ok  ', warn: 'WARN', fail: 'FAIL', skipped: '-   ' };
/** The longest id. */
const ID_CHARS = 21;

export function findingText({ id, verdict, found, means, cure }: Finding): string {
  const indent = ' '.repeat(6);
  const lines = [`${MARKS[verdict]}  ${id.padEnd(ID_CHARS)}  ${plainText(found)}`];
  if (means !== null) lines.push(`${indent}means: ${plainText(means)}`);
  if (cure !== null) lines.push(`${indent}cure:  ${plainText(cure)}`);
  return `${lines.join('\n')}\n`;
}

export const policyText = (policy: IamPolicy, bucket: string): string =>
  `\nThe policy that tailrace needs for ${bucket}, no more (with SSE-KMS also kms:GenerateDataKey and kms:Decrypt on the key):\n${JSON.stringify(policy, null, 2)}\n`;

const VERDICTS: readonly Verdict[] = ['ok', 'warn', 'fail', 'skipped'];

export function summaryText(findings: readonly Finding[]): string {
  const counts = VERDICTS.map((verdict) => `${findings.filter((each) => each.verdict === verdict).length} ${verdict}`);
  return `\n${counts.join(', ')}\n`;
}

/** What is configured wrongly comes before what is away: it does not cure itself. */
export function exitCodeOf(findings: readonly Finding[]): number {
  const causes = findings.map(({ cause }) => cause);
  if (causes.includes('configuration')) return EXIT.configuration;
  return causes.includes('unavailable') ? EXIT.unavailable : EXIT.ok;
}

/** The written contract of `doctor --json`. */
export const doctorReply = (findings: readonly Finding[], policy: IamPolicy | null) => ({
  ok: findings.every(({ verdict }) => verdict !== 'fail'),
  exitCode: exitCodeOf(findings),
  findings: findings.map(({ id, verdict, found, means, cure }) => ({ id, verdict, found, means, cure })),
  policy,
});
