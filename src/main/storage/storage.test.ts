import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Receipt } from '../../shared/domain/generation.ts'
import { defaultSettings } from '../../shared/domain/settings.ts'
import { createApiKeyRepository } from './api-keys.ts'
import { titleFrom } from './conversations.ts'
import { Database } from './database.ts'
import { migrate } from './migrate.ts'
import { matchExpression } from './search-text.ts'
import { migrations, openStorage, type Storage } from './storage.ts'

const values = { model: 'demo', presetId: null, systemPrompt: 'Be brief.', parameters: { temperature: 0.5 } }
const comesAlong = {
  id: 'web-shop',
  names: { en: 'Web shop', 'zh-CN': '网店' },
  systemPrompt: 'You help.',
  parameters: {},
}
const builtIn = { id: 'web-shop', name: 'Web shop', systemPrompt: 'You help.', parameters: {}, builtIn: true }

let folder: string
let path: string
let clock: number
let storage: Storage

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'storage-'))
  path = join(folder, 'switchboard.db')
  clock = 1_000_000
  storage = openStorage({ path, builtInPresets: [comesAlong], now: () => clock })
})

afterEach(() => {
  storage.dispose()
  rmSync(folder, { recursive: true, force: true })
})

const say = (text: string, answer: string): string => {
  const conversation = storage.conversations.create(values)
  const { reply } = storage.conversations.addQuestion(conversation.id, text, undefined)
  storage.conversations.endReply(reply.id, { text: answer, state: { kind: 'complete' }, receipt: null })
  return conversation.id
}
const found = (search: string): string[] => storage.conversations.list({ search, limit: 50 }).map(({ id }) => id)

describe('a connection', () => {
  it('is durable, strict and private', () => {
    const database = new Database(join(folder, 'other.db'))
    const pragmas = [
      'journal_mode',
      'synchronous',
      'foreign_keys',
      'trusted_schema',
      'cell_size_check',
      'secure_delete',
      'busy_timeout',
    ]
    const read = Object.fromEntries(
      pragmas.map((name) => [name, Object.values(database.get(`PRAGMA ${name}`) ?? {})[0]]),
    )
    expect(read).toEqual({
      journal_mode: 'wal',
      synchronous: 2,
      foreign_keys: 1,
      trusted_schema: 0,
      cell_size_check: 1,
      secure_delete: 1,
      busy_timeout: 5000,
    })
    database.script('CREATE TABLE t (x)')
    for (const suffix of ['', '-wal', '-shm'])
      expect(statSync(join(folder, `other.db${suffix}`)).mode & 0o777).toBe(0o600)
    database.close()
  })

  it('refuses a file that is no database, and one of a newer program', () => {
    const notOne = join(folder, 'other.db')
    writeFileSync(notOne, 'this is a letter, not a database. '.repeat(100))
    expect(() => new Database(notOne)).toThrow(
      expect.objectContaining({
        code: 'storage_corrupt',
        message: expect.stringMatching(/^other\.db: [^/\\]+$/u) as string,
      }),
    )
    const newer = new DatabaseSync(path)
    newer.exec('PRAGMA user_version = 99')
    newer.close()
    expect(() => openStorage({ path, builtInPresets: [] })).toThrow(
      expect.objectContaining({ code: 'storage_newer', details: { found: 99, known: migrations.length } }),
    )
  })

  it('reports a full disk as such, keeps what was acknowledged and recovers', () => {
    const database = new Database(join(folder, 'small.db'))
    database.script('CREATE TABLE t (x TEXT) STRICT')
    database.script('PRAGMA max_page_count = 20')
    let kept = 0
    const fill = (): void => {
      for (;;) {
        database.run('INSERT INTO t (x) VALUES (?)', 'x'.repeat(1000))
        kept += 1
      }
    }
    expect(fill).toThrow(expect.objectContaining({ code: 'storage_full' }))
    expect(kept).toBeGreaterThan(0)
    expect(database.get('SELECT count(*) AS n FROM t')).toEqual({ n: kept })
    expect(database.get('PRAGMA integrity_check')).toEqual({ integrity_check: 'ok' })
    database.script('PRAGMA max_page_count = 1000')
    expect(database.run('INSERT INTO t (x) VALUES (?)', 'again')).toBe(1)
    database.close()
  })
})

