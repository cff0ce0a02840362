import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import { findBrowser } from './browser.mjs'
import { build } from './build.mjs'
import { run } from './children.mjs'
import { findNode } from './node24.mjs'
import { modules, root, say } from './places.mjs'

const tool = (...path) => join(modules, ...path)
const reports = join(root, 'e2e', 'report')

/**
 * Everything the build server runs, in order of cost. A failing check does not keep the later ones from running, so one
 * run tells all. Ends with one line `N passed, N failed`: the tests of vitest and Playwright, and each failed check.
 */
export async function test(args) {
  const node = findNode()
  const results = []
  const check = async (name, work, counts = () => none) => {
    say(`\n== ${name}`)
    const startedAt = Date.now()
    const code = await work()
    results.push({ name, ok: code === 0, seconds: Math.round((Date.now() - startedAt) / 1000), counts: counts() })
  }
  const onlyUnit = args.includes('--unit')

  for (const config of ['shared', 'node', 'web', 'bench']) {
    await check(`types of ${config}`, () =>
      run(node, [tool('typescript', 'bin', 'tsc'), '-p', `tsconfig.${config}.json`]),
    )
  }
  await check('format', () => run(node, [tool('oxfmt', 'bin', 'oxfmt'), '--check']))
  await check('lint', () => run(node, [tool('oxlint', 'bin', 'oxlint'), '--type-aware', '--deny-warnings']))
  await check('unused code', () => run(node, [tool('knip', 'bin', 'knip.js'), '--no-progress']))
  await check('build', async () => (await build(), 0))

  mkdirSync(reports, { recursive: true })
  const unitReport = join(reports, 'vitest.json')
  rmSync(unitReport, { force: true })
  await check(
    'unit and contract tests',
    () =>
      run(node, [
        tool('vitest', 'vitest.mjs'),
        'run',
        '--reporter=default',
        '--reporter=json',
        `--outputFile.json=${unitReport}`,
      ]),
    () => unitCounts(unitReport),
  )

  if (!onlyUnit)
    await check('three minutes of load', () => run(node, [join(root, 'bench', 'soak.ts'), '--minutes', '3']))

  const windowReport = join(reports, 'playwright.json')
  rmSync(windowReport, { force: true })
  if (!onlyUnit) {
    const browser = await chromium()
    if (browser === null) {
      const missing =
        'The tests of the built app in a window are left out: no Chromium here, and it can only be installed as root on Debian.'
      say(missing)
      if (process.env.CI === 'true')
        results.push({ name: 'Chromium for the window tests', ok: false, seconds: 0, counts: none })
    } else {
      await check(
        'tests of the built app',
        () =>
          run(node, [tool('@playwright', 'test', 'cli.js'), 'test', '--config', join('e2e', 'playwright.config.ts')], {
            env: { ...process.env, CHROMIUM: browser, PLAYWRIGHT_JSON_OUTPUT_NAME: windowReport },
          }),
        () => windowCounts(windowReport),
      )
    }
  }

  say('')
  for (const { name, ok, seconds } of results)
    say(`${ok ? 'ok    ' : 'FAILED'} ${String(seconds).padStart(4)} s  ${name}`)
  const total = results.map(({ counts }) => counts).reduce(add, none)
  for (const name of total.failures) say(`failed: ${name}`)
  for (const name of total.unsteady) say(`passed at the second try only: ${name}`)
  // Types, lint or a runner that crashed have no test of their own to count; they still must show in the sum.
  const failed = total.failed + results.filter(({ ok, counts }) => !ok && counts.failed === 0).length
  process.stdout.write(
    `${total.passed} passed, ${failed} failed${total.skipped > 0 ? `, ${total.skipped} skipped` : ''}\n`,
  )
  return failed === 0 ? 0 : 1
}

const none = { passed: 0, failed: 0, skipped: 0, failures: [], unsteady: [] }
const add = (a, b) => ({
  passed: a.passed + b.passed,
  failed: a.failed + b.failed,
  skipped: a.skipped + b.skipped,
  failures: [...a.failures, ...b.failures],
  unsteady: [...a.unsteady, ...b.unsteady],
})

function unitCounts(path) {
  if (!existsSync(path)) return none
  const report = JSON.parse(readFileSync(path, 'utf8'))
  const tests = report.testResults.flatMap(({ name, assertionResults }) =>
    assertionResults.map((one) => ({ ...one, name: `${relative(root, name)}: ${one.fullName}` })),
  )
  const named = (wanted) => tests.filter(wanted).map(({ name }) => name)
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests,
    skipped: report.numPendingTests + report.numTodoTests,
    failures: named(({ status }) => status === 'failed'),
    // What failed first and passed then keeps the messages of its failure.
    unsteady: named(({ status, failureMessages }) => status === 'passed' && (failureMessages ?? []).length > 0),
  }
}

function windowCounts(path) {
  if (!existsSync(path)) return none
  const { stats, suites } = JSON.parse(readFileSync(path, 'utf8'))
  const specs = (suite) => [...(suite.specs ?? []), ...(suite.suites ?? []).flatMap(specs)]
  const named = (wanted) =>
    suites
      .flatMap(specs)
      .filter(({ tests }) => tests.some(({ status }) => status === wanted))
      .map(({ file, title }) => `e2e/${file}: ${title}`)
  return {
    passed: stats.expected + stats.flaky,
    failed: stats.unexpected,
    skipped: stats.skipped,
    failures: named('unexpected'),
    unsteady: named('flaky'),
  }
}

/** A Chromium to test in; on Debian as root it is installed from the distribution's own archive. */
async function chromium() {
  const found = process.env.CHROMIUM ?? findBrowser()
  if (found !== null || process.getuid?.() !== 0 || !existsSync('/etc/debian_version')) return found
  say('Installing Chromium from the Debian archive for the window tests.')
  const apt = (...args) =>
    run('apt-get', args, { quiet: true, env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } })
  if ((await apt('update', '-q')) === 0)
    await apt('install', '-yq', '--no-install-recommends', 'chromium', 'libvulkan1', 'fonts-noto-cjk')
  return findBrowser()
}
