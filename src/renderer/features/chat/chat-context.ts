import { createContext, use } from 'react'
import type { StoreApi } from 'zustand/vanilla'
import type { AssistantValues } from '../../../shared/domain/assistant.ts'
import type { Choice } from './header/answerer.ts'
import type { FieldName } from './inspector/form-values.ts'

/** A conversation before its first message: what answers, and its own instructions where no assistant does. */
export interface NewConversation extends Choice {
  readonly own: Pick<AssistantValues, 'systemPrompt' | 'parameters'>
}

export const newConversation: NewConversation = {
  assistantId: undefined,
  model: null,
  own: { systemPrompt: '', parameters: {} },
}

/** What the parts of the chat page share. */
export interface ChatContext {
  readonly fresh: NewConversation
  readonly setFresh: (change: Partial<NewConversation>) => void
  /** Opens the inspector, with the focus in this field where one is named. */
  readonly openInspector: (field?: FieldName) => void
  /** The question that a notice under its reply asks to edit; null while there is none. */
  readonly editRequest: StoreApi<{ readonly messageId: string | null }>
}

const Context = createContext<ChatContext | null>(null)

export const ChatContextProvider = Context

export function useChatContext(): ChatContext {
  const context = use(Context)
  if (!context) throw new Error('useChatContext needs the chat page above it')
  return context
}
