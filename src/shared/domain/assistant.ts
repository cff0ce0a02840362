import type { ParameterOverrides } from './conversation.ts'

/** What an assistant is made of; a change of any of it makes a new version. */
export interface AssistantValues {
  /** Programs call the assistant by this name. Unlike the names of all models and other assistants, case ignored. */
  readonly name: string
  /** Catalog name of the model that answers; null takes the default model. */
  readonly model: string | null
  readonly systemPrompt: string
  readonly parameters: ParameterOverrides
}

/** A named model, system prompt and parameters: what people talk to and programs call. */
export interface Assistant extends AssistantValues {
  readonly id: string
  /** Counted from 1. */
  readonly version: number
  /** Whether programs may call it and see it in `GET /v1/models`. */
  readonly published: boolean
  /** Comes with the program; it can be changed like any other, and put back as it came. */
  readonly builtIn: boolean
  /** Milliseconds since the epoch. */
  readonly createdAt: number
  readonly updatedAt: number
}

/** An earlier or the present state of an assistant. */
export interface AssistantVersion extends AssistantValues {
  readonly version: number
  /** Milliseconds since the epoch. */
  readonly createdAt: number
}

/** An assistant as a file: what `export` writes and `import` reads. */
export interface AssistantFile extends AssistantValues {
  readonly format: 'switchboard.assistant'
  readonly formatVersion: 1
}