describe('migrations', () => {
  it('run once each, in order, and a failing one leaves the schema before it', () => {
    const database = new Database(join(folder, 'm.db'))
    const first = { name: '1', sql: 'CREATE TABLE a (x)' }
    migrate(database, [first])
    expect(() => migrate(database, [first, { name: '2', sql: 'CREATE TABLE b (x); CREATE TABLE a (x)' }])).toThrow()
    expect(database.all("SELECT name FROM sqlite_schema WHERE type = 'table'")).toEqual([{ name: 'a' }])
    migrate(database, [first, { name: '2', sql: 'CREATE TABLE b (x)' }])
    expect(database.get('PRAGMA user_version')).toEqual({ user_version: 2 })
    database.close()
  })
})

describe('search', () => {
  it.each([
    ['我想退款，订单一直没到', '退款'],
    ['我想退款，订单一直没到', '单'],
    ['我想退款，订单一直没到', '没到'],
    ['Where is my parcel 4711?', 'parc'],
    ['Where is my parcel 4711?', 'PARCEL 4711'],
    ['¿Cuál es el plazo de devolución?', 'devolucion'],
    ['订单4711在哪里', '4711 哪里'],
  ])('finds %s by %s', (text, search) => {
    const wanted = say(text, 'ok')
    say('nothing of interest', '好的')
    expect(found(search)).toEqual([wanted])
  })

  it('looks through replies and titles, gives plain text around the match and leaves removed ones out', () => {
    const byReply = say('hello', `${'so '.repeat(60)}the refund takes five days ${'and '.repeat(60)}`)
    const byTitle = storage.conversations.create(values)
    storage.conversations.update(byTitle.id, { title: 'Refund of Ms Lee' })
    expect(found('refund')).toEqual([byTitle.id, byReply])
    const excerpt = storage.conversations.list({ search: 'REFUND', limit: 2 })[1]?.excerpt ?? ''
    expect(excerpt).toMatch(/^….*the refund takes five days.*…$/)
    storage.conversations.remove(byReply)
    expect(found('refund')).toEqual([byTitle.id])
  })

  it.each([
    '"',
    '*',
    'NEAR(',
    'a AND',
    'NOT',
    "'; DROP TABLE messages; --",
    '%_',
    'body:x',
    '{a b}: c',
    '^',
    '退款" OR "',
    'x'.repeat(200),
    '-',
    '\u0000',
    '\ud800',
  ])('takes %j as text', (search) => {
    say('a plain question', 'an answer')
    expect(() => found(search)).not.toThrow()
    expect(storage.conversations.list({ limit: 5 })).toHaveLength(1)
  })

  it('never lets an operator through', () => {
    expect(matchExpression('x OR y NEAR(z, 2)')).toBe('"x"* AND "OR"* AND "y"* AND "NEAR"* AND "z"* AND "2"*')
    expect(matchExpression('""')).toBeNull()
  })
})

