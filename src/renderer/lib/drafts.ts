import { createStore, type StoreApi } from 'zustand/vanilla'

const prefix = 'switchboard.draft.'

/** Unsent text, one a conversation, kept over page changes, reloads and restarts. */
export class Drafts {
  /** What was written since the window opened; earlier drafts are read from storage. */
  readonly store: StoreApi<Readonly<Record<string, string>>> = createStore(() => ({}))
  readonly #storage: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>

  constructor(storage: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>) {
    this.#storage = storage
  }

  read(conversationId: string): string {
    return this.store.getState()[conversationId] ?? this.#storage.getItem(prefix + conversationId) ?? ''
  }

  /** Full or blocked storage is no error: the text stays in the window, and false says that it would not outlive it. */
  write(conversationId: string, text: string): boolean {
    this.store.setState({ [conversationId]: text })
    try {
      if (text === '') this.#storage.removeItem(prefix + conversationId)
      else this.#storage.setItem(prefix + conversationId, text)
      return true
    } catch {
      return false
    }
  }
}
