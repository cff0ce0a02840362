import { createHash } from 'node:crypto'
import {
  appendFile,
  chmod,
  link,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  unlink,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { GRAPH_VERSION } from '../../shared/contracts/graph.ts'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import { stagingName } from '../platform/staging.ts'
import type { Storage } from '../storage/repositories.ts'
import { openStorage } from '../storage/storage.ts'
import type { BuiltGraph } from './graph-cache.ts'
import type { LongTask } from '../platform/long-task.ts'
import { Catalog } from './catalog.ts'
import { FakeWorkshop } from './fake-workshop.ts'

let root: string
let source: string
let workshop: FakeWorkshop
let catalog: Catalog
let storage: Storage

const makeCatalog = (): Catalog =>
  new Catalog({
    models: join(root, 'models'),
    graphs: join(root, 'graphs'),
    demo: join(root, 'resources/demo'),
    rows: storage.models,
    workshop,
    nowMs: () => 1_700_000_000_000,
  })
/** The graph of the version in use. */
const graphOf = async (name: string, task: LongTask = {}, from: Catalog = catalog): Promise<BuiltGraph> =>
  await from.ensureGraph(await from.find(name), task)
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')
const models = async (): Promise<readonly string[]> =>
  (await readdir(join(root, 'models')).catch((): string[] => [])).sort()
const sourceFile = (name: string): string => join(root, 'models/shop/source', name)

async function makeFolder(directory: string, weights = 'weights'): Promise<string> {
  await mkdir(directory, { recursive: true })
  for (const [name, text] of [
    ['config.json', '{}'],
    ['model.safetensors', weights],
    ['tokenizer.json', '{"t":1}'],
    ['LICENSE', 'free'],
  ] as const)
    await writeFile(join(directory, name), text)
  return directory
}

/** Changes a file of the store, which is read-only for a reason. */
async function damage(path: string, text: string): Promise<void> {
  await chmod(path, 0o600)
  await writeFile(path, text)
}

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'switchboard-catalog-'))
  source = await makeFolder(join(root, 'hf'))
  workshop = new FakeWorkshop()
  storage = await openStorage({ path: join(root, 'rows.db'), builtInAssistants: [], workers: false, now: () => 5 })
  catalog = makeCatalog()
})
afterEach(async () => {
  await storage.dispose()
  await rm(root, { recursive: true, force: true })
})

