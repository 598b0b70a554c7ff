import { defineConfig } from 'vitest/config';
import { FAULT_BEDS } from './vitest.faults.config.ts';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // `npm run test:faults` and CI run the beds of faults (docs/decisions/0014).
    exclude: ['test/real-s3/**', ...FAULT_BEDS],
    // Two cores: real processes are started by many tests, so few files at once.
    maxWorkers: 2,
    testTimeout: 30_000,
  },
});
