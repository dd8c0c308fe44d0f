import { configDefaults, defineConfig } from 'vitest/config';

/** Tests that start processes, open devices or replace functions of Node have a module graph of their own. */
const APART = ['test/{demo,external}/**', 'test/**/gpu*.test.ts', 'test/unit/reports-cli.test.ts'];
const EVERY = 'test/**/*.test.ts';
/** Tests of many cases, each by itself in the hands of others too: `npm run test:long`. */
const LONG = 'test/**/*.long.test.ts';
const testTimeout = 120_000;

export default defineConfig({
  test: {
    globalSetup: ['test/global-setup.ts'],
    // vitest leaves one core idle, which is half of a small machine
    maxWorkers: '100%',
    projects: [
      // all others compute and compare: loading the suite once a worker, and not once a file, is a fifth of their time
      {
        test: {
          name: 'together',
          include: [EVERY],
          exclude: [...configDefaults.exclude, ...APART, LONG],
          isolate: false,
          testTimeout,
        },
      },
      { test: { name: 'long', include: [LONG], testTimeout } },
      {
        test: {
          name: 'apart',
          include: APART.map((path) => path.replace(/\*\*$/, '**/*.test.ts')),
          exclude: [...configDefaults.exclude, LONG],
          testTimeout,
        },
      },
    ],
  },
});