describe('conversations', () => {
  it('keep every branch and show one of them', () => {
    const { id } = storage.conversations.create(values)
    const first = storage.conversations.addQuestion(id, 'one', undefined)
    const answer = storage.conversations.endReply(first.reply.id, {
      text: 'A',
      state: { kind: 'complete' },
      receipt: null,
    })
    const second = storage.conversations.addQuestion(id, 'two', undefined)
    storage.conversations.endReply(second.reply.id, { text: 'B', state: { kind: 'complete' }, receipt: null })
    const again = storage.conversations.addReply(id, answer.id)
    storage.conversations.endReply(again.reply.id, { text: 'A2', state: { kind: 'stopped' }, receipt: null })
    const edited = storage.conversations.addQuestion(id, 'one, edited', null)
    expect(storage.conversations.thread(id, edited.reply.id).map(({ content }) => content)).toEqual(['one, edited', ''])
    expect(storage.conversations.get(id).activeLeafId).toBe(edited.reply.id)
    expect(storage.conversations.showBranch(id, first.question.id).activeLeafId).toBe(again.reply.id)
    expect(storage.conversations.showBranch(id, answer.id).activeLeafId).toBe(second.reply.id)
    expect(storage.conversations.thread(id, second.reply.id).map(({ content }) => content)).toEqual([
      'one',
      'A',
      'two',
      'B',
    ])
    expect(again.question).toEqual(first.question)
    expect(() => storage.conversations.addQuestion(id, 'x', first.question.id)).toThrow(
      expect.objectContaining({ code: 'invalid_request' }),
    )
    const other = storage.conversations.create(values)
    expect(() => storage.conversations.addQuestion(other.id, 'x', answer.id)).toThrow(
      expect.objectContaining({ code: 'message_not_found' }),
    )
  })

  it('grow a reply, end it with its receipt and keep the text byte for byte', () => {
    const { id } = storage.conversations.create(values)
    const text = 'a\u0000b 👩‍👩‍👧 \u202e退款'
    const { reply, question } = storage.conversations.addQuestion(id, text, undefined)
    storage.conversations.appendText(reply.id, 'to')
    storage.conversations.appendText(reply.id, 'get')
    const receipt = { model: 'demo', promptTokens: 3 } as Receipt
    const ended = storage.conversations.endReply(reply.id, { text: 'her', state: { kind: 'complete' }, receipt })
    expect(ended).toEqual({ ...reply, content: 'together', state: { kind: 'complete' }, receipt })
    expect(storage.conversations.get(id).messages).toEqual([question, ended])
    expect(question.content).toBe(text)
    expect(() => storage.conversations.appendText(reply.id, 'more')).toThrow(
      expect.objectContaining({ code: 'message_not_found' }),
    )
  })

  it('mark what a dead process left behind', () => {
    const { id } = storage.conversations.create(values)
    const { reply } = storage.conversations.addQuestion(id, 'hello', undefined)
    storage.conversations.appendText(reply.id, 'partial')
    expect(storage.recover()).toEqual({ interrupted: 1, purged: 0 })
    expect(storage.conversations.get(id).messages[1]).toMatchObject({
      content: 'partial',
      state: { kind: 'interrupted', error: { code: 'engine_crashed' } },
    })
    expect(found('partial')).toEqual([id])
  })

  it('come back until the next start, then leave no trace in the file', () => {
    const id = say('my secret is zanzibarquokka', 'noted zanzibarquokka')
    storage.conversations.remove(id)
    expect(() => storage.conversations.get(id)).toThrow(expect.objectContaining({ code: 'conversation_not_found' }))
    expect(storage.conversations.restore(id).id).toBe(id)
    storage.conversations.remove(id)
    expect(storage.recover()).toEqual({ interrupted: 0, purged: 1 })
    expect(() => storage.conversations.restore(id)).toThrow(expect.objectContaining({ code: 'conversation_not_found' }))
    for (const suffix of ['', '-wal']) expect(readFileSync(path + suffix).includes('zanzibarquokka')).toBe(false)
  })

  it('of three thousand messages in one thread can be purged', () => {
    const { id } = storage.conversations.create(values)
    const database = new DatabaseSync(path)
    database.exec('BEGIN')
    const insert = database.prepare(
      "INSERT INTO messages (id, conversation_id, parent_id, role, content, state, created_at) VALUES (?, ?, ?, 'assistant', 'x', 'complete', 0)",
    )
    for (let index = 0; index < 3000; index += 1) insert.run(`m${index}`, id, index === 0 ? null : `m${index - 1}`)
    database.exec('COMMIT')
    database.close()
    expect(storage.conversations.thread(id, 'm2999')).toHaveLength(3000)
    storage.conversations.remove(id)
    expect(storage.recover().purged).toBe(1)
  })

  it('are listed by use, not by the clock', () => {
    const first = say('first', 'a')
    clock -= 500_000
    const second = say('second', 'b')
    expect(storage.conversations.list({ limit: 9 }).map(({ id }) => id)).toEqual([second, first])
    expect(storage.conversations.list({ limit: 1 })[0]?.title).toBe('second')
  })

  it('take their title from the first line', () => {
    expect(titleFrom('  hello   there\nmore')).toBe('hello there')
    expect([...titleFrom('退'.repeat(100))]).toHaveLength(60)
  })
})

