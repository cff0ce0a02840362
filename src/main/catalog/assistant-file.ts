import type { AssistantFile, AssistantValues } from '../../shared/domain/assistant.ts'

/** The export format of an assistant. */
export function assistantFile(values: AssistantValues): AssistantFile {
  return { format: 'switchboard.assistant', formatVersion: 1, ...valuesOf(values) }
}

/** The values of an assistant without its id and versions. */
export function valuesOf({ name, model, systemPrompt, parameters }: AssistantValues): AssistantValues {
  return { name, model, systemPrompt, parameters }
}
