import { createStore, type StoreApi } from 'zustand/vanilla'
import { toSwitchboardError } from '../bridge/reviving-link.ts'
import { notLoaded, type Loadable } from './loadable.ts'

/** One fetched value with its state of loading. */
export interface Resource<Value> {
  readonly store: StoreApi<Loadable<Value>>
  load(): Promise<void>
  /** Fetches again if it was fetched before. A page that was never opened costs nothing. */
  refresh(): Promise<void>
  set(value: Value): void
}

export function createResource<Value>(fetch: () => Promise<Value>): Resource<Value> {
  const store = createStore<Loadable<Value>>(() => notLoaded)
  let generation = 0
  const load = async (): Promise<void> => {
    const mine = (generation += 1)
    store.setState({ kind: 'loading', value: store.getState().value }, true)
    try {
      const value = await fetch()
      if (mine === generation) store.setState({ kind: 'ready', value }, true)
    } catch (thrown) {
      if (mine === generation)
        store.setState({ kind: 'failed', value: store.getState().value, error: toSwitchboardError(thrown) }, true)
    }
  }
  return {
    store,
    load,
    async refresh() {
      if (generation > 0) await load()
    },
    set(value) {
      generation += 1
      store.setState({ kind: 'ready', value }, true)
    },
  }
}
