/** A home folder for the window's figures: a long conversation, 50,000 messages, a model with a large vocabulary. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { indexText } from '../../src/main/storage/search-text.ts'
import { openStorage } from '../../src/main/storage/storage.ts'
import { largeByteLevelJson, randomWords } from '../../src/main/text/tokenizer.fixture.ts'
import { writeRandomCheckpoint } from '../peers/random-checkpoint.ts'
import { command } from '../server-process.ts'

export const longTitle = 'Four hundred messages'
export const shortTitle = 'A short one'
const LONG_TURNS = 200
export const ARCHIVED_MESSAGES = 50_000
/** Occurs in every archived message and, the demo model being a shop's, in no reply. */
export const archivedWord = 'zeppelin'
export const largeModel = 'large-vocabulary'

export interface PreparedHome {
  readonly home: string
  readonly database: string
  readonly vocabulary: number
  /** A megabyte of text whose words the large vocabulary is made of, less what a request around it needs. */
  readonly megabyte: string
}

export async function prepareHome(): Promise<PreparedHome> {
  const home = mkdtempSync(join(tmpdir(), 'switchboard-window-'))
  const database = join(home, 'switchboard.db')
  const storage = await openStorage({ path: database, builtInAssistants: [], workers: false })
  const conversation = async (title: string, turns: number): Promise<string> => {
    const { conversations } = storage
    const { id } = await conversations.create({ assistantId: null, model: null, systemPrompt: '', parameters: {} })
    for (let turn = 1; turn <= turns; turn += 1) {
      const { reply } = await conversations.beginQuestion(
        id,
        `Question ${turn}: where is order ${turn * 7919}?`,
        undefined,
      )
      const text = `**Order ${turn * 7919}** is on its way.\n\n- Delivery takes 2-4 working days.\n- Returns: 30 days.`
      await conversations.endReply(reply.id, { text, state: { kind: 'complete' }, receipt: null })
    }
    await conversations.update(id, { title })
    return id
  }
  const archive = await conversation('Archive', 1)
  await conversation(longTitle, LONG_TURNS)
  await conversation(shortTitle, 1)
  await storage.dispose()
  fillArchive(database, archive)
  return { home, database, ...importLargeModel(home) }
}

/** One transaction: the storage's own calls would sync the disk 50,000 times. */
function fillArchive(path: string, conversationId: string): void {
  const database = new DatabaseSync(path)
  database.exec('BEGIN')
  const insert = database.prepare(
    `INSERT INTO messages (id, conversation_id, role, content, state, created_at)
     VALUES (?, ?, 'user', ?, 'complete', 0) RETURNING seq`,
  )
  const index = database.prepare('INSERT INTO search_index (rowid, body) VALUES (?, ?)')
  for (let number = 0; number < ARCHIVED_MESSAGES; number += 1) {
    const text = `message ${number} about a ${archivedWord} 退款`
    const { seq } = insert.get(`archived-${number}`, conversationId, text) as { readonly seq: number }
    index.run(seq, indexText(text))
  }
  database.exec('COMMIT')
  database.close()
}

/** A small network, so that loading it costs little beside its tokenizer. */
function importLargeModel(home: string): Pick<PreparedHome, 'vocabulary' | 'megabyte'> {
  const words = randomWords(1, 40_000)
  const tokenizer = largeByteLevelJson(words)
  const { vocab } = tokenizer['model'] as { readonly vocab: Readonly<Record<string, number>> }
  const added = tokenizer['added_tokens'] as readonly { readonly id: number }[]
  const ids = [...Object.values(vocab), ...added.map(({ id }) => id)]
  const vocabulary = 1 + ids.reduce((highest, id) => Math.max(highest, id), 0)
  const source = mkdtempSync(join(tmpdir(), 'switchboard-large-'))
  try {
    const size = { layers: 1, hidden: 64, heads: 2, kvHeads: 2, headDim: 32, intermediate: 128, maxPositions: 2048 }
    writeRandomCheckpoint(source, { name: largeModel, vocabulary, ...size })
    writeFileSync(join(source, 'tokenizer.json'), JSON.stringify(tokenizer))
    writeFileSync(join(source, 'tokenizer_config.json'), JSON.stringify({ tokenizer_class: 'Qwen2Tokenizer' }))
    command(home, 'models', 'import', source, '--name', largeModel, '--precision', 'fp32')
  } finally {
    rmSync(source, { recursive: true, force: true })
  }
  return { vocabulary, megabyte: words.join(' ').repeat(4).slice(0, 1_000_000) }
}
