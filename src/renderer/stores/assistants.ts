import { createStore, type StoreApi } from 'zustand/vanilla'
import type { ConsoleClient } from '../../shared/contracts/console-bridge.ts'
import type { Assistant, AssistantValues } from '../../shared/domain/assistant.ts'
import { toSwitchboardError } from '../bridge/reviving-link.ts'
import { PendingEdits } from '../lib/pending-edits.ts'
import type { Saving } from '../lib/saving.ts'
import { createResource, type Resource } from './resources.ts'

export interface AssistantsStore extends Resource<readonly Assistant[]> {
  /** Whether the last edit of each assistant was kept, by id. */
  readonly saving: StoreApi<Readonly<Record<string, Saving>>>
  /** Shows the change at once; `saving` says whether it was kept. */
  update(id: string, patch: Partial<AssistantValues>): Promise<void>
}

export function createAssistantsStore(client: ConsoleClient): AssistantsStore {
  const edits = new Map<string, PendingEdits<AssistantValues>>()
  const resource = createResource(async () =>
    (await client.assistants.list()).map((assistant) => edits.get(assistant.id)?.over(assistant) ?? assistant),
  )
  const saving = createStore<Readonly<Record<string, Saving>>>(() => ({}))
  const show = (id: string, fields: Partial<Assistant>): void => {
    const { value } = resource.store.getState()
    if (value) resource.set(value.map((other) => (other.id === id ? { ...other, ...fields } : other)))
  }
  return {
    ...resource,
    saving,
    async update(id, patch) {
      const current = resource.store.getState().value?.find((assistant) => assistant.id === id)
      if (!current) return
      const pending = edits.get(id) ?? new PendingEdits<AssistantValues>()
      edits.set(id, pending)
      const edit = pending.begin(patch, current)
      show(id, patch)
      saving.setState({ [id]: { kind: 'saving' } })
      try {
        const answer = await client.assistants.update({ id, ...patch })
        const { version, publishedVersion, updatedAt } = answer
        show(id, { version, publishedVersion, updatedAt, ...pending.accept(edit, answer) })
        if (pending.isEmpty && saving.getState()[id]?.kind === 'saving') saving.setState({ [id]: { kind: 'saved' } })
      } catch (thrown) {
        show(id, pending.refuse(edit))
        saving.setState({ [id]: { kind: 'failed', error: toSwitchboardError(thrown) } })
      }
    },
  }
}
