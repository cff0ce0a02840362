import type { ParameterOverrides } from './conversation.ts'

/** What an assistant is made of. */
export interface AssistantValues {
  /** 1 to 80 characters. Its {@link callName} is unlike that of every other assistant. */
  readonly name: string
  /** Catalog name of the model that answers; null takes the default model. */
  readonly model: string | null
  readonly systemPrompt: string
  readonly parameters: ParameterOverrides
}

/**
 * A named model, system prompt and parameters: what people talk to and programs call. People in the window get the
 * latest version, programs the published one.
 */
export interface Assistant extends AssistantValues {
  readonly id: string
  /** The latest version, counted from 1. */
  readonly version: number
  /** The version that programs get; null while they may not call it. Equal to `version` or older. */
  readonly publishedVersion: number | null
  /** Comes with the program; it can be changed like any other. */
  readonly builtIn: boolean
  /** Milliseconds since the epoch. */
  readonly createdAt: number
  readonly updatedAt: number
}

/** One state of an assistant. A version never changes once it was published; an edit after that makes a new one. */
export interface AssistantVersion extends AssistantValues {
  readonly version: number
  readonly published: boolean
  /** Milliseconds since the epoch. */
  readonly createdAt: number
  readonly updatedAt: number
}

/** An assistant as a file: what an export writes and an import reads. */
export interface AssistantFile extends AssistantValues {
  readonly format: 'switchboard.assistant'
  readonly formatVersion: 1
}

/** What programs write into `model`: lower case, blanks as hyphens. `Tea shop` is called as `tea-shop`. */
export function callName(name: string): string {
  return name.normalize('NFKC').trim().toLowerCase().replace(/\s+/gu, '-')
}
