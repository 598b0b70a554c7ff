// The last line of CI: how many tests passed and failed, from vitest's JSON report, and the checks that failed before it.
// No report, or no test in it, is a failure.

import { readFileSync } from 'node:fs';

const [reportPath = '', failedChecks = '0'] = process.argv.slice(2);
const readReport = () => {
  try {
    return JSON.parse(readFileSync(reportPath, 'utf8'));
  } catch {
    return { numPassedTests: 0, numFailedTests: 1 };
  }
};
const { numPassedTests, numFailedTests, numFailedTestSuites = 0 } = readReport();
const failed =
  numFailedTests +
  Number(failedChecks) +
  (numFailedTests === 0 && numFailedTestSuites > 0 ? 1 : 0) +
  (numPassedTests === 0 ? 1 : 0);
process.stdout.write(`${numPassedTests} passed, ${failed} failed\n`);
process.exit(failed === 0 ? 0 : 1);
