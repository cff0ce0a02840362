import { defineConfig } from 'vitest/config'

/** Tests that start processes, load models or run for seconds. All others are unit tests: seconds for all together. */
const processTests = [
  'src/**/*.{demo,fault,tiny}.test.ts',
  'src/main/{engine-tests,backend-tests}/**/*.test.ts',
  'src/main/workshop/build.test.ts',
  'src/main/jobs/tool-jobs.test.ts',
  // Hundreds of requests over real sockets.
  'src/main/http/{threats,authentication}.test.ts',
]

const patience = { testTimeout: 120_000, hookTimeout: 120_000 }

export default defineConfig({
  test: {
    // The tests share the machine with the engines they start.
    maxWorkers: 2,
    projects: [
      {
        test: {
          name: 'unit',
          include: ['src/**/*.test.{ts,tsx}', 'scripts/**/*.test.mjs'],
          exclude: processTests,
          pool: 'forks',
          // Starting a worker a file would cost more than the tests.
          isolate: false,
          ...patience,
        },
      },
      { test: { name: 'process', include: processTests, pool: 'forks', ...patience } },
    ],
  },
})
