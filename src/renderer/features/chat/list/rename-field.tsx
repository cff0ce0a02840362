import { TextInput } from '@mantine/core'
import { useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { ConversationSummary } from '../../../../shared/domain/conversation.ts'
import { useStores } from '../../../stores/stores.ts'
import { useNotifyFailure } from '../../../ui/notify-failure.ts'
import { isComposing } from '../composer/composing.ts'
import styles from './conversation-list.module.css'

/** The title as a field: Enter and leaving save it, Esc does not. */
export function RenameField({
  conversation: { id, title: before },
  onDone,
}: {
  readonly conversation: Pick<ConversationSummary, 'id' | 'title'>
  readonly onDone: () => void
}) {
  const { t } = useTranslation()
  const { conversations, chat } = useStores()
  const notifyFailure = useNotifyFailure()
  const [title, setTitle] = useState(before)
  const done = useRef(false)
  const finish = (next: string): void => {
    // Enter ends the field, and its end leaves it.
    if (done.current) return
    done.current = true
    onDone()
    if (next === '' || next === before) return
    const rename = async (): Promise<void> => {
      await conversations.rename(id, next)
      if (chat.store.getState().entries[id]?.conversation) await chat.refresh(id)
    }
    rename().catch((thrown: unknown) => notifyFailure(thrown, (reason) => t('chat.renameFailed', { reason })))
  }
  return (
    <TextInput
      className={styles.rename ?? ''}
      aria-label={t('chat.renameLabel')}
      size="xs"
      maxLength={200}
      autoFocus
      value={title}
      onFocus={(event) => event.currentTarget.select()}
      onChange={(event) => setTitle(event.currentTarget.value)}
      onBlur={() => finish(title.trim())}
      onKeyDown={(event) => {
        // The keys of the list are not those of the field.
        event.stopPropagation()
        if (isComposing(event)) return
        if (event.key === 'Enter') finish(title.trim())
        else if (event.key === 'Escape') finish('')
      }}
    />
  )
}
