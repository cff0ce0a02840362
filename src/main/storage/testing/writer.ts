/** Writes turns for ever and says on standard output what is committed; killed by the test that starts it. */
import { writeSync } from 'node:fs'
import { openStorage } from '../storage.ts'

const { conversations } = openStorage({ path: process.argv[2] ?? '', builtInPresets: [] })
const acknowledge = (messageId: string, content: string, state: string): void =>
  void writeSync(1, `${JSON.stringify({ messageId, content, state })}\n`)

for (let turn = 0; ; turn += 1) {
  const conversation = conversations.create({ model: 'demo', presetId: null, systemPrompt: '', parameters: {} })
  const { question, reply } = conversations.addQuestion(conversation.id, `question ${turn}`, undefined)
  acknowledge(question.id, question.content, 'complete')
  let content = ''
  for (let piece = 0; piece < 5; piece += 1) {
    const text = `piece ${piece} 退款 `
    conversations.appendText(reply.id, text)
    content += text
    acknowledge(reply.id, content, 'streaming')
  }
  conversations.endReply(reply.id, { text: 'end', state: { kind: 'complete' }, receipt: null })
  acknowledge(reply.id, `${content}end`, 'complete')
}
