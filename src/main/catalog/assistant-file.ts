import type { AssistantFile, AssistantValues } from '../../shared/domain/assistant.ts'

/** An assistant as a file. */
export function assistantFile(values: AssistantValues): AssistantFile {
  return { format: 'switchboard.assistant', formatVersion: 1, ...valuesOf(values) }
}

/** The values alone, without id and versions. */
export function valuesOf({ name, model, systemPrompt, parameters }: AssistantValues): AssistantValues {
  return { name, model, systemPrompt, parameters }
}
