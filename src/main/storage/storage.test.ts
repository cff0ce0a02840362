import { readFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it } from 'vitest'
import type { Change } from '../../shared/domain/change.ts'
import { defaultSettings, type Settings } from '../../shared/domain/settings.ts'
import { useTemporaryStorage, webShop } from './testing/temporary-storage.ts'

const context = useTemporaryStorage({ workers: false })

const execute = (sql: string): void => {
  const database = new DatabaseSync(context.path)
  database.exec(sql)
  database.close()
}

describe('keys', () => {
  it('open the door until revoked', async () => {
    const { keys } = context.storage
    const { key, secret } = await keys.create('till')
    expect(secret).toMatch(/^sb-[\w-]{43}$/)
    for (const suffix of ['', '-wal'])
      expect(readFileSync(context.path + suffix).includes(secret.slice(10))).toBe(false)
    expect((await keys.authenticate(secret))?.id).toBe(key.id)
    expect(await keys.authenticate(`${secret.slice(0, -2)}AA`)).toBeNull()
    expect(await keys.authenticate('')).toBeNull()
    await expect(keys.create('till')).rejects.toMatchObject({ code: 'name_taken' })
    const revoked: string[] = []
    keys.onRevoked(({ keyId }) => revoked.push(keyId))
    expect((await keys.revoke('till')).revokedAt).not.toBeNull()
    expect(revoked).toEqual([key.id])
    expect(await keys.authenticate(secret)).toBeNull()
    expect((await keys.create('till')).key.name).toBe('till')
    await expect(keys.revoke('nobody')).rejects.toMatchObject({ code: 'key_not_found' })
    await expect(keys.create('a/b')).rejects.toMatchObject({ code: 'invalid_name' })
  })

  it('are bound to an assistant and freed again', async () => {
    const { keys, assistants } = context.storage
    const { key, secret } = await keys.create('till', 'web-shop')
    expect(key.assistantId).toBe('web-shop')
    const { id } = await assistants.create({ name: 'Tea shop', model: null, systemPrompt: '', parameters: {} })
    expect(await keys.bind('till', id)).toEqual({ ...key, assistantId: id })
    expect((await keys.authenticate(secret))?.assistantId).toBe(id)
    expect(await keys.bind(key.id, null)).toEqual({ ...key, assistantId: null, lastUsedAt: context.clock })
    await expect(keys.bind('till', 'nobody')).rejects.toMatchObject({ code: 'assistant_not_found' })
    await expect(keys.create('other', 'nobody')).rejects.toMatchObject({ code: 'assistant_not_found' })
    await expect(keys.bind('nobody', null)).rejects.toMatchObject({ code: 'key_not_found' })
  })

  it('note their use once a minute', async () => {
    const { keys } = context.storage
    const { secret } = await keys.create('till')
    const used = async (): Promise<number | null | undefined> => (await keys.list())[0]?.lastUsedAt
    await keys.authenticate(secret)
    const first = await used()
    context.clock += 59_999
    await keys.authenticate(secret)
    expect(await used()).toBe(first)
    context.clock += 1
    await keys.authenticate(secret)
    expect(await used()).toBe(context.clock)
  })

  it('open the door also where their use cannot be noted', async () => {
    const { keys } = context.storage
    const { key, secret } = await keys.create('till')
    const writer = new DatabaseSync(context.path)
    writer.exec('BEGIN IMMEDIATE')
    expect((await keys.authenticate(secret))?.id).toBe(key.id)
    writer.close()
    context.clock += 60_000
    await keys.authenticate(secret)
    expect((await keys.list())[0]?.lastUsedAt).toBe(context.clock)
  })
})

describe('settings', () => {
  it('merge stored values over the defaults and ignore unknown names', async () => {
    const { settings } = context.storage
    execute(`INSERT INTO settings VALUES ('fromTheFuture', '1'), ('providers', '{"prefer":"cpu"}')`)
    await settings.update({ slots: 3, theme: undefined })
    expect(settings.current).toEqual({ ...defaultSettings, slots: 3, providers: { prefer: 'cpu', allowCpu: true } })
    expect(settings.unreadable).toEqual([])
  })

  it('that are damaged or out of range have their defaults until they are set anew', async () => {
    execute(`INSERT INTO settings VALUES ('theme', '{"a":'), ('slots', '100000'), ('contextLength', '2048')`)
    const storage = await context.openAnother()
    expect(storage.settings.current).toEqual({ ...defaultSettings, contextLength: 2048 })
    expect([...storage.settings.unreadable].sort()).toEqual(['slots', 'theme'])
    await storage.settings.update({ theme: 'dark' })
    expect(storage.settings.current.theme).toBe('dark')
    expect(storage.settings.unreadable).toEqual(['slots'])
    await storage.dispose()
  })

  it('are announced when they change', async () => {
    const announced: Settings[] = []
    context.storage.settings.onChange((settings) => announced.push(settings))
    const updated = await context.storage.settings.update({ theme: 'dark' })
    expect([updated, announced]).toEqual([{ ...defaultSettings, theme: 'dark' }, [updated]])
  })
})

describe('what another process changed', () => {
  it('is announced once, and never what was written here', async () => {
    const { storage } = context
    const { key } = await storage.keys.create('till')
    const changes: Change[] = []
    const revoked: string[] = []
    const themes: string[] = []
    storage.onChange((change) => changes.push(change))
    storage.keys.onRevoked(({ keyId }) => revoked.push(keyId))
    storage.settings.onChange(({ theme }) => themes.push(theme))
    await storage.announceForeignChanges()
    expect(changes).toEqual([])
    const other = await context.openAnother()
    await other.keys.revoke('till')
    await other.settings.update({ theme: 'dark' })
    await other.dispose()
    await Promise.all([storage.announceForeignChanges(), storage.announceForeignChanges()])
    await storage.announceForeignChanges()
    expect({ changes, revoked, themes }).toEqual({
      changes: [{ kind: 'everything' }],
      revoked: [key.id],
      themes: ['dark'],
    })
    expect(storage.settings.current.theme).toBe('dark')
  })

  it('is looked for again where a look failed', async () => {
    const { storage } = context
    const revoked: string[] = []
    storage.keys.onRevoked(({ keyId }) => revoked.push(keyId))
    const { key } = await storage.keys.create('till')
    execute(`UPDATE api_keys SET revoked_at = 1; ALTER TABLE settings RENAME TO elsewhere`)
    await expect(storage.announceForeignChanges()).rejects.toThrow()
    execute(`ALTER TABLE elsewhere RENAME TO settings; INSERT INTO settings VALUES ('theme', '"dark"')`)
    await storage.announceForeignChanges()
    expect([revoked, storage.settings.current.theme]).toEqual([[key.id], 'dark'])
  })
})

it('seeds a built-in assistant once and leaves an edited or removed one as it is', async () => {
  const { assistants } = context.storage
  const seeded = await assistants.get('web-shop')
  expect(seeded).toEqual({
    ...webShop,
    version: 1,
    publishedVersion: null,
    builtIn: true,
    createdAt: context.clock,
    updatedAt: context.clock,
  })
  await assistants.update('web-shop', { systemPrompt: 'Mine now.' })
  const again = await context.openAnother()
  expect((await again.assistants.get('web-shop')).systemPrompt).toBe('Mine now.')
  await again.assistants.remove('web-shop')
  await again.dispose()
  const third = await context.openAnother()
  expect(await third.assistants.list()).toEqual([])
  await third.dispose()
})
