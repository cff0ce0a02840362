import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    environment: 'node',
    include: ['src/**/*.test.{ts,tsx}', 'scripts/**/*.test.mjs'],
    // Tests with real processes and real models share the machine with each other: few at once, and patience.
    pool: 'forks',
    maxWorkers: 2,
    // A build server may be starved for a moment; what needed the second try is marked in the output.
    retry: process.env['CI'] === 'true' ? 1 : 0,
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
})