describe('keys', () => {
  it('open the door until revoked, also by another process', () => {
    const { key, secret } = storage.keys.create('till')
    expect(secret).toMatch(/^sb-[\w-]{43}$/)
    expect(
      readFileSync(path).includes(secret.slice(10)) || readFileSync(`${path}-wal`).includes(secret.slice(10)),
    ).toBe(false)
    expect(storage.keys.authenticate(secret)?.id).toBe(key.id)
    expect(storage.keys.authenticate(`${secret.slice(0, -2)}AA`)).toBeNull()
    expect(storage.keys.authenticate('')).toBeNull()
    expect(() => storage.keys.create('till')).toThrow(expect.objectContaining({ code: 'name_taken' }))
    const announced: string[] = []
    storage.keys.onRevoked(({ keyId }) => announced.push(keyId))
    const other = openStorage({ path, builtInPresets: [] })
    expect(other.keys.revoke('till').revokedAt).not.toBeNull()
    other.dispose()
    storage.keys.announceForeignRevocations()
    storage.keys.announceForeignRevocations()
    expect(announced).toEqual([key.id])
    expect(storage.keys.authenticate(secret)).toBeNull()
    expect(storage.keys.create('till').key.name).toBe('till')
    expect(() => storage.keys.revoke('nobody')).toThrow(expect.objectContaining({ code: 'key_not_found' }))
    expect(() => storage.keys.create('a b')).toThrow(expect.objectContaining({ code: 'invalid_name' }))
  })

  it('are looked for again where a look for revoked ones failed', () => {
    const { key } = storage.keys.create('till')
    class Unreadable extends Database {
      fails = false
      override all(sql: string): ReturnType<Database['all']> {
        if (this.fails) throw new Error('unreadable')
        return super.all(sql)
      }
    }
    const database = new Unreadable(path)
    const keys = createApiKeyRepository(database, () => clock)
    const announced: string[] = []
    keys.onRevoked(({ keyId }) => announced.push(keyId))
    storage.keys.revoke('till')
    database.fails = true
    expect(() => keys.announceForeignRevocations()).toThrow('unreadable')
    database.fails = false
    keys.announceForeignRevocations()
    expect(announced).toEqual([key.id])
    database.close()
  })

  it('note their use once a minute', () => {
    const { secret } = storage.keys.create('till')
    const used = (): number | null | undefined => storage.keys.list()[0]?.lastUsedAt
    storage.keys.authenticate(secret)
    const first = used()
    clock += 59_999
    storage.keys.authenticate(secret)
    expect(used()).toBe(first)
    clock += 1
    storage.keys.authenticate(secret)
    expect(used()).toBe(clock)
  })

  it('open the door also where their use cannot be noted', () => {
    const { key, secret } = storage.keys.create('till')
    const writer = new DatabaseSync(path)
    writer.exec('BEGIN IMMEDIATE')
    expect(storage.keys.authenticate(secret)?.id).toBe(key.id)
    writer.exec('ROLLBACK')
    writer.close()
    clock += 60_000
    storage.keys.authenticate(secret)
    expect(storage.keys.list()[0]?.lastUsedAt).toBe(clock)
  })
})

describe('settings and presets', () => {
  it('merge stored values over the defaults and ignore unknown names', () => {
    storage.settings.update({ slots: 3, theme: undefined })
    const database = new DatabaseSync(path)
    database.exec(`INSERT INTO settings VALUES ('fromTheFuture', '1'), ('providers', '{"prefer":"cpu"}')`)
    database.close()
    expect(storage.settings.get()).toEqual({
      ...defaultSettings,
      slots: 3,
      providers: { prefer: 'cpu', allowCpu: true },
    })
  })

  it('keep built-in presets as they are', () => {
    const copy = storage.presets.save({ name: 'Mine', systemPrompt: 'Hi', parameters: { topK: 3 } })
    expect(storage.presets.list()).toEqual([builtIn, copy])
    expect(storage.presets.save({ ...copy, name: 'Ours' }).name).toBe('Ours')
    expect(() => storage.presets.remove('web-shop')).toThrow(expect.objectContaining({ code: 'preset_not_found' }))
    expect(() => storage.presets.save({ name: 'Web shop', systemPrompt: '', parameters: {} })).toThrow(
      expect.objectContaining({ code: 'name_taken' }),
    )
    storage.settings.update({ language: 'zh-CN' })
    expect(storage.presets.get('web-shop').name).toBe('网店')
    storage.settings.update({ language: 'auto' })
    storage.presets.remove(copy.id)
    expect(storage.presets.list()).toEqual([builtIn])
  })
})
