import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { longestMainThreadBlock } from '../text/main-thread-probe.fixture.ts'
import { startRealEndpoint, type RealEndpoint } from './real-endpoint.ts'

/** The longest time that the main thread may work without a turn of its event loop, ms of CPU time. */
const MAX_BLOCK_MS = 20

let endpoint: RealEndpoint

beforeAll(async () => {
  endpoint = await startRealEndpoint({ settings: { contextLength: 1024 } })
  // Schemas, routes and the first query are compiled once; what is measured is a program that runs.
  await complete('hello')
})

afterAll(async () => {
  await endpoint.close()
})

const complete = (prompt: string): Promise<Response> =>
  fetch(`${endpoint.url}/v1/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${endpoint.key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'demo', prompt, max_tokens: 2 }),
  })

test('a prompt of a megabyte is refused with its count and keeps nobody else from main', async () => {
  const prompt = '退款 order 20251103, '.repeat(38_000)
  const block = await longestMainThreadBlock(async () => {
    const long = await complete(prompt)
    expect(long.status).toBe(400)
    expect(await long.json()).toMatchObject({ error: { code: 'context_length_exceeded' } })
  }, MAX_BLOCK_MS)
  expect(block).toBeLessThan(MAX_BLOCK_MS)
})

test('while another process holds the lock of the database, programs are answered', async () => {
  const { conversations } = endpoint.backend.core.storage
  const other = new DatabaseSync(endpoint.database)
  other.exec('BEGIN IMMEDIATE')
  let written = false
  const writing = conversations
    .create({ assistantId: null, model: null, systemPrompt: '', parameters: {} })
    .then(() => (written = true))
  const block = await longestMainThreadBlock(async () => {
    // A key is looked up in the file for each of them.
    for (let count = 0; count < 5; count += 1) expect((await complete('hello')).status).toBe(200)
  }, MAX_BLOCK_MS)
  expect(written).toBe(false)
  expect(block).toBeLessThan(MAX_BLOCK_MS)
  other.exec('ROLLBACK')
  other.close()
  await writing
})
