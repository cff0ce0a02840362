import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { Database } from './database.ts'
import { openStorage } from './storage.ts'

const writer = fileURLToPath(new URL('./testing/writer.ts', import.meta.url))
const ROUNDS = 15

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'kill-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Kills a writing process after it acknowledged this many steps. Returns the lines it acknowledged. */
async function writeAndKill(path: string, steps: number): Promise<readonly string[]> {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', writer, path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (piece: string) => {
    text += piece
    if (text.split('\n').length > steps) child.kill('SIGKILL')
  })
  await new Promise((resolve) => child.on('close', resolve))
  // The last line may be incomplete; it was not acknowledged.
  return text.split('\n').slice(0, -1)
}

it(`loses nothing acknowledged in ${ROUNDS} kills, and shows nothing half written as complete`, async () => {
  const path = join(folder, 'switchboard.db')
  const acknowledged: { readonly messageId: string; readonly content: string; readonly state: string }[] = []
  for (let round = 0; round < ROUNDS; round += 1) {
    const lines = await writeAndKill(path, 3 + ((round * 7) % 40))
    expect(lines.length).toBeGreaterThan(0)
    acknowledged.push(...lines.map((line) => JSON.parse(line) as (typeof acknowledged)[number]))
  }
  // Each message as it was last acknowledged.
  const last = new Map(acknowledged.map((entry) => [entry.messageId, entry]))
  const database = new Database(path)
  expect(database.get('PRAGMA integrity_check')).toEqual({ integrity_check: 'ok' })
  expect(
    database.get("SELECT count(*) AS n FROM search_index WHERE search_index MATCH 'question' AND rowid > 0"),
  ).toEqual({ n: database.get("SELECT count(*) AS n FROM messages WHERE role = 'user'")?.['n'] })
  const lost = [...last.values()].filter(({ messageId, content, state }) => {
    const row = database.get('SELECT content, state FROM messages WHERE id = ?', messageId)
    // The file may hold more than was acknowledged, but not less and no other end.
    return (
      row === undefined ||
      !String(row['content']).startsWith(content) ||
      (state !== 'streaming' && row['state'] !== state)
    )
  })
  database.close()
  expect(lost).toEqual([])

  const storage = await openStorage({ path, builtInAssistants: [], workers: false })
  await storage.recover()
  const { items } = await storage.conversations.list({ limit: 500 })
  expect(items.length).toBeGreaterThan(0)
  const conversations = await Promise.all(items.map(({ id }) => storage.conversations.get(id)))
  const states = conversations.flatMap(({ messages }) => messages.map(({ state }) => state.kind))
  expect(states).not.toContain('streaming')
  await storage.dispose()
}, 120_000)