describe('importing', () => {
  test('copies the files, hashes them and lists the model', async () => {
    const steps: [number, string][] = []
    const summary = await catalog.import(source, 'shop', 'fp32', {
      onProgress: (fraction, step) => steps.push([fraction, step]),
    })
    expect(summary).toEqual({
      name: 'shop',
      family: 'llama',
      precision: 'fp32',
      parameters: 1000,
      contextLength: 128,
      bytes: 20,
      demo: false,
      createdAt: 1_700_000_000_000,
      versions: [
        {
          version: 1,
          precision: 'fp32',
          contentHash: expect.stringMatching(/^[0-9a-f]{64}$/u) as string,
          createdAt: 5,
        },
      ],
      activeVersion: 1,
    })
    expect(await makeCatalog().list()).toEqual([summary])
    expect(steps.at(-1)).toEqual([1, 'Copying tokenizer.json'])
    expect(JSON.parse(await readFile(join(root, 'models/shop/manifest.json'), 'utf8'))).toMatchObject({
      licence: 'LICENSE',
      files: [
        { name: 'LICENSE', bytes: 4, sha256: sha256('free') },
        { name: 'config.json', bytes: 2, sha256: sha256('{}') },
        { name: 'model.safetensors', bytes: 7, sha256: sha256('weights') },
        { name: 'tokenizer.json', bytes: 7, sha256: sha256('{"t":1}') },
      ],
    })
  })

  test('keeps the precision that was asked for, with a graph of its own', async () => {
    const graphs: string[] = []
    for (const precision of ['fp32', 'fp16', 'int8', 'int4'] as const) {
      expect(await catalog.import(source, precision, precision)).toMatchObject({ name: precision, precision })
      const { graphDirectory, description } = await graphOf(precision)
      expect(description.precision).toBe(precision)
      graphs.push(graphDirectory)
    }
    expect(new Set(graphs).size).toBe(4)
    expect((await makeCatalog().list()).map(({ precision }) => precision)).toEqual(['fp16', 'fp32', 'int4', 'int8'])
  })

  test.skipIf(process.platform === 'win32')('makes new read-only files, also of hard links', async () => {
    await link(join(source, 'model.safetensors'), join(root, 'elsewhere'))
    await catalog.import(source, 'shop', 'fp32')
    const { mode, nlink } = await stat(sourceFile('model.safetensors'))
    expect([mode & 0o777, nlink]).toEqual([0o400, 1])
    await writeFile(join(root, 'elsewhere'), 'changed')
    expect(await readFile(sourceFile('model.safetensors'), 'utf8')).toBe('weights')
  })

  test.each([
    '',
    '.',
    '..',
    '.x',
    '-x',
    '../x',
    'a/b',
    'a\\b',
    'a b',
    'x\n',
    'ü',
    'a'.repeat(65),
    'con',
    'NUL.txt',
    'x.',
    '__proto__',
  ])('refuses the name %j', async (name) => {
    await expect(catalog.import(source, name, 'fp32')).rejects.toMatchObject({ code: 'invalid_name' })
    expect(await models()).toEqual([])
  })

  test('refuses names that are taken, in whatever case, and the name of the demo', async () => {
    await catalog.import(source, 'Shop', 'fp32')
    for (const name of ['Shop', 'shop', 'demo', 'Demo'])
      await expect(catalog.import(source, name, 'fp32')).rejects.toMatchObject({ code: 'name_taken' })
    expect(await models()).toEqual(['Shop'])
  })

  test('of two imports under one name at once, one is refused', async () => {
    const outcomes = await Promise.allSettled([
      catalog.import(source, 'shop', 'fp32'),
      catalog.import(source, 'shop', 'fp32'),
      makeCatalog().import(source, 'shop', 'fp32'),
    ])
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    for (const outcome of outcomes)
      if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'name_taken' })
    expect(await models()).toEqual(['shop'])
    await graphOf('shop')
  })

  const failing: readonly (readonly [string, () => Promise<unknown> | void, string])[] = [
    ['a folder that is no model', () => unlink(join(source, 'config.json')), 'not_a_model_folder'],
    ['a disk that is too small', () => void (workshop.parameters = 2 ** 50), 'insufficient_disk_space'],
    [
      'a file that grows after the check',
      () => void (workshop.afterInspection = () => appendFile(join(source, 'model.safetensors'), 'x')),
      'model_corrupt',
    ],
    [
      'a file that is gone after the check',
      () => void (workshop.afterInspection = () => rm(join(source, 'tokenizer.json'), { force: true })),
      'model_corrupt',
    ],
    [
      'a file that becomes a link after the check',
      () =>
        void (workshop.afterInspection = async () => {
          await rm(join(source, 'tokenizer.json'), { force: true })
          await symlink('/etc/passwd', join(source, 'tokenizer.json'))
        }),
      'not_a_model_folder',
    ],
  ]
  test.each(failing)('leaves nothing behind of %s', async (_, arrange, code) => {
    await arrange()
    await expect(catalog.import(source, 'shop', 'fp32')).rejects.toMatchObject({ code })
    expect([await models(), await catalog.list()]).toEqual([[], []])
  })

  test.each([
    ['does not exist', () => join(root, 'nowhere')],
    ['is a file', () => join(source, 'config.json')],
  ])('says that the path %s, before it looks inside', async (what, path) => {
    await expect(catalog.import(path(), 'shop', 'fp32')).rejects.toMatchObject({
      code: 'not_a_model_folder',
      message: expect.stringContaining(what) as string,
    })
  })

  test('leaves nothing behind of a model that could not talk', async () => {
    const checkText = async (directory: string): Promise<void> => {
      throw new SwitchboardError('template_invalid', `of ${await readFile(join(directory, 'tokenizer.json'), 'utf8')}`)
    }
    const careful = new Catalog({
      models: join(root, 'models'),
      graphs: join(root, 'graphs'),
      demo: join(root, 'resources/demo'),
      rows: storage.models,
      workshop,
      checkText,
    })
    await expect(careful.import(source, 'shop', 'fp32')).rejects.toMatchObject({
      code: 'template_invalid',
      message: 'of {"t":1}',
    })
    expect([await models(), await careful.list()]).toEqual([[], []])
  })

  test('leaves nothing behind when it is stopped', async () => {
    const controller = new AbortController()
    await expect(
      catalog.import(source, 'shop', 'fp32', {
        signal: controller.signal,
        onProgress: (fraction) => fraction > 0 && controller.abort(),
      }),
    ).rejects.toMatchObject({ code: 'cancelled' })
    expect(await models()).toEqual([])
  })
})

