import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { Database } from './database.ts'
import { openStorage } from './storage.ts'

const writer = fileURLToPath(new URL('./testing/writer.ts', import.meta.url))
const rounds = 25

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'kill-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/**
 * Lets a process write until it acknowledged so many steps, kills it in the middle, and gives back what it
 * acknowledged.
 */
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
  // The last line may be cut: it was not acknowledged.
  return text.split('\n').slice(0, -1)
}

it(`loses nothing acknowledged in ${rounds} kills, and shows nothing half written as complete`, async () => {
  const path = join(folder, 'switchboard.db')
  const acknowledged: { readonly messageId: string; readonly content: string; readonly state: string }[] = []
  for (let round = 0; round < rounds; round += 1) {
    const lines = await writeAndKill(path, 3 + ((round * 7) % 40))
    expect(lines.length).toBeGreaterThan(0)
    acknowledged.push(...lines.map((line) => JSON.parse(line) as (typeof acknowledged)[number]))
  }
  // What each message was when it was last acknowledged.
  const last = new Map(acknowledged.map((entry) => [entry.messageId, entry]))
  const database = new Database(path)
  expect(database.get('PRAGMA integrity_check')).toEqual({ integrity_check: 'ok' })
  expect(
    database.get("SELECT count(*) AS n FROM search_index WHERE search_index MATCH 'question' AND rowid > 0"),
  ).toEqual({ n: database.get("SELECT count(*) AS n FROM messages WHERE role = 'user'")?.['n'] })
  const lost = [...last.values()].filter(({ messageId, content, state }) => {
    const row = database.get('SELECT content, state FROM messages WHERE id = ?', messageId)
    // Written further than acknowledged is fine; less, or another end, is not.
    return (
      row === undefined ||
      !String(row['content']).startsWith(content) ||
      (state !== 'streaming' && row['state'] !== state)
    )
  })
  database.close()
  expect(lost).toEqual([])

  const storage = openStorage({ path, builtInPresets: [] })
  storage.recover()
  const states = storage.conversations
    .list({ limit: 500 })
    .flatMap(({ id }) => storage.conversations.get(id).messages.map(({ state }) => state.kind))
  expect(states).not.toContain('streaming')
  storage.dispose()
}, 120_000)
