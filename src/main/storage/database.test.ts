import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Database } from './database.ts'
import { migrate, type Migration } from './migrate.ts'
import { migrations, openDatabase } from './open-database.ts'
import { OperationRunner, type Operation } from './operations.ts'
import { newConversation } from './testing/temporary-storage.ts'

let folder: string
let path: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'database-'))
  path = join(folder, 'switchboard.db')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const open = (): ReturnType<typeof openDatabase> =>
  openDatabase({ path, builtInAssistants: [], lockTimeoutMs: 5000, at: 1 })

describe('a connection', () => {
  it('is durable, strict and private', () => {
    const database = new Database(path, { lockTimeoutMs: 4000 })
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
      busy_timeout: 4000,
    })
    database.script('CREATE TABLE t (x)')
    for (const suffix of ['', '-wal', '-shm']) expect(statSync(path + suffix).mode & 0o777).toBe(0o600)
    database.close()
  })

  it('refuses a file that is no database', () => {
    writeFileSync(path, 'this is a letter, not a database. '.repeat(100))
    expect(open).toThrow(
      expect.objectContaining({
        code: 'storage_corrupt',
        message: expect.stringMatching(/^switchboard\.db: [^/\\]+$/u) as string,
      }),
    )
  })

  it('refuses an empty file and leaves its WAL alone', () => {
    writeFileSync(path, '')
    writeFileSync(`${path}-wal`, 'may be all that is left')
    expect(open).toThrow(expect.objectContaining({ code: 'storage_corrupt' }))
    expect([statSync(path).size, statSync(`${path}-wal`).size]).toEqual([0, 23])
  })

  it('creates a file that is whole from the start, and nothing beside it', () => {
    const database = new Database(path)
    expect(statSync(path).size).toBeGreaterThan(0)
    database.shutDown()
    expect(statSync(`${path}.${process.pid}.new`, { throwIfNoEntry: false })).toBeUndefined()
  })
})

describe('migrations', () => {
  const script = (name: string, sql: string): Migration => ({ name, run: (database) => database.script(sql) })

  it('run once each, in order, and a failing one leaves the schema before it', () => {
    const database = new Database(path)
    const first = script('1', 'CREATE TABLE a (x)')
    migrate(database, [first], { now: 1 })
    expect(() =>
      migrate(database, [first, script('2', 'CREATE TABLE b (x); CREATE TABLE a (x)')], { now: 1 }),
    ).toThrow()
    expect(database.all("SELECT name FROM sqlite_schema WHERE type = 'table'")).toEqual([{ name: 'a' }])
    migrate(database, [first, script('2', 'CREATE TABLE b (x)')], { now: 1 })
    expect(database.get('PRAGMA user_version')).toEqual({ user_version: 2 })
    database.close()
  })

  it('leave a file of a newer program alone', () => {
    const newer = new DatabaseSync(path)
    newer.exec('PRAGMA user_version = 99')
    newer.close()
    expect(open).toThrow(
      expect.objectContaining({ code: 'storage_newer', details: { found: 99, known: migrations.length } }),
    )
  })

  it('take no lock where there is nothing to do', () => {
    open().database.close()
    const other = new DatabaseSync(path)
    other.exec('BEGIN IMMEDIATE')
    open().database.close()
    other.close()
  })
})

describe('writes in one transaction', () => {
  const create: Operation = { store: 'conversations', method: 'create', arguments: [newConversation], at: 1 }
  const broken: Operation = { store: 'conversations', method: 'update', arguments: ['nobody', { title: 'x' }], at: 1 }
  /** Fails after its first statement. */
  const halfDone = (id: string): Operation => ({
    store: 'conversations',
    method: 'beginReply',
    arguments: [id, 'no such message'],
    at: 1,
  })

  it('fail alone, and leave nothing of themselves', () => {
    const { database, runner } = open()
    const [first] = runner.runTogether([create])
    const id = first?.kind === 'done' ? (first.value as { readonly id: string }).id : ''
    const question = runner.run({ store: 'conversations', method: 'beginQuestion', arguments: [id, 'hi', null], at: 1 })
    expect(question.kind).toBe('done')
    const outcomes = runner.runTogether([create, broken, halfDone(id), create])
    expect(outcomes).toMatchObject([
      { kind: 'done' },
      { kind: 'failed', error: { code: 'conversation_not_found' } },
      { kind: 'failed', error: { code: 'message_not_found' } },
      { kind: 'done' },
    ])
    expect(database.get('SELECT count(*) AS n FROM conversations')).toEqual({ n: 3 })
    // The reply that the half-done operation had marked as interrupted still streams.
    expect(database.get("SELECT count(*) AS n FROM messages WHERE state = 'streaming'")).toEqual({ n: 1 })
    database.close()
  })

  it('that do not fit on the disk fail as such; the others are kept, and later ones again', () => {
    const { database } = open()
    const runner = new OperationRunner(database)
    const pages = Number(database.get('PRAGMA page_count')?.['page_count'])
    database.script(`PRAGMA max_page_count = ${pages + 2}`)
    const large: Operation = { ...create, arguments: [{ ...newConversation, systemPrompt: 'x'.repeat(50_000) }] }
    expect(runner.runTogether([create, large, create])).toMatchObject([
      { kind: 'done' },
      { kind: 'failed', error: { code: 'storage_full' } },
      { kind: 'done' },
    ])
    expect(database.get('SELECT count(*) AS n FROM conversations')).toEqual({ n: 2 })
    expect(database.get('PRAGMA integrity_check')).toEqual({ integrity_check: 'ok' })
    database.script('PRAGMA max_page_count = 1000')
    expect(runner.runTogether([large])).toMatchObject([{ kind: 'done' }])
    database.close()
  })

  it('all fail where another process keeps the lock', () => {
    const { database, runner } = openDatabase({ path, builtInAssistants: [], lockTimeoutMs: 1, at: 1 })
    const other = new DatabaseSync(path)
    other.exec('BEGIN IMMEDIATE')
    expect(runner.runTogether([create, create])).toMatchObject([
      { kind: 'failed', error: { code: 'storage_failed' } },
      { kind: 'failed', error: { code: 'storage_failed' } },
    ])
    other.close()
    expect(runner.runTogether([create])).toMatchObject([{ kind: 'done' }])
    database.close()
  })
})
