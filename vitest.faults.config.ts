import { defineConfig } from 'vitest/config';

/** The beds of faults: every fault at every place, by the hundred. They take as long as everything else together. */
export const FAULT_BEDS = [
  'test/faults/**/*.test.ts',
  'test/simulation/{planted-bugs,slice,standby}.test.ts',
  'test/system/kills/*.test.ts',
  'test/system/registry/*.test.ts',
];

export default defineConfig({
  // Two cores: real processes are started by many tests, so few files at once.
  test: { include: FAULT_BEDS, maxWorkers: 2, testTimeout: 30_000 },
});
