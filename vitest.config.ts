import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/global-setup.ts'],
    testTimeout: 120_000,
    // vitest leaves one core idle, which is half of a small machine
    maxWorkers: '100%',
  },
});
