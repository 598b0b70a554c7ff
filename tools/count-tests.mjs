// The last line of CI: how many tests passed and failed, from vitest's JSON reports, and the checks that failed before them.
// No report, or no test in it, is a failure.

import { readFileSync } from 'node:fs';

const [failedChecks = '0', ...reportPaths] = process.argv.slice(2);

function countIn(path) {
  try {
    const { numPassedTests, numFailedTests, numFailedTestSuites = 0 } = JSON.parse(readFileSync(path, 'utf8'));
    const isBroken = numFailedTests === 0 && (numFailedTestSuites > 0 || numPassedTests === 0);
    return { passed: numPassedTests, failed: numFailedTests + (isBroken ? 1 : 0) };
  } catch {
    return { passed: 0, failed: 1 };
  }
}

const counts = reportPaths.map(countIn);
const passed = counts.reduce((sum, each) => sum + each.passed, 0);
const failed = counts.reduce((sum, each) => sum + each.failed, Number(failedChecks));
process.stdout.write(`${passed} passed, ${failed} failed\n`);
process.exit(failed === 0 && passed > 0 ? 0 : 1);