describe('finding and removing', () => {
  test.each(['../../etc/passwd', 'x'.repeat(1_000_000), '__proto__', 'missing', ''])(
    '%# has no model',
    async (name) => {
      await expect(catalog.find(name)).rejects.toMatchObject({ code: 'model_not_found' })
      await expect(catalog.remove(name)).rejects.toMatchObject({ code: 'model_not_found' })
    },
  )

  test('a removed model is gone with its graph', async () => {
    await catalog.import(source, 'shop', 'fp32')
    await graphOf('shop')
    await catalog.remove('shop')
    expect([await models(), await readdir(join(root, 'graphs')), await catalog.list()]).toEqual([[], [], []])
  })

  test('a graph that another model needs stays', async () => {
    await catalog.import(source, 'one', 'fp32')
    await catalog.import(source, 'two', 'fp32')
    const { graphDirectory } = await graphOf('one')
    await catalog.remove('one')
    expect(await graphOf('two')).toMatchObject({ graphDirectory })
    expect(workshop.builds).toBe(1)
  })

  test('a model with a damaged manifest is named when asked for, and can be removed', async () => {
    await catalog.import(source, 'shop', 'fp32')
    await damage(join(root, 'models/shop/manifest.json'), '{')
    expect(await catalog.list()).toEqual([])
    await expect(catalog.find('shop')).rejects.toMatchObject({
      code: 'model_corrupt',
      details: { model: 'shop', file: 'manifest.json' },
    })
    await catalog.remove('shop')
    expect(await models()).toEqual([])
  })

  test('a manifest cannot name files elsewhere', async () => {
    await catalog.import(source, 'shop', 'fp32')
    const text = await readFile(join(root, 'models/shop/manifest.json'), 'utf8')
    await damage(join(root, 'models/shop/manifest.json'), text.replace('tokenizer.json', '../../../secret'))
    await expect(graphOf('shop')).rejects.toMatchObject({ code: 'model_corrupt' })
  })
})

describe('the graph of a model', () => {
  beforeEach(() => catalog.import(source, 'shop', 'fp32'))

  test('is built once and found again', async () => {
    const first = await graphOf('shop')
    expect(first.description).toMatchObject({ family: 'llama', layers: 2 })
    expect(await graphOf('shop', {}, makeCatalog())).toEqual(first)
    expect(workshop.builds).toBe(1)
  })

  test('is shared by callers who need it at once', async () => {
    const fractions: number[][] = [[], []]
    const [one, two] = await Promise.all(
      fractions.map((seen) => graphOf('shop', { onProgress: (fraction) => seen.push(fraction) })),
    )
    expect(one).toEqual(two)
    expect(workshop.builds).toBe(1)
    expect(fractions.map((seen) => seen.at(-1))).toEqual([0.5, 0.5])
  })

  test('built by two programs at once is one good graph', async () => {
    const built = await Promise.all([
      graphOf('shop'),
      graphOf('shop', {}, makeCatalog()),
      graphOf('shop', {}, makeCatalog()),
    ])
    expect(new Set(built.map(({ graphDirectory }) => graphDirectory)).size).toBe(1)
    await graphOf('shop', {}, makeCatalog())
    expect(workshop.builds).toBe(3)
  })

  test('goes on for the others when one of them leaves, and stops with the last', async () => {
    let stopped = false
    workshop.duringBuild = ({ signal }) =>
      new Promise((resolve) => signal?.addEventListener('abort', () => resolve(void (stopped = true)), { once: true }))
    const [first, second] = [new AbortController(), new AbortController()]
    const one = graphOf('shop', { signal: first.signal })
    const two = graphOf('shop', { signal: second.signal, onProgress: () => first.abort() })
    await expect(one).rejects.toMatchObject({ code: 'cancelled' })
    expect(stopped).toBe(false)
    second.abort()
    await expect(two).rejects.toMatchObject({ code: 'cancelled' })
    expect(stopped).toBe(true)
    workshop.duringBuild = async () => undefined
    await graphOf('shop')
  })

  test('is built again when it was damaged, deleted or of another version', async () => {
    const { graphDirectory } = await graphOf('shop')
    const graph = (name: string): string => join(graphDirectory, name)
    const damages: readonly (() => Promise<void>)[] = [
      () => writeFile(graph('model.onnx_data'), 'x'),
      () => unlink(graph('model.onnx')),
      () => rm(graphDirectory, { recursive: true }),
      () => writeFile(graph('graph.json'), '{"version":'),
      async () =>
        writeFile(
          graph('graph.json'),
          (await readFile(graph('graph.json'), 'utf8')).replace(`"version":${GRAPH_VERSION}`, '"version":0'),
        ),
    ]
    for (const [index, spoil] of damages.entries()) {
      await spoil()
      await graphOf('shop')
      expect(workshop.builds).toBe(2 + index)
    }
  })

  test('is refused when a file of the model changed on disk, and the file is named', async () => {
    for (const name of ['model.safetensors', 'tokenizer.json', 'LICENSE']) {
      const original = await readFile(sourceFile(name), 'utf8')
      await damage(sourceFile(name), original.replace(/.$/u, '#'))
      await expect(graphOf('shop')).rejects.toMatchObject({
        code: 'model_corrupt',
        details: { model: 'shop', file: name },
      })
      await damage(sourceFile(name), original)
    }
    await unlink(sourceFile('config.json'))
    await expect(graphOf('shop')).rejects.toMatchObject({
      code: 'model_corrupt',
      details: { file: 'config.json' },
    })
  })

  test('is looked at byte for byte once it is distrusted, and built again', async () => {
    const weights = join((await graphOf('shop')).graphDirectory, 'model.onnx_data')
    const original = await readFile(weights, 'utf8')
    const written = async (text: string): Promise<void> => {
      await writeFile(weights, text)
      await utimes(weights, 1000, 1000)
    }
    await written(original)
    await graphOf('shop')
    await written(original.replace(/.$/u, '#'))
    await graphOf('shop')
    expect([(await readFile(weights, 'utf8')) === original, workshop.builds]).toEqual([false, 1])
    await catalog.distrustGraph(await catalog.find('shop'))
    await graphOf('shop', {}, makeCatalog())
    expect([(await readFile(weights, 'utf8')) === original, workshop.builds]).toEqual([true, 2])
  })
})

