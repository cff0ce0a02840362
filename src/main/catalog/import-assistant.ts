import { callName, type Assistant, type AssistantFile } from '../../shared/domain/assistant.ts'
import type { AssistantRepository } from '../storage/repositories.ts'

/** Most characters of a name; the number of a copy goes with it. */
const MAX_NAME = 80

/** Adds the assistant of a file. A name that is taken gets a number: nothing is overwritten. */
export async function importAssistant(
  assistants: Pick<AssistantRepository, 'list' | 'create'>,
  { name, model, systemPrompt, parameters }: AssistantFile,
): Promise<Assistant> {
  const taken = new Set((await assistants.list()).map((assistant) => callName(assistant.name)))
  let free = name
  for (let count = 2; taken.has(callName(free)); count += 1) {
    const suffix = ` ${count}`
    free = `${name.slice(0, MAX_NAME - suffix.length).trimEnd()}${suffix}`
  }
  return await assistants.create({ name: free, model, systemPrompt, parameters })
}
