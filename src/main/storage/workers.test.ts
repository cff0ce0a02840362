import { writeFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import type { Operation } from './operations.ts'
import { StorageThread } from './storage-thread.ts'
import { openStorage } from './storage.ts'
import { newConversation, useTemporaryStorage } from './testing/temporary-storage.ts'
import { indexText } from './search-text.ts'

const context = useTemporaryStorage({ workers: true })

/** The longest time in ms that this thread did nothing else while `work` ran. */
async function longestBlock(work: () => Promise<unknown>): Promise<number> {
  let longest = 0
  let last = performance.now()
  const look = (): void => {
    const at = performance.now()
    longest = Math.max(longest, at - last)
    last = at
  }
  const ticking = setInterval(look, 1)
  try {
    await work()
    look()
  } finally {
    clearInterval(ticking)
  }
  return longest
}

/**
 * Far above what a busy machine takes from any thread, far below the seconds that these operations take where they run
 * on this thread.
 */
const MAX_BLOCK_MS = 500

describe('storage in workers', () => {
  it('answers in order, and a read sees what was acknowledged before it', async () => {
    const { conversations } = context.storage
    const { id } = await conversations.create(newConversation)
    const { reply } = await conversations.beginQuestion(id, 'hello', undefined)
    const pieces = Array.from({ length: 100 }, (_, number) => `${number} `)
    await Promise.all(pieces.map((piece) => conversations.appendText(reply.id, piece)))
    expect((await conversations.get(id)).messages[1]?.content).toBe(pieces.join(''))
  })

  it('fails one write of many alone, with the typed error', async () => {
    const { conversations } = context.storage
    const outcomes = await Promise.allSettled([
      conversations.create(newConversation),
      conversations.update('nobody', { title: 'x' }),
      conversations.create(newConversation),
    ])
    expect(outcomes).toMatchObject([
      { status: 'fulfilled' },
      { status: 'rejected', reason: { name: 'SwitchboardError', code: 'conversation_not_found' } },
      { status: 'fulfilled' },
    ])
    expect((await conversations.list({ limit: 9 })).items).toHaveLength(2)
  })

  it('refuses a damaged file with the same error as on this thread', async () => {
    const path = `${context.folder}/damaged.db`
    writeFileSync(path, 'not a database '.repeat(500))
    const errors = await Promise.all(
      [true, false].map((workers) =>
        openStorage({ path, builtInAssistants: [], workers }).catch((thrown: unknown) => thrown),
      ),
    )
    expect(errors[0]).toMatchObject({ code: 'storage_corrupt', message: (errors[1] as Error).message })
  })

  it('finishes what was handed in before it closes, and then takes nothing more', async () => {
    const storage = await context.openAnother()
    const written = Array.from({ length: 20 }, () => storage.conversations.create(newConversation))
    await storage.dispose()
    await Promise.all(written)
    await storage.dispose()
    await expect(storage.conversations.create(newConversation)).rejects.toMatchObject({ code: 'storage_failed' })
    expect((await context.storage.conversations.list({ limit: 50 })).items).toHaveLength(20)
  })

  it('waits for another process that holds the lock; reads and this thread go on', async () => {
    const { conversations, keys } = context.storage
    const { secret } = await keys.create('till')
    const other = new DatabaseSync(context.path)
    other.exec('BEGIN IMMEDIATE')
    let created = false
    const waiting = conversations.create(newConversation).then(() => {
      created = true
    })
    const block = await longestBlock(async () => {
      for (let round = 0; round < 20; round += 1) {
        expect(await keys.authenticate(secret)).toMatchObject({ name: 'till' })
        expect((await conversations.list({ limit: 9 })).items).toEqual([])
      }
    })
    expect(created).toBe(false)
    other.exec('ROLLBACK')
    other.close()
    await waiting
    expect((await conversations.list({ limit: 9 })).items).toHaveLength(1)
    expect(block).toBeLessThan(MAX_BLOCK_MS)
  })

  it('searches 50,000 messages while writes are committed and this thread goes on', async () => {
    const { conversations } = context.storage
    const { id } = await conversations.create(newConversation)
    const database = new DatabaseSync(context.path)
    database.exec('BEGIN')
    const insert = database.prepare(
      `INSERT INTO messages (id, conversation_id, role, content, state, created_at)
       VALUES (?, ?, 'user', ?, 'complete', 0) RETURNING seq`,
    )
    const index = database.prepare('INSERT INTO search_index (rowid, body) VALUES (?, ?)')
    for (let number = 0; number < 50_000; number += 1) {
      const text = `message ${number} about a parcel 退款`
      const { seq } = insert.get(`m${number}`, id, text) as { readonly seq: number }
      index.run(seq, indexText(text))
    }
    database.exec('COMMIT')
    database.close()
    const order: string[] = []
    const block = await longestBlock(async () => {
      const searches = Array.from({ length: 30 }, async () => {
        const { items } = await conversations.list({ search: 'parcel 退款', limit: 9 })
        order.push('searched')
        return items
      })
      await conversations.update(id, { title: 'Parcels' })
      order.push('written')
      for (const items of await Promise.all(searches)) expect(items).toMatchObject([{ id, matchedMessageId: 'm49999' }])
    })
    expect(order).toHaveLength(31)
    expect(order.at(-1)).toBe('searched')
    expect(block).toBeLessThan(MAX_BLOCK_MS)
  })
})

describe('a worker that dies', () => {
  const entry = fileURLToPath(new URL('./testing/dying-worker.ts', import.meta.url))
  const operation = (method: string): Operation => ({ store: 'file', method, arguments: [], at: 0 })
  const start = (): StorageThread =>
    new StorageThread(entry, {
      role: 'writer',
      options: { path: context.path, builtInAssistants: [], lockTimeoutMs: 1, at: 0 },
    })
  const stopped = { kind: 'failed', error: { code: 'storage_failed' } }
  const answered = { kind: 'done', value: 'answered' }

  it('fails the calls that wait and is started again', async () => {
    const thread = start()
    expect(await Promise.all([thread.run(operation('hang')), thread.run(operation('die'))])).toMatchObject([
      stopped,
      stopped,
    ])
    expect(await thread.run(operation('answer'))).toMatchObject(answered)
    // It did its work again, so it gets another chance.
    expect(await thread.run(operation('die'))).toMatchObject(stopped)
    expect(await thread.run(operation('answer'))).toMatchObject(answered)
    await thread.close()
  })

  it('stays down when it dies again at once', async () => {
    const thread = start()
    expect(await thread.run(operation('die'))).toMatchObject(stopped)
    expect(await thread.run(operation('die'))).toMatchObject(stopped)
    expect(await thread.run(operation('answer'))).toMatchObject(stopped)
    await thread.close()
  })
})
