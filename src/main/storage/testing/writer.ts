/** Writes turns for ever and reports on standard output what is committed, until the test that started it kills it. */
import { writeSync } from 'node:fs'
import { openStorage } from '../storage.ts'

const { conversations } = await openStorage({ path: process.argv[2] ?? '', builtInAssistants: [], workers: true })
const acknowledge = (messageId: string, content: string, state: string): void =>
  void writeSync(1, `${JSON.stringify({ messageId, content, state })}\n`)

async function writeTurn(number: number): Promise<void> {
  const { id } = await conversations.create({ assistantId: null, model: 'demo', systemPrompt: '', parameters: {} })
  const { question, reply } = await conversations.beginQuestion(id, `question ${number}`, undefined)
  acknowledge(question.id, question.content, 'complete')
  let content = ''
  for (let piece = 0; piece < 5; piece += 1) {
    const text = `piece ${piece} 退款 `
    await conversations.appendText(reply.id, text)
    content += text
    acknowledge(reply.id, content, 'streaming')
  }
  await conversations.endReply(reply.id, { text: 'end', state: { kind: 'complete' }, receipt: null })
  acknowledge(reply.id, `${content}end`, 'complete')
}

// Several at once, so that their writes share commits.
await Promise.all(
  Array.from({ length: 4 }, async (_, lane) => {
    for (let turn = 0; ; turn += 1) await writeTurn(4 * turn + lane)
  }),
)
