import { callName, type Assistant, type AssistantFile } from '../../shared/domain/assistant.ts'
import type { AssistantRepository } from '../storage/repositories.ts'

/** Characters of a name, including the number of a copy. */
const MAX_NAME_CHARACTERS = 80

/** Adds an exported assistant. If the name is taken, a number is appended; nothing is overwritten. */
export async function importAssistant(
  assistants: Pick<AssistantRepository, 'list' | 'create'>,
  { name, model, systemPrompt, parameters }: AssistantFile,
): Promise<Assistant> {
  const taken = new Set((await assistants.list()).map((assistant) => callName(assistant.name)))
  let free = name
  for (let count = 2; taken.has(callName(free)); count += 1) {
    const suffix = ` ${count}`
    free = `${name.slice(0, MAX_NAME_CHARACTERS - suffix.length).trimEnd()}${suffix}`
  }
  return await assistants.create({ name: free, model, systemPrompt, parameters })
}
