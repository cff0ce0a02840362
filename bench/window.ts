/**
 * What a user of the window waits for, in a real headless Chromium before the built program with the demo model, and
 * how long the program's main thread is blocked by work that must not block it.
 *
 *   npm run bench -- --only window [--quick] [--rounds N]
 */
import { chromium, expect, type Browser } from '@playwright/test'
import { spawn } from 'node:child_process'
import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { ConsolePage } from '../e2e/support/console-page.ts'
import { benchOptions } from './options.ts'
import { command, startServer, stopServer, type RunningServer } from './server-process.ts'
import { median, spread } from './statistics.ts'
import { atMost, keepResults, machine, printTable, type Row } from './table.ts'
import { longestBlockMs, probeEnvironment } from './window/block-probe.ts'
import { timesToPaint } from './window/page-times.ts'
import {
  ARCHIVED_MESSAGES,
  archivedWord,
  largeModel,
  longTitle,
  prepareHome,
  shortTitle,
} from './window/prepared-home.ts'

const { rounds } = benchOptions(process.argv.slice(2), { quick: 3, full: 11 })
/** The longest block of the main thread that nobody notices, ms. */
const MAX_BLOCK_MS = 20
const LOCK_MS = 3000

const executablePath = process.env['CHROMIUM'] ?? '/usr/bin/chromium'
if (!existsSync(executablePath)) {
  console.error(`No Chromium at ${executablePath}, so the window cannot be measured. CHROMIUM names another one.`)
  process.exit(1)
}

type Block = 'idle' | 'tokenizer' | 'encoding' | 'search' | 'lock'

interface WindowTimes {
  readonly own: number[]
  readonly token: number[]
  readonly opening: number[]
}

/** Opens the long conversation from the list of a freshly loaded page, then asks in it. */
async function measureWindow(view: ConsolePage, times: WindowTimes, round: number): Promise<void> {
  const { page, text } = view
  const link = (title: string) => view.list.getByRole('link', { name: title })
  await link(shortTitle).click()
  await expect(view.questions).toHaveCount(1)
  await page.reload()
  await expect(view.questions).toHaveCount(1)
  await expect(link(longTitle)).toBeVisible()
  // The short conversation has one reply.
  const whole = { event: 'click', label: text.chat.assistant, count: 2 } as const
  const [opened] = await timesToPaint(page, [whole], () => link(longTitle).click())
  times.opening.push(opened ?? Number.NaN)

  // Never the same question twice: its prompt would be computed already.
  const question = `Round ${round}: is order ${round * 104_729} on its way?`
  await view.field.fill(question)
  const replies = await view.replies.count()
  const [own, token] = await timesToPaint(
    page,
    [
      { event: 'keydown', label: text.chat.you, text: question },
      {
        event: 'keydown',
        label: text.chat.assistant,
        count: replies + 1,
        placeholders: [text.chat.thinking],
      },
    ],
    () => view.field.press('Enter'),
  )
  times.own.push(own ?? Number.NaN)
  times.token.push(token ?? Number.NaN)
  await expect(view.replies.last()).toHaveAttribute('aria-busy', 'false', { timeout: 60_000 })
}

/** The longest block of the server's main thread during the work, ms. */
async function blockDuring(socket: string, work: () => Promise<unknown>): Promise<number> {
  await longestBlockMs(socket)
  await work()
  return await longestBlockMs(socket)
}

