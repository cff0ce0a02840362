import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { findProductFiles } from '../platform/product-files.ts'
import { startRealEndpoint, type RealEndpoint } from './real-endpoint.ts'

let endpoint: RealEndpoint

beforeAll(async () => {
  endpoint = await startRealEndpoint()
})

afterAll(async () => {
  await endpoint.close()
})

const ask = (model: string): Promise<Response> =>
  fetch(`${endpoint.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${endpoint.key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model, messages: [{ role: 'user', content: 'hello' }], max_tokens: 2 }),
  })

it('unloads the engine of a removed model and keeps the others', async () => {
  const { catalog, engines } = endpoint.backend.core
  await catalog.import(join(findProductFiles().resources, 'models/demo'), 'shop', 'fp32')
  expect((await ask('shop')).status).toBe(200)
  const loaded = (): readonly string[] =>
    engines
      .snapshot()
      .map(({ model }) => model)
      .sort()
  expect(loaded()).toEqual(['demo', 'shop'])
  await catalog.remove('shop')
  await expect.poll(loaded, { timeout: 20_000 }).toEqual(['demo'])
  expect((await ask('shop')).status).toBe(404)
  expect((await ask('demo')).status).toBe(200)
})
