import { describe, expect, it } from 'vitest'
import type { AssistantValues } from '../../shared/domain/assistant.ts'
import type { Change } from '../../shared/domain/change.ts'
import { useTemporaryStorage } from './testing/temporary-storage.ts'

const context = useTemporaryStorage({ workers: false })

const teaShop: AssistantValues = {
  name: 'Tea shop',
  model: 'demo',
  systemPrompt: 'You sell tea.',
  parameters: { temperature: 0.3 },
}

describe('the names of assistants', () => {
  it('are found by what programs call them', async () => {
    const { assistants } = context.storage
    const { id } = await assistants.create({ ...teaShop, name: '  Tea shop ' })
    expect((await assistants.get(id)).name).toBe('Tea shop')
    expect((await assistants.find('tea-shop'))?.id).toBe(id)
    expect((await assistants.find('TEA  SHOP'))?.id).toBe(id)
    expect(await assistants.find('coffee-shop')).toBeNull()
  })

  it.each(['', '   ', 'x'.repeat(81)])('have 1 to 80 characters: %j is refused', async (name) => {
    const { assistants } = context.storage
    await expect(assistants.create({ ...teaShop, name })).rejects.toMatchObject({ code: 'invalid_name', param: 'name' })
    await expect(assistants.update('web-shop', { name })).rejects.toMatchObject({ code: 'invalid_name' })
  })

  it.each(['Tea shop', 'tea-shop', 'TEA \u3000SHOP', 'Ｔｅａ shop'])(
    'are called differently: %j is taken',
    async (name) => {
      const { assistants } = context.storage
      const { id } = await assistants.create(teaShop)
      await expect(assistants.create({ ...teaShop, name })).rejects.toMatchObject({ code: 'name_taken', param: 'name' })
      await expect(assistants.update('web-shop', { name })).rejects.toMatchObject({ code: 'name_taken' })
      expect((await assistants.update(id, { name })).name).toBe(name)
    },
  )

  it('change in all versions at once', async () => {
    const { assistants } = context.storage
    const { id } = await assistants.create(teaShop)
    await assistants.publish(id)
    await assistants.update(id, { name: 'Tea house', systemPrompt: 'Be brief.' })
    expect((await assistants.versions(id)).map(({ name, version }) => [name, version])).toEqual([
      ['Tea house', 2],
      ['Tea house', 1],
    ])
    expect(await assistants.find('tea-shop')).toBeNull()
  })

  it('sort the list, behind the built-in one', async () => {
    const { assistants } = context.storage
    for (const name of ['Tea shop', 'coffee bar', 'Bakery']) await assistants.create({ ...teaShop, name })
    expect((await assistants.list()).map(({ name }) => name)).toEqual(['Web shop', 'Bakery', 'coffee bar', 'Tea shop'])
  })
})

describe('versions of an assistant', () => {
  it('change until they are published, and never after', async () => {
    const { assistants } = context.storage
    const { id } = await assistants.create(teaShop)
    expect(await assistants.update(id, { systemPrompt: 'Draft.' })).toMatchObject({
      version: 1,
      publishedVersion: null,
    })
    expect(await assistants.publish(id)).toMatchObject({ version: 1, publishedVersion: 1 })
    context.clock += 1000
    const edited = await assistants.update(id, { parameters: { temperature: 1 } })
    expect(edited).toEqual({
      ...teaShop,
      systemPrompt: 'Draft.',
      parameters: { temperature: 1 },
      id,
      version: 2,
      publishedVersion: 1,
      builtIn: false,
      createdAt: 1_000_000,
      updatedAt: 1_001_000,
    })
    expect(await assistants.update(id, { model: null })).toMatchObject({ version: 2, model: null })
    expect(await assistants.version(id, 1)).toEqual({
      ...teaShop,
      systemPrompt: 'Draft.',
      version: 1,
      published: true,
      createdAt: 1_000_000,
      updatedAt: 1_000_000,
    })
    expect(await assistants.versions(id)).toMatchObject([
      { version: 2, published: false, model: null, createdAt: 1_001_000 },
      { version: 1, published: true },
    ])
    expect(await assistants.publish(id)).toMatchObject({ version: 2, publishedVersion: 2 })
    expect(await assistants.unpublish(id)).toMatchObject({ version: 2, publishedVersion: null })
    // Replies refer to it: still frozen.
    expect(await assistants.update(id, { systemPrompt: 'New.' })).toMatchObject({ version: 3 })
    await expect(assistants.version(id, 4)).rejects.toMatchObject({ code: 'assistant_not_found' })
  })

  it('are not made by an update that changes nothing', async () => {
    const { assistants } = context.storage
    const { id } = await assistants.create({ ...teaShop, parameters: { topK: 3, topP: 0.5 } })
    await assistants.publish(id)
    const { version } = await assistants.update(id, {
      systemPrompt: teaShop.systemPrompt,
      parameters: { topP: 0.5, topK: 3 },
    })
    expect(version).toBe(1)
  })

  it('can be taken back, and nothing is lost by it', async () => {
    const { assistants } = context.storage
    const { id } = await assistants.create(teaShop)
    await assistants.publish(id)
    await assistants.update(id, { name: 'Tea house', systemPrompt: 'Draft that nobody published.', model: null })
    expect(await assistants.takeBack(id, 1)).toMatchObject({
      ...teaShop,
      name: 'Tea house',
      version: 3,
      publishedVersion: 1,
    })
    expect((await assistants.version(id, 2)).systemPrompt).toBe('Draft that nobody published.')
    expect((await assistants.takeBack(id, 1)).version).toBe(3)
    await expect(assistants.takeBack(id, 9)).rejects.toMatchObject({ code: 'assistant_not_found' })
  })
})

describe('a removed assistant', () => {
  it('is gone until it is restored', async () => {
    const { assistants } = context.storage
    const created = await assistants.create(teaShop)
    const { id } = created
    await assistants.remove(id)
    expect(await assistants.find('tea-shop')).toBeNull()
    expect((await assistants.list()).map((assistant) => assistant.id)).toEqual(['web-shop'])
    const calls = [
      () => assistants.get(id),
      () => assistants.version(id, 1),
      () => assistants.versions(id),
      () => assistants.update(id, {}),
      () => assistants.publish(id),
      () => assistants.remove(id),
      () => assistants.restore('nobody'),
    ]
    for (const call of calls) await expect(call()).rejects.toMatchObject({ code: 'assistant_not_found' })
    expect(await assistants.restore(id)).toEqual(created)
  })

  it('frees its name, and cannot come back while another has it', async () => {
    const { assistants } = context.storage
    const first = await assistants.create(teaShop)
    await assistants.remove(first.id)
    const second = await assistants.create(teaShop)
    await expect(assistants.restore(first.id)).rejects.toMatchObject({ code: 'name_taken' })
    await assistants.update(second.id, { name: 'Tea house' })
    expect((await assistants.restore(first.id)).name).toBe('Tea shop')
  })
})

it('is announced with every change', async () => {
  const { storage } = context
  const changes: Change[] = []
  storage.onChange((change) => changes.push(change))
  const { id } = await storage.assistants.create(teaShop)
  await storage.assistants.publish(id)
  await storage.assistants.update(id, { name: 'Tea house' })
  await storage.assistants.remove(id)
  await storage.assistants.restore(id)
  expect(changes).toEqual(Array.from({ length: 5 }, () => ({ kind: 'assistants' })))
})
