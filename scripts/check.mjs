import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import { findBrowser } from './browser.mjs'
import { build } from './build.mjs'
import { run } from './children.mjs'
import { findNode } from './node24.mjs'
import { modules, root, say } from './paths.mjs'

const reports = join(root, 'e2e', 'report')
const isCI = process.env.CI === 'true'

/**
 * Everything the build server runs, cheapest first. A failed check does not stop the later ones, so that one run tells
 * everything. Ends with one line `N passed, N failed`: tests of vitest and Playwright, and each failed check.
 */
export async function check({ onlyUnit }) {
  const node = findNode()
  const tool = (path, ...args) => run(node, [join(modules, path), ...args])
  const results = []
  const step = async (name, work) => {
    say(`\n== ${name}`)
    const startedAt = Date.now()
    const { code, counts = none } = await work()
    results.push({ name, ok: code === 0, seconds: Math.round((Date.now() - startedAt) / 1000), counts })
  }
  const unitTests = (project) => async () => {
    const report = freshReport(`vitest-${project}.json`)
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
    const code = await tool('vitest/vitest.mjs', 'run', '--project', project, ...reporters)
    return { code, counts: unitCounts(report) }
  }

  await step('format', async () => ({ code: await tool('oxfmt/bin/oxfmt', '--check') }))
  await step('unit tests', unitTests('unit'))
  for (const config of ['shared', 'node', 'web', 'bench'])
    await step(`types of ${config}`, async () => ({
      code: await tool('typescript/bin/tsc', '-p', `tsconfig.${config}.json`),
    }))
  await step('lint', async () => ({ code: await tool('oxlint/bin/oxlint', '--type-aware', '--deny-warnings') }))
  await step('unused code', async () => ({ code: await tool('knip/bin/knip.js', '--no-progress') }))
  if (!onlyUnit) {
    // Before the tests of models: its package brings the software Vulkan that one of them runs on.
    const browser = await chromium()
    await step('build', async () => ({ code: (await build(), 0) }))
    await step('tests with real processes and models', unitTests('process'))
    await step('30 seconds of load', async () => ({
      code: await run(node, [join(root, 'bench', 'soak.ts'), '--minutes', '0.5']),
    }))
    await step('tests of the built app', () => windowTests(node, browser))
  }
  return summarise(results)
}

async function windowTests(node, browser) {
  if (browser === null) {
    say(
      `${isCI ? 'FAILED' : 'Skipped'}: no Chromium was found for the tests of the built app. Install one, or name it in CHROMIUM.`,
    )
    return { code: isCI ? 1 : 0 }
  }
  const report = freshReport('playwright.json')
  const playwright = join(modules, '@playwright', 'test', 'cli.js')
  const code = await run(node, [playwright, 'test', '--config', join('e2e', 'playwright.config.ts')], {
    env: { ...process.env, CHROMIUM: browser, PLAYWRIGHT_JSON_OUTPUT_NAME: report },
  })
  return { code, counts: windowCounts(report) }
}

/** A Chromium to test in; as root on Debian it is installed from the distribution's archive. */
async function chromium() {
  const found = process.env.CHROMIUM ?? findBrowser()
  if (found !== null || process.getuid?.() !== 0 || !existsSync('/etc/debian_version')) return found
  say('Installing Chromium from the Debian archive.')
  const apt = (...args) =>
    run('apt-get', args, { quiet: true, env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } })
  if ((await apt('update', '-q')) === 0)
    await apt('install', '-yq', '--no-install-recommends', 'chromium', 'libvulkan1', 'fonts-noto-cjk')
  return findBrowser()
}

const none = { passed: 0, skipped: 0, failures: [] }

function freshReport(name) {
  mkdirSync(reports, { recursive: true })
  const path = join(reports, name)
  rmSync(path, { force: true })
  return path
}

function unitCounts(path) {
  if (!existsSync(path)) return none
  const report = JSON.parse(readFileSync(path, 'utf8'))
  return {
    passed: report.numPassedTests,
    skipped: report.numPendingTests + report.numTodoTests,
    failures: report.testResults.flatMap(({ name, assertionResults }) =>
      assertionResults
        .filter(({ status }) => status === 'failed')
        .map(({ fullName }) => `${relative(root, name)}: ${fullName}`),
    ),
  }
}

function windowCounts(path) {
  if (!existsSync(path)) return none
  const { stats, suites } = JSON.parse(readFileSync(path, 'utf8'))
  const specs = (suite) => [...(suite.specs ?? []), ...(suite.suites ?? []).flatMap(specs)]
  const failures = suites
    .flatMap(specs)
    .filter(({ ok }) => !ok)
    .map(({ file, title }) => `e2e/${file}: ${title}`)
  return { passed: stats.expected, skipped: stats.skipped, failures }
}

function summarise(results) {
  say('')
  for (const { name, ok, seconds } of results)
    say(`${ok ? 'ok    ' : 'FAILED'} ${String(seconds).padStart(4)} s  ${name}`)
  const sum = (count) => results.reduce((total, result) => total + count(result), 0)
  for (const name of results.flatMap(({ counts }) => counts.failures)) say(`failed: ${name}`)
  // A failed check without a failed test, such as types or a runner that crashed, counts as one.
  const failed = sum(({ ok, counts }) => (ok ? 0 : Math.max(1, counts.failures.length)))
  const passed = sum(({ counts }) => counts.passed)
  const skipped = sum(({ counts }) => counts.skipped)
  process.stdout.write(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}\n`)
  return failed === 0 ? 0 : 1
}
