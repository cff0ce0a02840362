import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach } from 'vitest'
import type { NewConversation, Storage } from '../repositories.ts'
import { openStorage, type StorageOptions } from '../storage.ts'

export const webShop = { id: 'web-shop', name: 'Web shop', model: null, systemPrompt: 'You help.', parameters: {} }

export const newConversation: NewConversation = {
  assistantId: null,
  model: 'demo',
  systemPrompt: 'Be brief.',
  parameters: { temperature: 0.5 },
}

/** What a test of the storage works with; all of it is new for each test. */
export interface TestContext {
  folder: string
  path: string
  /** What the storage takes for the time; a test may set it. */
  clock: number
  storage: Storage
  /** Opens the same file once more, as another process would; the test disposes it. */
  openAnother(): Promise<Storage>
  /** Stores a question and its whole answer in a new conversation. Returns the conversation's id. */
  say(question: string, answer: string): Promise<string>
}

/** Gives each test of a file a storage of its own. */
export function useTemporaryStorage({ workers }: Pick<StorageOptions, 'workers'>): TestContext {
  const open = (): Promise<Storage> =>
    openStorage({ path: context.path, builtInAssistants: [webShop], now: () => context.clock, workers })
  const context = {
    openAnother: open,
    async say(question, answer) {
      const { conversations } = context.storage
      const { id } = await conversations.create(newConversation)
      const { reply } = await conversations.beginQuestion(id, question, undefined)
      await conversations.endReply(reply.id, { text: answer, state: { kind: 'complete' }, receipt: null })
      return id
    },
  } as TestContext
  beforeEach(async () => {
    context.folder = mkdtempSync(join(tmpdir(), 'storage-'))
    context.path = join(context.folder, 'switchboard.db')
    context.clock = 1_000_000
    context.storage = await open()
  })
  afterEach(async () => {
    await context.storage.dispose()
    rmSync(context.folder, { recursive: true, force: true })
  })
  return context
}
