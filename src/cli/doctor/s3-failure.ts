// A failure of S3 as a finding: which exit code it asks for, and what would cure it.

import { type Failure, failureRow } from '../../machines/failure.ts';
import { EXIT, exitCodeOfS3 } from '../exit-codes.ts';
import { type Finding, fail } from './finding.ts';

export function ofFailure(id: string, failure: Failure, means: string): Finding {
  const cause = exitCodeOfS3(failure) === EXIT.configuration ? 'configuration' : 'unavailable';
  const { hint } = failureRow(failure.code);
  const denied = failure.code === 's3_access_denied';
  const cure = denied ? 'give the identity the policy below' : hint;
  return { ...fail(id, cause, `${failure.code}: ${failure.detail}`, means, cure), denied };
}
