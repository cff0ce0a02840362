/** Imports with real tool processes, of copies of the demo model. */
import { cp, mkdtemp, open, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openHome } from '../platform/home.ts'
import { findProductFiles } from '../platform/product-files.ts'
import { manageModels } from './models.ts'

const files = findProductFiles()
let root: string
let source: string

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'switchboard-models-'))
  source = join(root, 'hf')
  await cp(join(files.resources, 'models/demo'), source, { recursive: true })
})
afterEach(() => rm(root, { recursive: true, force: true }))

/** Runs the import; `onLine` hears what it tells meanwhile. */
const importShop = (
  onLine: (line: string) => void = () => undefined,
  signal = new AbortController().signal,
): Promise<void> =>
  manageModels(
    { kind: 'models import', directory: source, name: 'shop', precision: 'fp32' },
    { home: openHome(join(root, 'home')), files, terminal: { out: () => undefined, err: onLine }, json: false, signal },
  )
const left = (): Promise<readonly string[]> => readdir(join(root, 'home/models'))

test('a model whose graph cannot be built does not stay, and its name is free', async () => {
  const weights = await open(join(source, 'model.safetensors'), 'r+')
  // The last numbers become none.
  const end = (await stat(join(source, 'model.safetensors'))).size
  const kept = Buffer.alloc(4)
  await weights.read(kept, 0, 4, end - 4)
  await weights.write(Buffer.alloc(4, 0xff), 0, 4, end - 4)
  await expect(importShop()).rejects.toMatchObject({ code: 'model_corrupt' })
  expect(await left()).toEqual([])
  await weights.write(kept, 0, 4, end - 4)
  await weights.close()
  await importShop()
  expect(await left()).toEqual(['shop'])
})

test('an import that is stopped while the graph is built leaves nothing', async () => {
  const stop = new AbortController()
  await expect(
    importShop((line) => {
      if (line.startsWith('Writing')) stop.abort()
    }, stop.signal),
  ).rejects.toMatchObject({ code: 'cancelled' })
  expect(await left()).toEqual([])
})