/** Asks the model with the large tokenizer for one token. @throws Error when the answer has another status. */
async function complete({ url }: RunningServer, key: string, prompt: string, expected: number): Promise<void> {
  const answer = await fetch(`${url}/v1/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: largeModel, max_tokens: 1, prompt }),
  })
  const text = await answer.text()
  if (answer.status !== expected) throw new Error(`${answer.status} instead of ${expected}: ${text.slice(0, 500)}`)
}

/** Another process holds the write lock of the database; `ready` once it has it. */
async function holdLock(database: string, ready: () => Promise<void>): Promise<void> {
  const script = `
    const { DatabaseSync } = require('node:sqlite')
    const database = new DatabaseSync(process.argv[1], { timeout: 5000 })
    database.exec('BEGIN IMMEDIATE')
    console.log('locked')
    setTimeout(() => { database.exec('ROLLBACK'); database.close() }, ${LOCK_MS})`
  const holder = spawn(process.execPath, ['-e', script, database], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = new Promise((resolve) => holder.once('exit', resolve))
  await new Promise((resolve) => holder.stdout.once('data', resolve))
  await ready()
  await ended
}

async function ask(view: ConsolePage, question: string): Promise<void> {
  await view.field.fill(question)
  await view.field.press('Enter')
  await expect(view.questions.last()).toContainText(question, { timeout: 60_000 })
  await expect(view.replies.last()).toHaveAttribute('aria-busy', 'false', { timeout: 60_000 })
}

async function search(view: ConsolePage): Promise<void> {
  const field = view.list.getByRole('textbox', { name: view.text.chat.search })
  await field.fill(archivedWord)
  await expect(view.list.getByRole('link', { name: 'Archive' })).toBeVisible({ timeout: 60_000 })
  await expect(view.list.getByRole('link')).toHaveCount(1)
  await field.fill('')
  await expect(view.list.getByRole('link', { name: longTitle })).toBeVisible({ timeout: 60_000 })
}

const { home, database, vocabulary, megabyte } = await prepareHome()
const socket = join(home, 'probe.sock')
const probed = {
  nodeArguments: ['--import', join(import.meta.dirname, 'window/block-probe.ts')],
  env: probeEnvironment(socket),
}
let browser: Browser | null = null
try {
  // The first start builds the graph of the demo model.
  await stopServer(await startServer(home))
  browser = await chromium.launch({ executablePath, args: process.getuid?.() === 0 ? ['--no-sandbox'] : [] })
  const key = command(home, 'keys', 'create', 'bench').trim()

  const times: WindowTimes = { own: [], token: [], opening: [] }
  const blocks: Readonly<Record<Block, number[]>> = { idle: [], tokenizer: [], encoding: [], search: [], lock: [] }

  const server = await startServer(home, probed)
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 }, locale: 'en-US' })
  const view = new ConsolePage(page)
  await view.open(server.consoleUrl)
  // The first round warms the model, the page's code and the disk up.
  for (let round = 0; round <= rounds; round += 1) await measureWindow(view, times, round)
  for (const values of [times.own, times.token, times.opening]) values.shift()
  for (let round = 0; round < rounds; round += 1) {
    blocks.idle.push(await blockDuring(socket, () => new Promise((resolve) => setTimeout(resolve, 1000))))
    blocks.search.push(await blockDuring(socket, () => search(view)))
    const asking = (): Promise<void> => ask(view, `Locked, round ${round}: where is my order?`)
    blocks.lock.push(await blockDuring(socket, () => holdLock(database, asking)))
  }
  await page.close()
  await stopServer(server)

  // A tokenizer is loaded once in the life of a process.
  const loadMs: number[] = []
  for (let round = 0; round < rounds; round += 1) {
    const fresh = await startServer(home, probed)
    const started = performance.now()
    blocks.tokenizer.push(await blockDuring(socket, () => complete(fresh, key, 'hello', 200)))
    loadMs.push(performance.now() - started)
    // The text is refused for its length, which is known once it is encoded.
    blocks.encoding.push(await blockDuring(socket, () => complete(fresh, key, megabyte, 400)))
    await stopServer(fresh)
  }

  const blockRow = (name: string, block: Block): Row => ({
    name: `longest block of the main thread, ${name}, ms`,
    value: spread(blocks[block]),
    ...(block === 'idle' ? {} : { target: atMost(median(blocks[block]), MAX_BLOCK_MS) }),
  })
  const rows: Row[] = [
    { name: 'own message on screen after Enter, ms', value: spread(times.own), target: atMost(median(times.own), 50) },
    {
      name: 'first token on screen after Enter, ms',
      value: spread(times.token),
      target: atMost(median(times.token), 150),
    },
    { name: 'opening from the list, ms', value: spread(times.opening), target: atMost(median(times.opening), 300) },
    blockRow('idle for a second', 'idle'),
    blockRow(`a tokenizer of ${vocabulary} entries loads`, 'tokenizer'),
    blockRow('1 MB of prompt is encoded', 'encoding'),
    blockRow(`${ARCHIVED_MESSAGES} messages are searched`, 'search'),
    blockRow(`the database is locked for ${LOCK_MS / 1000} s`, 'lock'),
    {
      name: 'first reply of the model with the large tokenizer, s',
      value: spread(
        loadMs.map((ms) => ms / 1000),
        2,
      ),
    },
  ]
  printTable(`Window, a conversation of 400 messages. ${machine()}, ${rounds} rounds; median (lowest to highest)`, rows)
  keepResults('window', rows, { rounds, vocabulary, times, blocks, loadMs })
} finally {
  await browser?.close()
  rmSync(home, { recursive: true, force: true })
}
