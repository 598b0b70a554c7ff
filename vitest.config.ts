import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/real-s3/**'],
    // Two cores: real processes are started by many tests, so few files at once.
    maxWorkers: 2,
    testTimeout: 30_000,
  },
});
