import { defineConfig } from '@playwright/test'

/**
 * Tests of the built app (out/) as a person or a program meets it. One worker: each file starts an engine of its own,
 * and
 * engines measure themselves.
 */
export default defineConfig({
  testDir: '.',
  testMatch: '*.spec.ts',
  outputDir: 'report/results',
  workers: 1,
  fullyParallel: false,
  forbidOnly: process.env['CI'] === 'true',
  // A build server may be starved for a moment; what needed the second try is reported as flaky, by name.
  retries: process.env['CI'] === 'true' ? 1 : 0,
  timeout: 180_000,
  expect: { timeout: 30_000 },
  reporter: [
    ['list'],
    ['json', { outputFile: process.env['PLAYWRIGHT_JSON_OUTPUT_NAME'] ?? 'report/playwright.json' }],
  ],
  use: {
    browserName: 'chromium',
    launchOptions: {
      executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
      args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
    },
    viewport: { width: 1280, height: 800 },
    locale: 'en-US',
    permissions: ['clipboard-read', 'clipboard-write'],
    trace: 'retain-on-failure',
    screenshot: 'only-on-failure',
  },
})
