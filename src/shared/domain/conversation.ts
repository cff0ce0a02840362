import type { SerialisedError } from '../errors/switchboard-error.ts'
import type { Receipt } from './generation.ts'
import type { ParameterOverrides } from './sampling.ts'

export type { ParameterOverrides } from './sampling.ts'

export type Role = 'system' | 'user' | 'assistant'

/**
 * One message of a prompt, before the template is applied. A `tool` message is what a tool the reply called gave back.
 */
export interface PromptMessage {
  readonly role: Role | 'tool'
  readonly content: string
  /** Only on replies: the tools they called. */
  readonly toolCalls?: readonly ToolCall[]
}

export interface ToolCall {
  readonly name: string
  readonly arguments: Readonly<Record<string, unknown>>
}

/** A tool as the model is told of it. `parameters` is the JSON Schema of its arguments, as it was sent. */
export interface ToolDescription {
  readonly name: string
  readonly description: string | null
  readonly parameters: Readonly<Record<string, unknown>>
}

/**
 * How far a reply got. `streaming` rows found at start belong to a dead process and become `interrupted`.
 * A reply that is not `complete` is never shown as if it were.
 */
export type MessageState =
  | { readonly kind: 'complete' }
  | { readonly kind: 'streaming' }
  | { readonly kind: 'stopped' }
  | { readonly kind: 'interrupted'; readonly error: SerialisedError }

/**
 * Messages form a tree: regenerating a reply or editing a question adds a sibling, nothing is overwritten. The
 * conversation remembers the leaf that is shown.
 */
export interface Message {
  readonly id: string
  readonly conversationId: string
  readonly parentId: string | null
  readonly role: 'user' | 'assistant'
  readonly content: string
  readonly state: MessageState
  /** Only on replies, once they ended. */
  readonly receipt: Receipt | null
  /** Milliseconds since the epoch, for display; order is by id and tree, never by clock. */
  readonly createdAt: number
}

export interface ConversationSummary {
  readonly id: string
  readonly title: string
  /** null: the conversation has instructions of its own. The assistant may be gone. */
  readonly assistantId: string | null
  readonly createdAt: number
  readonly updatedAt: number
  /** Plain text around the match of a search; null where the title matched or nothing was searched. */
  readonly excerpt: string | null
  /** The message the search matched; null where the title matched or nothing was searched. */
  readonly matchedMessageId: string | null
}

export interface Conversation extends Omit<ConversationSummary, 'excerpt' | 'matchedMessageId'> {
  /** Catalog name; null takes the assistant's model, or the default model where there is no assistant. */
  readonly model: string | null
  /** Used only without an assistant. */
  readonly systemPrompt: string
  /** Used only without an assistant. */
  readonly parameters: ParameterOverrides
  /** The shown leaf; null while empty. */
  readonly activeLeafId: string | null
  /** All messages of the tree, oldest first. */
  readonly messages: readonly Message[]
}

/** What one turn yields while it runs. Text in a delta is already stored when it arrives. */
export type TurnEvent =
  | { readonly kind: 'started'; readonly userMessage: Message; readonly reply: Message; readonly title: string }
  | { readonly kind: 'delta'; readonly messageId: string; readonly text: string }
  | { readonly kind: 'ended'; readonly message: Message }
