import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { TargetModel } from '../../shared/domain/target.ts'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import type { Storage } from '../storage/repositories.ts'
import { openStorage } from '../storage/storage.ts'
import { Resolver, type ResolverOptions } from './resolver.ts'

let folder: string
let storage: Storage
let models: Map<string, TargetModel>
let resolver: Resolver

const catalog: ResolverOptions['catalog'] = {
  has: async (name) => models.has(name),
  async find(name) {
    const model = models.get(name)
    if (model === undefined) throw new SwitchboardError('model_not_found', `there is no model named ${name}`)
    return model
  },
  list: async () =>
    [...models.values()].map(({ name, precision }) => ({
      name,
      family: 'llama',
      precision,
      parameters: 1,
      contextLength: 128,
      bytes: 1,
      demo: name === 'demo',
      createdAt: 1,
      versions: [],
      activeVersion: 1,
    })),
}

const model = (name: string, contentHash = name): TargetModel => ({ name, version: 1, precision: 'fp32', contentHash })
const tea = { name: 'Tea shop', model: null, systemPrompt: 'You sell tea.', parameters: { temperature: 0.2 } }

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'resolver-'))
  storage = await openStorage({ path: join(folder, 'db'), builtInAssistants: [], workers: false })
  models = new Map([
    ['demo', model('demo')],
    ['tea-7b', model('tea-7b')],
  ])
  resolver = new Resolver({ catalog, assistants: storage.assistants, settings: storage.settings })
  storage.onChange(() => resolver.forgetAssistants())
})

afterEach(async () => {
  await storage.dispose()
  rmSync(folder, { recursive: true, force: true })
})

describe('a program', () => {
  it('names a model, or a published assistant in any spelling of its name', async () => {
    const { id } = await storage.assistants.create(tea)
    await expect(resolver.forProgram('tea-shop', null)).rejects.toMatchObject({ code: 'model_not_found' })
    await storage.assistants.publish(id)
    for (const name of ['tea-shop', 'Tea shop', ' TEA  SHOP '])
      expect(await resolver.forProgram(name, null)).toEqual({
        target: {
          name: 'tea-shop',
          model: model('demo'),
          adapters: [],
          assistant: { id, name: 'Tea shop', version: 1 },
          where: { kind: 'local' },
          fingerprint: expect.stringMatching(/^fp_[0-9a-f]{12}$/u) as string,
        },
        instructions: { systemPrompt: 'You sell tea.', parameters: { temperature: 0.2 } },
      })
    expect(await resolver.forProgram('tea-7b', null)).toMatchObject({
      target: { name: 'tea-7b', model: model('tea-7b'), assistant: null },
      instructions: null,
    })
  })

  it('gets the published version while a newer one is tried in the window', async () => {
    const { id } = await storage.assistants.create(tea)
    await storage.assistants.publish(id)
    await storage.assistants.update(id, { systemPrompt: 'You sell coffee.' })
    const conversation = { assistantId: id, model: null, systemPrompt: '', parameters: {} }
    expect(await resolver.forProgram('tea-shop', null)).toMatchObject({
      target: { assistant: { version: 1 } },
      instructions: { systemPrompt: 'You sell tea.' },
    })
    expect(await resolver.forConversation(conversation)).toMatchObject({
      target: { assistant: { version: 2 } },
      instructions: { systemPrompt: 'You sell coffee.' },
    })
    await storage.assistants.publish(id)
    expect(await resolver.forProgram('tea-shop', null)).toMatchObject({
      target: { assistant: { version: 2 } },
      instructions: { systemPrompt: 'You sell coffee.' },
    })
  })

  it('that names nothing gets the default assistant once it is published, before that the default model', async () => {
    const { id } = await storage.assistants.create(tea)
    await storage.settings.update({ defaultAssistantId: id })
    expect(await resolver.forProgram(null, null)).toMatchObject({ target: { name: 'demo', assistant: null } })
    await storage.assistants.publish(id)
    expect(await resolver.forProgram(null, null)).toMatchObject({ target: { name: 'tea-shop', assistant: { id } } })
  })

  it('with a bound key gets its assistant whatever it names, and nothing else when that is gone', async () => {
    const { id } = await storage.assistants.create(tea)
    await storage.assistants.publish(id)
    for (const name of [null, 'demo', 'gpt-4o'])
      expect(await resolver.forProgram(name, id)).toMatchObject({ target: { assistant: { id } } })
    await storage.assistants.remove(id)
    await expect(resolver.forProgram('demo', id)).rejects.toMatchObject({ code: 'assistant_not_found' })
  })
})

describe('a conversation', () => {
  it('without an assistant has a model and instructions of its own', async () => {
    const own = { assistantId: null, model: null, systemPrompt: 'Be kind.', parameters: { seed: 1 } }
    expect(await resolver.forConversation(own)).toMatchObject({
      target: { name: 'demo', assistant: null },
      instructions: { systemPrompt: 'Be kind.', parameters: { seed: 1 } },
    })
  })

  it('may try its assistant with another model, and says when assistant or model are gone', async () => {
    const { id } = await storage.assistants.create(tea)
    const conversation = { assistantId: id, model: 'tea-7b', systemPrompt: '', parameters: {} }
    expect(await resolver.forConversation(conversation)).toMatchObject({ target: { model: { name: 'tea-7b' } } })
    models.delete('tea-7b')
    await expect(resolver.forConversation(conversation)).rejects.toMatchObject({ code: 'model_not_found' })
    await storage.assistants.remove(id)
    await expect(resolver.forConversation(conversation)).rejects.toMatchObject({ code: 'assistant_not_found' })
  })
})

describe('the default model', () => {
  it('that is gone is replaced by the first imported one, else the demo', async () => {
    await storage.settings.update({ defaultModel: 'coffee' })
    expect(await resolver.defaultModel()).toBe('tea-7b')
    models.delete('tea-7b')
    expect(await resolver.defaultModel()).toBe('demo')
  })
})

describe('a fingerprint', () => {
  it('changes with the content of the model and with nothing else', async () => {
    const of = async (): Promise<string> => (await resolver.forProgram('demo', null)).target.fingerprint
    const first = await of()
    models.set('demo', { ...model('demo'), version: 7 })
    expect(await of()).toBe(first)
    models.set('demo', model('demo', 'other'))
    expect(await of()).not.toBe(first)
  })
})
