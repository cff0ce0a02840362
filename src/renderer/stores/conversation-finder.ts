import { createStore, type StoreApi } from 'zustand/vanilla'
import type { ConsoleClient } from '../../shared/contracts/console-bridge.ts'
import type { ConversationSummary } from '../../shared/domain/conversation.ts'

/** Conversations and the text they were found by; without a text, the newest ones. */
export interface Found {
  readonly text: string
  readonly found: readonly ConversationSummary[]
}

export interface ConversationFinder {
  readonly store: StoreApi<Found>
  /** Asks once the typing rests; the answer replaces what was found before, unless it was overtaken. */
  find(text: string): void
}

const restMs = 120

/** Finds conversations for the command palette, whatever the list of the chat is searching for. */
export function createConversationFinder(client: ConsoleClient): ConversationFinder {
  const store = createStore<Found>(() => ({ text: '', found: [] }))
  let generation = 0
  let timer: ReturnType<typeof setTimeout> | undefined

  const ask = async (mine: number, text: string): Promise<void> => {
    // A palette that finds no conversation still has its actions; that the program is gone stands over the page.
    const found = await client.conversations.list(text === '' ? {} : { search: text.slice(0, 200) }).then(
      ({ items }) => items,
      () => [],
    )
    if (mine === generation) store.setState({ text, found })
  }
  return {
    store,
    find(text) {
      const mine = (generation += 1)
      clearTimeout(timer)
      timer = setTimeout(() => void ask(mine, text.trim()), text === '' ? 0 : restMs)
    },
  }
}
