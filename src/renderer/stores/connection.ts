import { createStore, type StoreApi } from 'zustand/vanilla'
import type { ConsoleConnection } from '../bridge/connect.ts'
import type { ConnectionState } from '../bridge/connection-state.ts'

export interface ConnectionStore {
  readonly store: StoreApi<ConnectionState>
  retry(): void
}

/** Mirrors the connection; `onOpen` runs at the first opening and after each reconnect. */
export function createConnectionStore(connection: ConsoleConnection, onOpen: () => void): ConnectionStore {
  const store = createStore<ConnectionState>(() => connection.state())
  connection.watch((state) => {
    store.setState(state, true)
    if (state.kind === 'open') onOpen()
  })
  if (connection.state().kind === 'open') onOpen()
  return { store, retry: () => connection.retry() }
}
