import { createStore, type StoreApi } from 'zustand/vanilla'

const prefix = 'switchboard.draft.'

/** Unsent text, one a conversation and one a message being edited, kept over page changes, reloads and restarts. */
export class Drafts {
  /** What was written since the window opened; earlier drafts are read from storage. */
  readonly store: StoreApi<Readonly<Record<string, string>>> = createStore(() => ({}))
  readonly #storage: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>

  constructor(storage: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>) {
    this.#storage = storage
  }

  read(key: string): string {
    return this.store.getState()[key] ?? this.#storage.getItem(prefix + key) ?? ''
  }

  /** Full or blocked storage is no error: the text stays in the window, and false says that it would not outlive it. */
  write(key: string, text: string): boolean {
    this.store.setState({ [key]: text })
    try {
      if (text === '') this.#storage.removeItem(prefix + key)
      else this.#storage.setItem(prefix + key, text)
      return true
    } catch {
      return false
    }
  }

  /** Puts back a text that was refused; what was written since then follows it. */
  giveBack(key: string, refused: string): boolean {
    const draft = this.read(key)
    return this.write(key, draft === '' ? refused : `${refused}\n\n${draft}`)
  }
}

/** The key under which an edit in progress is kept. */
export function editKey(messageId: string): string {
  return `edit:${messageId}`
}
