import { defineConfig } from 'vitest/config';
import { FAULT_BEDS } from './vitest.faults.config.ts';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // `npm run test:faults` and CI run the beds of faults (docs/decisions/0014).
    exclude: ['test/real-s3/**', ...FAULT_BEDS],
    // Two cores, and tests that wait as much as they work; real processes are started by many of them, so not more.
    maxWorkers: 3,
    testTimeout: 30_000,
  },
});
