import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/real-s3/**/*.test.ts'],
    // One server, one bucket: one file at a time.
    maxWorkers: 1,
    testTimeout: 180_000,
  },
});
