import { open, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startRealEndpoint, type RealEndpoint } from './real-endpoint.ts'

let endpoint: RealEndpoint
beforeAll(async () => {
  endpoint = await startRealEndpoint()
})
afterAll(async () => {
  await endpoint.close()
})

it('rebuilds a graph in which a bit has flipped, and answers', async () => {
  const { catalog, engines } = endpoint.backend.core
  const { graphDirectory } = await catalog.ensureGraph(await catalog.find('demo'))
  for (const { key } of engines.snapshot()) await engines.unload(key)
  const [name, middle] = ['model.onnx_data', 1_000_000]
  const path = join(graphDirectory, name)
  const byteThere = async (): Promise<number> => (await readFile(path))[middle] ?? -1
  const original = await byteThere()
  const file = await open(path, 'r+')
  await file.write(Uint8Array.of(original ^ 1), 0, 1, middle)
  await file.close()
  // Like a disk fault: neither size nor time change.
  const stamps = JSON.parse(await readFile(`${graphDirectory}.stamps.json`, 'utf8')) as Record<string, object>
  await writeFile(
    `${graphDirectory}.stamps.json`,
    JSON.stringify({ ...stamps, [name]: { ...stamps[name], mtimeMs: (await stat(path)).mtimeMs } }),
  )
  const answer = await fetch(`${endpoint.url}/v1/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${endpoint.key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ prompt: 'hello', max_tokens: 2 }),
  })
  expect([answer.status, await byteThere()]).toEqual([200, original])
})
