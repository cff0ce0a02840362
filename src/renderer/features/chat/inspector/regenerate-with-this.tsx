import { Button } from '@mantine/core'
import { IconRefresh } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import { useStore } from 'zustand'
import { emptyEntry, shownMessages } from '../../../stores/chat-state.ts'
import { useStores } from '../../../stores/stores.ts'
import type { Form } from './use-form.ts'

/** Writes the newest reply again with what stands in the fields. Nothing before the first reply. */
export function RegenerateWithThis({
  conversationId,
  form,
}: {
  readonly conversationId: string | undefined
  readonly form: Form
}) {
  const { t } = useTranslation()
  const { chat } = useStores()
  const replyId = useStore(chat.store, (state) => {
    const entry = conversationId === undefined ? undefined : state.entries[conversationId]
    if (entry?.turn) return null
    return shownMessages(entry ?? emptyEntry).findLast(({ role }) => role === 'assistant')?.id ?? null
  })
  const busy = useStore(
    chat.store,
    (state) => conversationId !== undefined && Boolean(state.entries[conversationId]?.turn),
  )
  if (conversationId === undefined || (replyId === null && !busy)) return null
  const regenerate = async (): Promise<void> => {
    if (replyId !== null && (await form.saveNow())) await chat.regenerate(conversationId, replyId)
  }
  return (
    <Button
      size="xs"
      variant="default"
      disabled={busy || form.state.kind === 'invalid'}
      leftSection={<IconRefresh size={14} aria-hidden />}
      onClick={() => void regenerate()}
    >
      {t('inspector.regenerate')}
    </Button>
  )
}
