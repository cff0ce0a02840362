import { readFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Storage } from '../repositories.ts'
import { openStorage } from '../storage.ts'
import { webShop } from '../testing/temporary-storage.ts'

/**
 * Databases that commit 07a4a90, the last one with presets, wrote through its own repositories. The secrets open
 * nothing but these.
 */
const fixtures = [
  { language: 'en', secret: 'sb-nWW30IhqtbXLsW8vfTfFcy2zakVxWckwHzSRHHPqPQo', defaultModel: 'demo' },
  { language: 'zh-CN', secret: 'sb-JpOQNWk4yV6638BZ-BpgZx3ahkANxKzsS4V51_9wB9M', defaultModel: 'qwen2.5-1.5b' },
] as const

type Row = Record<string, string | number | null>

describe.each(fixtures)('a home of the version before, language $language', ({ language, secret, defaultModel }) => {
  let folder: string
  let before: DatabaseSync
  let storage: Storage
  const rows = (sql: string): Row[] => before.prepare(sql).all() as Row[]
  const presetId = (name: string): string =>
    String(rows('SELECT * FROM presets').find((row) => row['name'] === name)?.['id'])

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'migration-'))
    const file = gunzipSync(readFileSync(fileURLToPath(new URL(`../fixtures/home-${language}.db.gz`, import.meta.url))))
    for (const name of ['before.db', 'switchboard.db']) writeFileSync(join(folder, name), file)
    before = new DatabaseSync(join(folder, 'before.db'))
    storage = await openStorage({ path: join(folder, 'switchboard.db'), builtInAssistants: [webShop], workers: false })
  })
  afterEach(async () => {
    before.close()
    await storage.dispose()
    rmSync(folder, { recursive: true, force: true })
  })

  it('has an assistant for each preset, and the built-in one', async () => {
    const assistants = await storage.assistants.list()
    const migrated = rows('SELECT * FROM presets').map(({ id, name, system_prompt, parameters, created_at }) => ({
      id,
      // Unlike "Tea shop" and no name at all: programs could not call these two.
      name: name === 'tea  SHOP' ? 'tea  SHOP 2' : name === '  ' ? 'Assistant' : name,
      model: null,
      systemPrompt: system_prompt,
      parameters: JSON.parse(String(parameters)) as unknown,
      version: 1,
      publishedVersion: null,
      builtIn: false,
      createdAt: created_at,
      updatedAt: expect.any(Number) as number,
    }))
    expect(migrated).toHaveLength(6)
    const byId = (one: { readonly id: unknown }, other: { readonly id: unknown }): number =>
      String(one.id) < String(other.id) ? -1 : 1
    expect(assistants.filter(({ builtIn }) => !builtIn).sort(byId)).toEqual(migrated.sort(byId))
    // The name of the built-in one was taken by a preset.
    expect(assistants.filter(({ builtIn }) => builtIn)).toMatchObject([{ id: 'web-shop', name: 'Web shop 2' }])
    expect((await storage.assistants.find('tea-shop-2'))?.systemPrompt).toBe('You sell tea, loudly.')
  })

  it('has all conversations with all messages', async () => {
    const live = rows('SELECT * FROM conversations WHERE deleted_at IS NULL ORDER BY touched DESC')
    const { items } = await storage.conversations.list({ limit: 100 })
    expect(items.map(({ id }) => id)).toEqual(live.map(({ id }) => id))
    for (const { id, title, active_leaf_id, system_prompt, parameters, created_at, updated_at } of live) {
      const { messages, ...conversation } = await storage.conversations.get(String(id))
      expect(conversation).toMatchObject({
        title,
        activeLeafId: active_leaf_id,
        systemPrompt: system_prompt,
        parameters: JSON.parse(String(parameters)) as unknown,
        createdAt: created_at,
        updatedAt: updated_at,
      })
      expect(
        messages.map((message) => [
          message.id,
          message.parentId,
          message.role,
          message.content,
          message.state.kind,
          message.receipt === null ? null : JSON.stringify(message.receipt),
          message.createdAt,
        ]),
      ).toEqual(
        rows('SELECT * FROM messages ORDER BY seq')
          .filter((row) => row['conversation_id'] === id)
          .map((row) => [
            row['id'],
            row['parent_id'],
            row['role'],
            row['content'],
            row['state'],
            row['receipt'],
            row['created_at'],
          ]),
      )
    }
    expect(live).toHaveLength(11)
  })

  it('refers to an assistant where a preset was used unchanged', async () => {
    const { items } = await storage.conversations.list({ limit: 100 })
    const conversations = await Promise.all(items.map(({ id }) => storage.conversations.get(id)))
    const own = 'its own'
    const expected: Readonly<Record<string, string>> = {
      'You sell tea. Be brief.': presetId('Tea shop'),
      'The name of this preset is blank.': presetId('  '),
      '你是网店客服。': presetId('网店'),
      'Second wording.': presetId('Returns desk'),
      // Edited in the conversation; edited afterwards; removed afterwards; none.
      'You sell tea, quietly.': own,
      'First wording.': own,
      'Ho ho ho.': own,
      '': own,
    }
    const found = conversations.map(({ systemPrompt, assistantId, model }) => [systemPrompt, assistantId ?? own, model])
    const models = new Map(rows('SELECT * FROM conversations').map((row) => [row['system_prompt'], row['model']]))
    expect(found.filter(([prompt]) => String(prompt) in expected)).toHaveLength(9)
    for (const [prompt, assistant, model] of found.filter(([text]) => String(text) in expected)) {
      const stored = models.get(String(prompt))
      expect([prompt, assistant, model]).toEqual([
        prompt,
        expected[String(prompt)],
        assistant !== own && stored === defaultModel ? null : stored,
      ])
    }
    // The built-in preset: used as it was, and with another temperature.
    const built = conversations.filter(({ systemPrompt }) => systemPrompt.startsWith('You are the support assistant'))
    expect(built.map(({ assistantId, parameters }) => [parameters.temperature, assistantId])).toEqual([
      [0.9, null],
      [0.3, 'web-shop'],
    ])
  })

  it('can be searched, and its removed conversation restored', async () => {
    const search = async (text: string): Promise<unknown[]> =>
      (await storage.conversations.list({ search: text, limit: 9 })).items.map(({ title }) => title)
    expect(await search('zanzibarquokka')).toEqual(['Which tea is good against a cold?'])
    expect(await search('退款')).toEqual(['我想退款，订单一直没到'])
    expect(await search('kettle lee')).toEqual(['Ms Lee and the kettle'])
    const removed = rows('SELECT * FROM conversations WHERE deleted_at IS NOT NULL')
    expect(removed).toHaveLength(1)
    expect(await storage.conversations.restore(String(removed[0]?.['id']))).toMatchObject({
      title: 'Forget this please',
      assistantId: presetId('Tea shop'),
    })
  })

  it('has its keys and settings', async () => {
    expect(await storage.keys.authenticate(secret)).toMatchObject({ name: 'till', assistantId: null })
    expect((await storage.keys.list()).map(({ name, revokedAt }) => [name, revokedAt !== null])).toEqual([
      ['old-till', true],
      ['till', false],
    ])
    expect(storage.settings.unreadable).toEqual([])
    const { current, defaults } = storage.settings
    expect(current).toEqual(
      language === 'en'
        ? {
            ...defaults,
            language: 'en',
            theme: 'dark',
            slots: 4,
            providers: { prefer: 'cpu', allowCpu: true },
            defaultAssistantId: presetId('Tea shop'),
            welcomed: true,
          }
        : { ...defaults, language: 'zh-CN', defaultModel: 'qwen2.5-1.5b' },
    )
  })

  it('is sound, and is migrated once', async () => {
    await storage.dispose()
    const after = new DatabaseSync(join(folder, 'switchboard.db'))
    expect(after.prepare('PRAGMA integrity_check').all()).toEqual([{ integrity_check: 'ok' }])
    expect(after.prepare('PRAGMA foreign_key_check').all()).toEqual([])
    expect(after.prepare("SELECT name FROM sqlite_schema WHERE name = 'presets'").all()).toEqual([])
    after.close()
    storage = await openStorage({ path: join(folder, 'switchboard.db'), builtInAssistants: [webShop], workers: false })
    expect(await storage.assistants.list()).toHaveLength(7)
  })
})
