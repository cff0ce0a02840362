import { join } from 'node:path'
import type { ParameterOverrides } from '../../src/shared/domain/conversation.ts'
import { openStorage } from '../../src/main/storage/storage.ts'
import { newHome } from './paths.ts'

export interface PreparedConversation {
  readonly title: string
  readonly parameters?: ParameterOverrides
  readonly turns?: readonly { readonly question: string; readonly reply: string }[]
}

/** A new home whose database holds these conversations with the demo model, stored before the app first starts. */
export async function prepareHome(conversations: readonly PreparedConversation[]): Promise<string> {
  const home = newHome()
  const storage = await openStorage({ path: join(home, 'switchboard.db'), builtInAssistants: [], workers: false })
  for (const { title, parameters = {}, turns = [] } of conversations) {
    const values = { assistantId: null, model: null, systemPrompt: '', parameters }
    const { id } = await storage.conversations.create(values)
    await storage.conversations.update(id, { title })
    for (const { question, reply: text } of turns) {
      const { reply } = await storage.conversations.beginQuestion(id, question, undefined)
      await storage.conversations.endReply(reply.id, { text, state: { kind: 'complete' }, receipt: null })
    }
  }
  await storage.dispose()
  return home
}

/**
 * A conversation in which {@link longQuestion} is answered with 900 tokens, over a second of streaming, so that a test
 * can act during the reply. The demo model's usual replies have about 25 tokens and end within a tenth of a second;
 * this seed with these parameters does not reach an end token.
 */
export const longConversation: PreparedConversation = {
  title: 'Long replies',
  parameters: { temperature: 2, topP: 1, topK: 0, minP: 0, repetitionPenalty: 2, maxTokens: 900, seed: 0 },
}
export const longQuestion = 'Tell me everything about your shop.'