describe('the built-in model', () => {
  beforeEach(() => makeFolder(join(root, 'resources/demo'), 'demo weights'))

  test('is listed first, looked at once, and cannot be removed', async () => {
    await catalog.import(source, 'a-shop', 'fp32')
    const inspections = workshop.inspections
    await Promise.all([catalog.list(), catalog.list()])
    expect((await catalog.list()).map(({ name, demo }) => [name, demo])).toEqual([
      ['demo', true],
      ['a-shop', false],
    ])
    await makeCatalog().list()
    expect(workshop.inspections).toBe(inspections + 1)
    await expect(catalog.remove('demo')).rejects.toMatchObject({ code: 'model_read_only' })
  })

  test('keeps its graph when a copy of it is removed', async () => {
    await catalog.import(join(root, 'resources/demo'), 'copy', 'fp32')
    const { graphDirectory } = await graphOf('copy')
    await catalog.remove('copy')
    expect(await graphOf('demo')).toMatchObject({ graphDirectory })
    expect(workshop.builds).toBe(1)
  })

  test('has its graph built again when the program brings other weights', async () => {
    const before = await graphOf('demo')
    await writeFile(join(root, 'resources/demo/model.safetensors'), 'other weights')
    const after = await graphOf('demo', {}, makeCatalog())
    expect(after.graphDirectory).not.toBe(before.graphDirectory)
    expect(workshop.builds).toBe(2)
    await makeCatalog().tidy()
    expect((await readdir(join(root, 'graphs'))).filter((name) => /^[0-9a-f]{64}$/u.test(name))).toEqual([
      after.graphDirectory.slice(-64),
    ])
  })
})

test('tidying removes what interrupted work left, and nothing else', async () => {
  await catalog.import(source, 'shop', 'fp32')
  const { graphDirectory } = await graphOf('shop')
  // no process has this id: Linux ends at 2^22
  const dead = '.shop.99999999.0123456789ab.partial'
  const alive = stagingName('shop')
  for (const folder of ['models', 'graphs']) for (const name of [dead, alive]) await mkdir(join(root, folder, name))
  await mkdir(join(root, 'graphs', '0'.repeat(64)))
  await makeCatalog().tidy()
  expect(await models()).toEqual([alive, 'shop'])
  expect((await readdir(join(root, 'graphs'))).sort()).toEqual(
    [alive, graphDirectory.slice(-64), `${graphDirectory.slice(-64)}.stamps.json`].sort(),
  )
})
