import { IconRefresh } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import { useStore } from 'zustand'
import { useStores } from '../../../stores/stores.ts'
import { CopyButton } from '../../../ui/copy-button.tsx'
import { Markdown } from '../../../ui/markdown.tsx'
import { Action } from './action.tsx'
import { BranchNavigator } from './branch-navigator.tsx'
import { Ending } from './ending.tsx'
import type { MessageItemProps } from './message-item.tsx'
import { ReceiptLine } from './receipt-line.tsx'
import { Waiting } from './waiting.tsx'
import styles from './message-item.module.css'

/** What the assistant answered, how it ended, and its receipt. */
export function Reply({ message, versions, writing, last }: MessageItemProps) {
  const { t } = useTranslation()
  const { chat, models } = useStores()
  const { conversationId } = message
  const busy = useStore(chat.store, (state) => Boolean(state.entries[conversationId]?.turn))
  const demo = useStore(
    models.store,
    (state) => state.value?.some((model) => model.demo && model.name === message.receipt?.model) ?? false,
  )
  const regenerate = (): void => void chat.regenerate(conversationId, message.id)
  return (
    <article className={styles.reply} aria-label={t('chat.assistant')} aria-busy={writing}>
      {writing ? <Writing conversationId={conversationId} /> : <Markdown text={message.content} />}
      {writing ? null : <Ending message={message} busy={busy} onRetry={regenerate} />}
      {writing ? null : (
        <div className={`${styles.footer} ${last ? styles.last : ''}`}>
          <div className={styles.actions}>
            {versions ? <BranchNavigator conversationId={conversationId} versions={versions} busy={busy} /> : null}
            <CopyButton text={message.content} label={t('chat.copyMessage')} />
            <Action label={t('chat.regenerate')} disabled={busy} onClick={regenerate}>
              <IconRefresh size={16} aria-hidden />
            </Action>
          </div>
          {message.receipt ? <ReceiptLine receipt={message.receipt} demo={demo} /> : null}
        </div>
      )}
    </article>
  )
}

/** The growing text: the only part of the list that renders while a reply streams. */
function Writing({ conversationId }: { readonly conversationId: string }) {
  const { chat } = useStores()
  const text = useStore(chat.store, (state) => {
    const turn = state.entries[conversationId]?.turn
    return turn?.kind === 'writing' ? turn.text : ''
  })
  return text === '' ? <Waiting conversationId={conversationId} /> : <Markdown text={text} />
}

/** The place of a reply that has not begun. */
export function PendingReply({ conversationId }: { readonly conversationId: string }) {
  const { t } = useTranslation()
  return (
    <article className={styles.reply} aria-label={t('chat.assistant')} aria-busy>
      <Waiting conversationId={conversationId} />
    </article>
  )
}
