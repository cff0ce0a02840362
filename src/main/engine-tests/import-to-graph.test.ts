import { readFile, rm, symlink, truncate } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Catalog } from '../catalog/catalog.ts'
import type { Storage } from '../storage/repositories.ts'
import { openStorage } from '../storage/storage.ts'
import { ToolJobs } from '../jobs/tool-jobs.ts'
import { launchChildProcess } from '../platform/child-process.ts'
import { makeTestModel } from '../workshop/test-model.ts'
import { ParityRun } from './parity-run.ts'

let source: string
let home: string
let catalog: Catalog
let storage: Storage
beforeEach(async () => {
  source = await makeTestModel('qwen2-tied')
  home = join(dirname(source), 'home')
  storage = await openStorage({ path: join(dirname(source), 'rows.db'), builtInAssistants: [], workers: false })
  catalog = new Catalog({
    models: join(home, 'models'),
    graphs: join(home, 'graphs'),
    demo: join(home, 'none'),
    rows: storage.models,
    workshop: new ToolJobs(launchChildProcess),
  })
})
afterEach(async () => {
  await storage.dispose()
  await rm(dirname(source), { recursive: true, force: true })
})

test.each(['fp32', 'int8', 'int4'] as const)(
  'a folder a person chose becomes a graph the engine loads, through real tool processes: %s',
  async (precision) => {
    expect(await catalog.import(source, 'shop', precision)).toMatchObject({
      name: 'shop',
      family: 'qwen2',
      precision,
      parameters: 101_184,
      contextLength: 128,
    })
    await rm(source, { recursive: true })
    const steps = new Set<string>()
    const { graphDirectory, description } = await catalog.ensureGraph(await catalog.find('shop'), {
      onProgress: (_, step) => steps.add(step),
    })
    expect(description.precision).toBe(precision)
    expect([...steps]).toEqual(['Checking the model files', 'Writing the graph'])
    expect(JSON.parse(await readFile(join(graphDirectory, 'graph.json'), 'utf8'))).toEqual(description)
    const run = await ParityRun.over(graphDirectory)
    let rows = 0
    run.decode([1, 2, 3], () => rows++)
    run.decoder.dispose()
    expect(rows).toBe(3)
  },
)

test('hostile folders are refused and leave nothing', async () => {
  await truncate(join(source, 'model-00001-of-00002.safetensors'), 100)
  await expect(catalog.import(source, 'shop', 'fp32')).rejects.toMatchObject({
    code: 'invalid_safetensors',
    details: { file: 'model-00001-of-00002.safetensors' },
  })
  await rm(join(source, 'tokenizer.json'))
  await symlink('/etc/passwd', join(source, 'tokenizer.json'))
  await expect(catalog.import(source, 'shop', 'fp32')).rejects.toMatchObject({
    code: expect.stringMatching(/^(invalid_safetensors|not_a_model_folder)$/u),
  })
  expect(await catalog.list()).toEqual([])
})
