import { useMemo } from 'react'
import { useStore } from 'zustand'
import { useStores } from '../../../stores/stores.ts'
import { useChatContext } from '../chat-context.ts'
import { answererOf, type Answerer, type Catalog, type Choice } from './answerer.ts'

/** What conversations are answered by, as far as it was fetched; null until then. */
export function useCatalog(): Catalog | null {
  const { assistants: assistantList, models: modelList, settings, status } = useStores()
  const assistants = useStore(assistantList.store, (state) => state.value)
  const models = useStore(modelList.store, (state) => state.value)
  const defaultAssistantId = useStore(settings.store, (state) => state.settings.defaultAssistantId)
  const wanted = useStore(settings.store, (state) => state.settings.defaultModel)
  // The program answers with another model where the one that was wanted is gone.
  const defaultModel = useStore(status.store, (state) => state.status?.defaultModel ?? wanted)
  return useMemo(
    () => (assistants && models ? { assistants, models, defaultModel, defaultAssistantId } : null),
    [assistants, models, defaultModel, defaultAssistantId],
  )
}

/** What was chosen for this conversation, or for a new one; null while the conversation is not loaded. */
export function useChoice(id: string | undefined): Choice | null {
  const { chat } = useStores()
  const { fresh } = useChatContext()
  const assistantId = useStore(chat.store, (state) =>
    id === undefined ? undefined : state.entries[id]?.conversation?.assistantId,
  )
  const model = useStore(chat.store, (state) => (id === undefined ? undefined : state.entries[id]?.conversation?.model))
  return useMemo(() => {
    if (id === undefined) return { assistantId: fresh.assistantId, model: fresh.model }
    return assistantId === undefined ? null : { assistantId, model: model ?? null }
  }, [id, fresh, assistantId, model])
}

/** What answers in this conversation, or in a new one; null while that is not known. */
export function useAnswerer(id: string | undefined): Answerer | null {
  const catalog = useCatalog()
  const choice = useChoice(id)
  return useMemo(() => (catalog && choice ? answererOf(choice, catalog) : null), [catalog, choice])
}

/** Chooses what answers from the next message on. */
export function useChoose(id: string | undefined): (choice: Choice) => void {
  const { chat } = useStores()
  const { setFresh } = useChatContext()
  return ({ assistantId = null, model }) => {
    if (id === undefined) setFresh({ assistantId, model })
    else void chat.update(id, { assistantId, model })
  }
}
